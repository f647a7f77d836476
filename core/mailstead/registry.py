"""Find plugins, check that they fit together, and know each module's state.

A plugin that cannot be used is data with a reason, not an exception: it is `broken`, what
needs it is `blocked`, and the rest works. What makes the whole system ambiguous (a cycle, one
path owned twice, one id twice) breaks the modules it names.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Literal

import attrs

from mailstead.errors import MailsteadError, ManifestError, ModuleUnavailable
from mailstead.guard import WORK_SECONDS, Nonsense, guarded
from mailstead.machine.deadline import deadline
from mailstead.manifest import Manifest, parse
from mailstead.module import Module

GROUP = "mailstead.plugins"
Status = Literal["available", "broken", "blocked"]


@attrs.frozen
class Source:
    """Where a plugin comes from: the entry point's name and its package."""

    name: str
    package: str


@attrs.frozen
class Entry:
    """A plugin as found: its manifest, or why there is none that can be used."""

    source: Source
    manifest: Manifest
    reason: str = ""
    status: Status = "available"

    @property
    def id(self) -> str:
        """Give the module's id."""
        return self.manifest.id


def installed_plugins() -> tuple[Source, ...]:
    """List the plugins that are installed, by the entry point group ``mailstead.plugins``."""
    from importlib.metadata import entry_points

    # The same plugin may be found twice: in a checkout and beside it.
    unique = {(point.name, point.value) for point in entry_points(group=GROUP)}
    return tuple(Source(name, package) for name, package in sorted(unique))


@attrs.define
class Registry:
    """The modules there are, in dependency order. An object; make as many as you like."""

    entries: dict[str, Entry]
    _packages: dict[str, ModuleType] = attrs.field(factory=dict)

    @classmethod
    def discover(cls, sources: Iterable[Source] | None = None) -> Registry:
        """Read the manifests of all plugins (the installed ones) and check them together."""
        found = [_read(item) for item in (installed_plugins() if sources is None else sources)]
        entries = _unique(found)
        entries = _break_shared_paths(entries)
        entries = _break_shared_commands(entries)
        entries = _break_cycles(entries)
        return cls(_in_order(_block(entries)))

    @property
    def ids(self) -> tuple[str, ...]:
        """Give every module's id in dependency order, usable or not."""
        return tuple(self.entries)

    def entry(self, module: str) -> Entry:
        """Give a module's entry. Raises ModuleUnavailable when there is none."""
        try:
            return self.entries[module]
        except KeyError:
            known = ", ".join(sorted(self.entries))
            hint = f"modules: {known}"
            raise ModuleUnavailable("no such module", where=module, hint=hint) from None

    def available(self, module: str) -> Entry:
        """Give a usable module's entry, importing it. Raises ModuleUnavailable with reason."""
        self.package(module)
        return self.entry(module)

    def package(self, module: str) -> ModuleType:
        """Import a module's package, once. Raises ModuleUnavailable with the reason."""
        entry = self.entry(module)
        if entry.status == "available" and module not in self._packages:
            entry = self._import(entry)
        if entry.status != "available":
            hint = "see `mailstead modules`"
            raise ModuleUnavailable(f"{entry.status}: {entry.reason}", where=module, hint=hint)
        return self._packages[module]

    def module(self, module: str) -> Module:
        """Give a module's declaration. Raises ModuleUnavailable."""
        declared = self.package(module).module
        assert isinstance(declared, Module)  # noqa: S101 - checked by _import
        return declared

    def usable(self) -> tuple[str, ...]:
        """Import every module that can be and give their ids in dependency order."""
        for name in self.ids:
            if self.entries[name].status == "available" and name not in self._packages:
                self._import(self.entries[name])
        return tuple(name for name in self.ids if self.entries[name].status == "available")

    def needed(self, module: str) -> tuple[str, ...]:
        """Give what must be enabled before a module, and it last, in dependency order.

        Raises ModuleUnavailable when one of them cannot be used.
        """
        wanted = {module}
        queue = [module]
        while queue:
            for name in self.available(queue.pop()).manifest.enable_depends:
                if name not in wanted:
                    wanted.add(name)
                    queue.append(name)
        return tuple(name for name in self.ids if name in wanted)

    def dependants(self, module: str) -> tuple[str, ...]:
        """Give every module that needs this one enabled, transitively, last in order first."""
        self.entry(module)
        found: list[str] = []
        needed = {module}
        for name, entry in self.entries.items():
            if needed & set(entry.manifest.enable_depends):
                needed.add(name)
                found.append(name)
        return tuple(reversed(found))

    def boot_order(self, modules: Sequence[str]) -> tuple[str, ...]:
        """Order modules so that each one's daemons start after those it boots after."""
        chosen = set(modules)
        graph = {
            name: [d for d in self.entry(name).manifest.boot_depends if d in chosen]
            for name in self.ids
            if name in chosen
        }
        return tuple(TopologicalSorter(graph).static_order())

    def including(self, modules: Iterable[str]) -> Registry:
        """Give a registry that also has these modules, as broken where they are not there.

        They are modules an instance has enabled; their packages were removed since.
        """
        gone = [name for name in modules if name not in self.entries]
        if not gone:
            return self
        entries = {name: _gone(name) for name in gone}
        return Registry({**self.entries, **entries}, self._packages)

    def mark_broken(self, module: str, reason: str) -> None:
        """Record that a module cannot be used; what needs it becomes blocked."""
        self._break(self.entry(module), reason)

    def _import(self, entry: Entry) -> Entry:
        try:
            package = guarded(
                deadline, entry.id, "import", lambda: _import(entry), seconds=WORK_SECONDS
            )
        except MailsteadError as error:
            return self._break(entry, error.problem)
        self._packages[entry.id] = package
        return entry

    def _break(self, entry: Entry, reason: str) -> Entry:
        self.entries[entry.id] = attrs.evolve(entry, status="broken", reason=reason)
        for name, other in _block(self.entries).items():
            if other.status != self.entries[name].status:
                self._packages.pop(name, None)
            self.entries[name] = other
        return self.entries[entry.id]


def _gone(name: str) -> Entry:
    nameless = Manifest(id=name, api=1, title=name)
    return Entry(Source(name, ""), nameless, reason="its package is not installed", status="broken")


def _import(entry: Entry) -> ModuleType:
    package = importlib.import_module(entry.source.package)
    if not isinstance(getattr(package, "module", None), Module):
        raise Nonsense(f"{entry.source.package}.module is not a Module")
    return package


def _read(source: Source) -> Entry:
    nameless = Manifest(id=source.name, api=1, title=source.name)
    try:
        path = _folder(source.package) / "manifest.toml"
        manifest = parse(path.read_text("utf-8"), str(path))
        if manifest.id != source.name:
            problem = f"id {manifest.id!r} is not the entry point's name {source.name!r}"
            raise ManifestError(problem, where=str(path))
    except (ManifestError, OSError, UnicodeDecodeError, ImportError, ValueError) as error:
        return Entry(source, nameless, reason=str(error), status="broken")
    return Entry(source, manifest)


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ManifestError("the package is not installed", where=package)
    return Path(spec.submodule_search_locations[0])


def _unique(found: Iterable[Entry]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for entry in found:
        twin = entries.get(entry.id)
        if twin is None:
            entries[entry.id] = entry
            continue
        names = " and ".join(sorted((twin.source.package, entry.source.package)))
        entries[entry.id] = _broken(twin, f"module id {entry.id} is claimed by {names}")
    return entries


def _break_shared_paths(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    claims = [(item.path, e.id) for e in entries.values() for item in e.manifest.paths]
    return _break_shared(entries, claims, "the file")


def _break_shared_commands(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    claims = [(name, e.id) for e in entries.values() for name in e.manifest.commands]
    return _break_shared(entries, claims, "the command")


def _break_shared(
    entries: Mapping[str, Entry], claims: Iterable[tuple[str, str]], what: str
) -> dict[str, Entry]:
    owners: dict[str, list[str]] = {}
    for claim, owner in claims:
        owners.setdefault(claim, []).append(owner)
    result = dict(entries)
    for claim, names in owners.items():
        if len(names) > 1:
            for name in names:
                reason = f"{what} {claim} is owned by {' and '.join(names)}"
                result[name] = _broken(result[name], reason)
    return result


def _break_cycles(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    result = dict(entries)
    while True:
        graph = {
            name: [d for d in entry.manifest.after if d in result]
            for name, entry in result.items()
            if entry.status == "available"
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle = error.args[1]
            for name in set(cycle):
                result[name] = _broken(result[name], f"dependency cycle: {' -> '.join(cycle)}")
        else:
            return result


def _block(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    result = dict(entries)
    changed = True
    while changed:
        changed = False
        for name, entry in result.items():
            reason = _missing(entry, result) if entry.status == "available" else ""
            if reason:
                result[name] = attrs.evolve(entry, status="blocked", reason=reason)
                changed = True
    return result


def _missing(entry: Entry, entries: Mapping[str, Entry]) -> str:
    for name in (*entry.manifest.depends, *entry.manifest.enable_depends):
        if name not in entries:
            return f"needs the module {name}, which is not installed"
        if entries[name].status != "available":
            return f"needs the module {name}, which is {entries[name].status}"
    return ""


def _in_order(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Order by dependency; alphabetical among equals, so that the order is always the same."""
    usable = {name: e for name, e in sorted(entries.items()) if e.status == "available"}
    sorter = TopologicalSorter({name: sorted(e.manifest.after) for name, e in usable.items()})
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    rest = [name for name in sorted(entries) if name not in usable]
    return {name: entries[name] for name in (*order, *rest)}


def _broken(entry: Entry, reason: str) -> Entry:
    return attrs.evolve(entry, status="broken", reason=reason)
