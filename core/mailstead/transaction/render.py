"""Render a module's templates: settings, facts and additions in, bytes out; nothing else.

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
from mailstead.guard import HINT, Deadline, Nonsense, guarded, name_of, one
from mailstead.machine.deadline import deadline as real_deadline
from mailstead.module import Module, Template
from mailstead.settings.declare import section_of
from mailstead.snippet import Snippet
from mailstead.transaction.added import Added, find_added
from mailstead.transaction.additions import NONE, TEMPLATES, Additions
from mailstead.transaction.environment import BoundedEnvironment, bounded


@attrs.frozen
class Rendered:
    """A file as it shall be: system path, content, mode, owner and group by name.

    ``added`` are the additions of an admin's that it was made with.
    """

    module: str
    path: str
    content: bytes
    mode: int
    owner: str
    group: str
    secret: bool = False
    added: tuple[Added, ...] = ()


@attrs.define
class Renderer:
    """Renders the templates of modules; keeps compiled templates for its lifetime."""

    deadline: Deadline = real_deadline
    _environments: dict[str, BoundedEnvironment] = attrs.field(factory=dict)

    def files(
        self,
        name: str,
        module: Module,
        package: ModuleType,
        context: Context,
        additions: Additions = NONE,
    ) -> tuple[Rendered, ...]:
        """Render all files of a module; one whose template is ``None`` is left out.

        Raises RenderError naming module, template and line.
        """
        environment = self._environment(package, additions)
        if additions.overrides:
            what, check = "your templates", environment.compile_overrides
            guarded(self.deadline, name, what, check, failure=_failure)
        work = _Work(name, module, context, environment, additions)
        made = (work.file(self.deadline, item) for item in module.files)
        return tuple(item for item in made if item is not None)

    def names(self, package: ModuleType) -> tuple[str, ...]:
        """Give the names of a plugin's own templates."""
        return tuple(jinja2.FileSystemLoader(_templates(package)).list_templates())

    def _environment(self, package: ModuleType, additions: Additions) -> BoundedEnvironment:
        found = self._environments.get(package.__name__)
        if found is None or found.overrides != additions.overrides:
            found = BoundedEnvironment(_templates(package), additions.overrides)
            self._environments[package.__name__] = found
        return found


@attrs.frozen
class _Work:
    """The rendering of one module's files."""

    name: str
    module: Module
    context: Context
    environment: BoundedEnvironment
    additions: Additions

    def file(self, deadline: Deadline, item: Template) -> Rendered | None:
        failure = _secret_failure if item.secret else _failure
        made = guarded(deadline, self.name, item.path, lambda: self._render(item), failure=failure)
        if made is None:
            return None
        content, added = made
        return Rendered(
            module=self.name,
            path=item.path,
            content=content,
            mode=item.mode,
            owner=item.owner,
            group=item.group,
            secret=item.secret,
            added=added,
        )

    def _render(self, item: Template) -> tuple[bytes, tuple[Added, ...]] | None:
        template = _choose(item, self.context)
        if template is None:
            return None
        variables = _variables(self.module, item, self.context)
        content, used = self.environment.generate(template, variables)
        added = tuple(map(Added, used))
        snippet = self.additions.snippets.get(item.snippet)
        if snippet is None:
            return content, added
        text = _merge(item, content.decode(), snippet)
        return bounded([text]), (*added, find_added(snippet.path, snippet.text, text))


def _templates(package: ModuleType) -> Path:
    return Path(package.__path__[0]) / "templates"


def _merge(item: Template, text: str, snippet: Snippet) -> str:
    if item.merge is None:
        return snippet.append_to(text, item.comment)
    return one(item.merge(text, snippet), str)


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
    place = _line(error)
    hint = "correct your template, or remove it" if _is_override(place) else HINT
    return RenderError(words, where=f"{where}: {place}" if place else where, hint=hint)


def _secret_failure(where: str, _words: str, error: BaseException) -> RenderError:
    """Tell the kind of failure alone: its words may hold what is never shown."""
    return _failure(where, f"could not be rendered: {type(error).__name__}", error)


def _line(error: BaseException) -> str:
    """Name the template and its line, the innermost one."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{_shown(error.filename or error.name or '')}:{error.lineno}"
    found = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = f"{_shown(template.filename)}:{template.get_corresponding_lineno(number)}"
        elif "__jinja_exception__" in frame.f_globals:  # Jinja has put the line right already
            found = f"{_shown(frame.f_code.co_filename)}:{number}"
    return found


def _shown(path: str) -> str:
    """Show an override by its path, a plugin's template by its name."""
    return path if _is_override(path) else Path(path).name


def _is_override(path: str) -> bool:
    return path.startswith(f"{TEMPLATES}/")
