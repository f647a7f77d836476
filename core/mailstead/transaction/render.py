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

from mailstead.context import Context
from mailstead.errors import RenderError
from mailstead.guard import HINT, Deadline, Nonsense, guarded, name_of
from mailstead.machine.deadline import deadline as real_deadline
from mailstead.module import Module, Template
from mailstead.settings.declare import section_of
from mailstead.transaction.environment import BoundedEnvironment, bounded


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

    deadline: Deadline = real_deadline
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
        def render() -> bytes | None:
            template = _choose(item, context)
            if template is None:
                return None
            found = self._environment(package).get_template(template)
            return bounded(found.generate(_variables(module, item, context)))

        failure = _secret_failure if item.secret else _failure
        content = guarded(self.deadline, name, item.path, render, failure=failure)
        if content is None:
            return None
        return Rendered(
            module=name,
            path=item.path,
            content=content,
            mode=item.mode,
            owner=item.owner,
            group=item.group,
            secret=item.secret,
        )

    def _environment(self, package: ModuleType) -> jinja2.Environment:
        name = package.__name__
        if name not in self._environments:
            loader = jinja2.FileSystemLoader(Path(package.__path__[0]) / "templates")
            self._environments[name] = BoundedEnvironment(loader)
        return self._environments[name]


def _choose(item: Template, context: Context) -> str | None:
    given = item.template if isinstance(item.template, str) else item.template(context)
    if given is not None and not isinstance(given, str):
        raise Nonsense(f"its template is {name_of(given)}, not a file name")
    return given


def _variables(module: Module, item: Template, context: Context) -> Mapping[str, Any]:
    forms: dict[str, Any] = {
        section.name: context.settings.form(cls)
        for cls in module.sections
        if (section := section_of(cls)).kind == "form"
    }
    own = item.variables(context) if item.variables else {}
    if not isinstance(own, Mapping):
        raise Nonsense(f"its variables are {name_of(own)}, not a mapping")
    base = {"context": context, "instance": context.instance, "facts": context.facts}
    return {**base, **forms, **own}


def _failure(where: str, words: str, error: BaseException) -> RenderError:
    return RenderError(words, where=f"{where}{_line(error)}", hint=HINT)


def _secret_failure(where: str, _words: str, error: BaseException) -> RenderError:
    """Tell the kind of failure alone: its words may hold what is never shown."""
    return _failure(where, f"could not be rendered: {type(error).__name__}", error)


def _line(error: BaseException) -> str:
    """Name the template and its line, the innermost one."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f": {error.name}:{error.lineno}"
    found = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = f": {template.name}:{template.get_corresponding_lineno(number)}"
        elif "__jinja_exception__" in frame.f_globals:  # Jinja has put the line right already
            found = f": {Path(frame.f_code.co_filename).name}:{number}"
    return found
