"""An admin's own additions to the files of modules: template overrides and snippets.

    /etc/mailstead/templates/<module>/<template path>   instead of the plugin's template
    /etc/mailstead/snippets/<module>/<name>             lines of their own for one file

They are input, as settings are: read when a plan is made, and refused with file and line where
they cannot be what they should be. What only root can write is trusted, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import attrs

from mailstead.errors import PlanError
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import FileState, Path
from mailstead.registry import Registry
from mailstead.settings.schema import nearest
from mailstead.snippet import FOLDER as SNIPPETS
from mailstead.snippet import Snippet

PARENT = "/etc/mailstead"
TEMPLATES = "/etc/mailstead/templates"
LARGEST = 1 << 20
OTHERS_WRITE = 0o022
BYTE_ORDER_MARK = "\ufeff"


@attrs.frozen
class Override:
    """A template of an admin's: its system path and its text."""

    path: str
    text: str


@attrs.frozen
class Additions:
    """What an admin adds to one module, by the names the module knows them by."""

    overrides: Mapping[str, Override] = attrs.field(factory=dict)
    snippets: Mapping[str, Snippet] = attrs.field(factory=dict)


NONE = Additions()


def read_additions(
    machine: Machine,
    instance: Instance,
    registry: Registry,
    enabled: Collection[str],
    templates_of: Callable[[str], Collection[str]],
) -> dict[str, Additions]:
    """Read the additions to the enabled modules.

    Args:
        machine: where they are.
        instance: whose they are.
        registry: which modules there are.
        enabled: the modules that take part.
        templates_of: gives the names of a module's own templates.

    Raises PlanError naming the file, and the line where there is one.
    """
    reader = _Reader(machine, instance)
    found: dict[str, Additions] = {}
    for name in _modules(reader, registry, TEMPLATES, enabled):
        texts = reader.texts(f"{TEMPLATES}/{name}")
        _refuse_unknown(texts, templates_of(name), f"{name} has no template of this name")
        overrides = {key: Override(*item) for key, item in texts.items()}
        found[name] = Additions(overrides)
    for name in _modules(reader, registry, SNIPPETS, enabled):
        texts = reader.texts(f"{SNIPPETS}/{name}")
        known = {item.snippet for item in registry.module(name).files} - {""}
        _refuse_unknown(texts, known, f"{name} takes no snippet of this name")
        snippets = {key: _snippet(*item) for key, item in texts.items() if item[1]}
        found[name] = attrs.evolve(found.get(name, NONE), snippets=snippets)
    return found


@attrs.frozen
class _Reader:
    """Reads what root alone can have written."""

    machine: Machine
    instance: Instance

    def names(self, folder: str) -> tuple[str, ...]:
        """Give the names in a folder, without hidden files and editors' copies."""
        state = self.machine.stat_file(self._real(folder))
        if state is None:
            return ()
        _require(folder, state, "directory")
        found = self.machine.list_directory(self._real(folder))
        return tuple(name for name in found if not name.startswith(".") and not name.endswith("~"))

    def texts(self, folder: str) -> dict[str, tuple[str, str]]:
        """Give path and text of every file below a folder, by its name relative to that."""
        paths = self._files(folder)
        return {path.removeprefix(f"{folder}/"): (path, self._text(path)) for path in paths}

    def _files(self, folder: str) -> Iterator[str]:
        for name in self.names(folder):
            path = f"{folder}/{name}"
            state = self.machine.stat_file(self._real(path))
            if state is not None and state.kind == "directory":
                yield from self._files(path)
            elif state is not None:
                _require(path, state, "file")
                yield path

    def _text(self, path: str) -> str:
        try:
            content = self.machine.read_file(self._real(path))
            text = content.decode()
        except FileNotFoundError as error:
            raise PlanError("was removed meanwhile", where=path, hint="try again") from error
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise PlanError("is not UTF-8 text", where=f"{path}:{line}") from error
        _refuse_unprintable(path, text)
        return text

    def _real(self, path: str) -> Path:
        return self.instance.path(path)


def _modules(
    reader: _Reader, registry: Registry, folder: str, enabled: Collection[str]
) -> Iterator[str]:
    """Give the enabled modules that have a folder of their own in one of the two."""
    names = reader.names(folder)
    if names:
        reader.names(PARENT)  # for the rights of what both are in
    for name in names:
        if name not in registry.ids:
            hint = nearest(name, registry.ids)
            raise PlanError("no module has this name", where=f"{folder}/{name}", hint=hint)
        if name in enabled:
            yield name


def _require(path: str, state: FileState, kind: str) -> None:
    """Refuse what is not a plain file or folder that only root can change."""
    if state.kind != kind:
        found = "a folder" if state.kind == "directory" else f"a {state.kind}"
        raise PlanError(f"{found} stands there, not a {kind}", where=path)
    if state.uid != 0 or state.mode & OTHERS_WRITE:
        hint = f"chown root {path}; chmod go-w {path}"
        raise PlanError("can be changed by others than root", where=path, hint=hint)
    if kind == "file" and state.size > LARGEST:
        raise PlanError(f"is larger than {LARGEST >> 20} MiB", where=path)


def _refuse_unprintable(path: str, text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        found = [char for char in line if _is_control(char)]
        if found:
            hint = "save it with Unix line ends" if found[0] == "\r" else ""
            problem = f"holds the control character {found[0]!r}"
            raise PlanError(problem, where=f"{path}:{number}", hint=hint)


def _is_control(char: str) -> bool:
    return (char < " " and char != "\t") or "\x7f" <= char <= "\x9f" or char == BYTE_ORDER_MARK


def _refuse_unknown(
    texts: Mapping[str, tuple[str, str]], known: Collection[str], problem: str
) -> None:
    for name, (path, _) in texts.items():
        if name not in known:
            raise PlanError(problem, where=path, hint=nearest(name, sorted(known)))


def _snippet(path: str, text: str) -> Snippet:
    snippet = Snippet(path, text)
    if not text.endswith("\n"):
        snippet.refuse(text.count("\n") + 1, "the last line has no end", "end it with Enter")
    return snippet
