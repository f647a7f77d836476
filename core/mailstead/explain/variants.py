"""Render one file as it would be with something else set: rendering is pure, so it may be tried.

Nothing is written: what is changed is laid over the settings, and a module's contributions are
left out of what the others are given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from mailstead.context import Collect, Context
from mailstead.errors import MailsteadError
from mailstead.module import Template
from mailstead.settings.cells import Json, Tree
from mailstead.settings.overlay import Overlay, Place
from mailstead.settings.recording import Reads, Recorder
from mailstead.settings.view import Settings
from mailstead.transaction.additions import NONE, Additions
from mailstead.transaction.contexts import Contexts
from mailstead.transaction.lines import lines_of
from mailstead.transaction.render import Renderer

Lines = tuple[str, ...]
NOTHING: Mapping[Place, Json] = {}


@attrs.frozen
class File:
    """A file that a module renders."""

    module: str
    template: Template

    @property
    def path(self) -> str:
        """Give its system path."""
        return self.template.path


@attrs.define
class Watch:
    """What rendering a file asked for.

    Attributes:
        givers: the modules that contributed by a hook.
        facts: names of the facts about the machine it looked at.
        asks_modules: it asked which modules are enabled, or called a hook of others.
    """

    reads: Reads = attrs.field(factory=Reads)
    givers: set[str] = attrs.field(factory=set)
    facts: set[str] = attrs.field(factory=set)
    asks_modules: bool = False


class _WatchedNames(tuple[str, ...]):
    """Names of modules that note when they are looked at."""

    watch: Watch

    def __contains__(self, name: object) -> bool:
        self.watch.asks_modules = True
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self.watch.asks_modules = True
        return super().__iter__()


@attrs.frozen
class _WatchedFacts(Mapping[str, Any]):
    """Facts that are noted when they are looked at; some may be replaced."""

    base: Mapping[str, Any]
    noted: set[str] = attrs.field(factory=set)
    replaced: Mapping[str, Any] = attrs.field(factory=dict)

    def __getitem__(self, name: str) -> Any:
        self.noted.add(name)
        return self.replaced[name] if name in self.replaced else self.base[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.base)

    def __len__(self) -> int:
        return len(self.base)


@attrs.frozen
class Variants:
    """Renders files of running or the draft, as they are and as they would be."""

    contexts: Contexts
    renderer: Renderer
    tree: Tree
    facts: Mapping[str, Any]
    additions: Mapping[str, Additions]

    def find(self, path: str) -> File | None:
        """Give the file at a system path, if a usable module renders one."""
        registry = self.contexts.registry
        found = (
            File(name, item)
            for name in registry.usable()
            for item in registry.module(name).files
            if item.path == path
        )
        return next(found, None)

    def plain(self) -> Context:
        """Give the context as it is."""
        return self.changed(NOTHING)

    def changed(self, cells: Mapping[Place, Json], emptied: Collection[str] = ()) -> Context:
        """Give the context with some cells replaced, and some sections without records."""
        reader = Overlay(self.contexts.store, cells, emptied)
        settings = Settings(reader, self.contexts.schema, self.tree)
        return self.contexts.over(settings, self.facts)

    def without(self, module: str) -> Context:
        """Give the context without what a module contributes by hooks."""
        context = self.plain()
        return attrs.evolve(context, collect=_leaving_out(module, context.collect))

    def otherwise(self, fact: str, value: Any) -> Context:
        """Give the context with one fact about the machine replaced."""
        facts = _WatchedFacts(self.facts, replaced={fact: value})
        return attrs.evolve(self.plain(), facts=facts)

    def watched(self, cells: Mapping[Place, Json] = NOTHING) -> tuple[Context, Watch]:
        """Give the context as it is, or with some cells replaced, and what is asked of it."""
        watch = Watch()
        reader = Recorder(Overlay(self.contexts.store, cells), watch.reads)
        settings = Settings(reader, self.contexts.schema, self.tree)
        context = self.contexts.over(settings, self.facts)
        watch.reads.forget()  # making the context asked which modules are enabled
        names = _WatchedNames(context.enabled)
        names.watch = watch
        collect = _watching(watch, context.collect)
        facts = _WatchedFacts(self.facts, watch.facts)
        return attrs.evolve(context, enabled=names, collect=collect, facts=facts), watch

    def render(self, file: File, context: Context) -> Lines:
        """Give a file's lines; none when its module is off or does not want it.

        Raises MailsteadError when the module refuses these settings.
        """
        if not is_on(file.module, context):
            return ()
        registry = self.contexts.registry
        alone = attrs.evolve(registry.module(file.module), files=(file.template,))
        package = registry.package(file.module)
        added = self.additions.get(file.module, NONE)
        found = self.renderer.files(file.module, alone, package, context, added)
        return lines_of(b"".join(item.content for item in found))

    def attempt(self, file: File, context: Context) -> Lines | None:
        """Give a file's lines, or ``None`` when the module refuses these settings."""
        try:
            return self.render(file, context)
        except MailsteadError:
            return None


def is_on(module: str, context: Context) -> bool:
    """Tell whether a module is enabled, without being noticed by a watch."""
    return tuple.__contains__(context.enabled, module)


def _leaving_out(module: str, collect: Collect) -> Collect:
    def collect_rest(hook: str, **arguments: Any) -> tuple[tuple[str, Any], ...]:
        return tuple(item for item in collect(hook, **arguments) if item[0] != module)

    return collect_rest


def _watching(watch: Watch, collect: Collect) -> Collect:
    def collect_all(hook: str, **arguments: Any) -> tuple[tuple[str, Any], ...]:
        watch.asks_modules = True
        found = collect(hook, **arguments)
        watch.givers.update(name for name, _ in found)
        return found

    return collect_all
