"""Render a module's templates: settings and facts in, bytes out; nothing else.

Undefined names are errors, and a printed value that holds a line end or another control
character is refused, so that no value can become a line of a file (law: rendering is pure,
docs/architecture.md).
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailstead.context import Context
from mailstead.errors import MailsteadError, RenderError
from mailstead.module import Module, Template
from mailstead.settings.declare import section_of


@attrs.frozen
class Rendered:
    """A file as it shall be: system path, content, mode, owner and group by name."""

    module: str
    path: str
    content: bytes
    mode: int
    owner: str
    group: str
    secret: bool = False


@attrs.define
class Renderer:
    """Renders the templates of modules; keeps compiled templates for its lifetime."""

    _environments: dict[str, jinja2.Environment] = attrs.field(factory=dict)

    def files(
        self, name: str, module: Module, package: ModuleType, context: Context
    ) -> tuple[Rendered, ...]:
        """Render all files of a module; one whose template is ``None`` is left out.

        Raises RenderError naming module, template and line.
        """
        made = (self._file(name, module, package, item, context) for item in module.files)
        return tuple(item for item in made if item is not None)

    def _file(
        self, name: str, module: Module, package: ModuleType, item: Template, context: Context
    ) -> Rendered | None:
        where = f"module {name}: {item.path}"
        try:
            chosen = item.template if isinstance(item.template, str) else item.template(context)
            if chosen is None:
                return None
            variables = _variables(module, item, context)
            text = self._environment(package).get_template(chosen).render(variables)
        except MailsteadError:
            raise
        except jinja2.TemplateSyntaxError as error:
            where = f"{where}: {error.name}:{error.lineno}"
            raise RenderError(str(error.message), where=where) from error
        except (Exception, SystemExit) as error:  # a template or plugin may raise anything
            raise RenderError(_words(error), where=f"{where}{_line(error)}") from error
        return Rendered(
            module=name,
            path=item.path,
            content=text.encode(),
            mode=item.mode,
            owner=item.owner,
            group=item.group,
            secret=item.secret,
        )

    def _environment(self, package: ModuleType) -> jinja2.Environment:
        name = package.__name__
        if name not in self._environments:
            self._environments[name] = ImmutableSandboxedEnvironment(
                loader=jinja2.FileSystemLoader(Path(package.__path__[0]) / "templates"),
                undefined=jinja2.StrictUndefined,
                autoescape=False,
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=True,
                finalize=_one_line,
            )
        return self._environments[name]


def _variables(module: Module, item: Template, context: Context) -> Mapping[str, Any]:
    forms: dict[str, Any] = {
        section.name: context.settings.form(cls)
        for cls in module.sections
        if (section := section_of(cls)).kind == "form"
    }
    own = item.variables(context) if item.variables else {}
    base = {"context": context, "instance": context.instance, "facts": context.facts}
    return {**base, **forms, **own}


def _one_line(value: object) -> object:
    text = value if isinstance(value, str) else str(value)
    if any(ord(char) < ord(" ") and char != "\t" for char in text):
        raise ValueError(f"a value holds a control character: {text[:40]!r}")
    return value


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    found = [frame for frame in frames if frame.filename.endswith(".j2")]
    return f": {Path(found[-1].filename).name}:{found[-1].lineno}" if found else ""
