"""Make the draft what a settings file says: modules, forms and rows, all of it or nothing.

What the file does not name is unset, and rows that are not in it are removed. These stay as
they are: secrets that the file leaves out, for a file in git has none; and what belongs to no
module that can be used, for nobody can judge it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import attrs

from mailstead.document.document import (
    ENABLED,
    MODULES,
    Document,
    Fields,
    errors_in,
    read_document,
)
from mailstead.errors import InvalidInput, NotFound
from mailstead.modules import PATH, ModuleState
from mailstead.settings.cells import Json, Tree
from mailstead.settings.edit import Record
from mailstead.settings.schema import Bound, nearest
from mailstead.settings.view import is_row

if TYPE_CHECKING:
    from mailstead.engine import Engine
    from mailstead.transaction.changes import Plan

WHERE = f"{MODULES}.{ENABLED}"


@attrs.frozen
class Imported:
    """What an import changed in the draft.

    Attributes:
        settings: how many fields have another value than before.
        enabled, disabled: the modules that come and go.
        replaced: places of unsaved changes that are now something else.
    """

    settings: int
    enabled: tuple[str, ...]
    disabled: tuple[str, ...]
    replaced: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether the draft is as it was."""
        return not (self.settings or self.enabled or self.disabled or self.replaced)


@attrs.frozen
class Importer:
    """Imports settings files into an engine's draft."""

    engine: Engine

    def read(self, content: bytes, name: str) -> Document:
        """Read a file; ``name`` is what errors call it. Raises InvalidInput and its kin."""
        entries = self.engine.registry.entries
        unusable = {
            module: f"{entry.status}: {entry.reason}"
            for module, entry in entries.items()
            if entry.status != "available"
        }
        return read_document(content, name, self.engine.schema, unusable)

    def unagreed(self, document: Document) -> tuple[str, ...]:
        """Give the modules it enables whose files and actions nobody has agreed to yet."""
        on = self._enabled("draft")
        return tuple(
            name
            for name, entry in self.engine.registry.entries.items()
            if name in (document.enabled or ())
            and (
                name not in on
                or {item.path for item in entry.manifest.paths} - self.engine.store.consents(name)
            )
        )

    def preview(self, document: Document) -> Plan:
        """Make the plan there would be after importing it; changes nothing."""
        with self.engine.store.trial():
            self.run(document)
            return self.engine.preview(())

    def run(
        self, document: Document, *, merge: bool = False, consents: Collection[str] = ()
    ) -> Imported:
        """Make the draft what the document says.

        Args:
            document: what to import.
            merge: set what it names and leave everything else as it is.
            consents: the modules whose files and actions a person has read and agreed to.

        Raises InvalidInput and its kin, naming the file; then the draft is as it was.
        """
        with errors_in(document.name), self.engine.store.transaction():
            before = self._draft()
            coming, leaving = self._set_modules(document, merge, consents)
            self.engine.editor.write_many(self._records(document, merge), self.engine.actor)
            return _outcome(before, self._draft(), coming, leaving)

    def _draft(self) -> dict[tuple[str, str, str], tuple[str, Json]]:
        changes = self.engine.store.draft_changes()
        return {(c.section, c.key, c.field): (c.where, c.new) for c in changes}

    def _enabled(self, tree: Tree) -> set[str]:
        rows = self.engine.context_settings(tree).rows(ModuleState)
        return {row.id for row in rows if row.enabled}

    # modules

    def _set_modules(
        self, document: Document, merge: bool, consents: Collection[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Enable and disable what differs from the draft; a vanished module stays as it is."""
        if document.enabled is None and not merge:
            hint = "list the modules that shall be enabled, or import with --merge"
            raise InvalidInput("is missing", where=WHERE, hint=hint)
        on, wanted = self._enabled("draft"), set(document.enabled or ())
        self._require_known(wanted - on)
        self._require_needs(wanted | on if merge else wanted)
        ids = self.engine.registry.ids
        coming = tuple(name for name in ids if name in wanted - on)
        leaving = () if merge else tuple(name for name in reversed(ids) if name in on - wanted)
        self.engine.enable(coming, consents)
        self.engine.disable(leaving)
        return coming, leaving

    def _require_known(self, modules: Collection[str]) -> None:
        ids = self.engine.registry.ids
        for name in sorted(set(modules) - set(ids)):
            hint = f"install it or take it out; {nearest(name, ids)}"
            raise NotFound(f"the module {name!r} is not installed", where=WHERE, hint=hint)

    def _require_needs(self, modules: Collection[str]) -> None:
        for name, entry in self.engine.registry.entries.items():
            missing = sorted(set(entry.manifest.enable_depends) - set(modules))
            if name in modules and missing:
                names = ", ".join(missing)
                raise InvalidInput(f"{name} needs {names}", where=WHERE, hint=f"add {names} to it")

    # settings

    def _records(self, document: Document, merge: bool) -> Iterator[Record]:
        for bound in self.engine.schema.all():
            named = document.records.get(bound.path, {})
            for key, fields in named.items():
                yield Record(bound.path, key, fields, whole=not merge)
            if not merge:
                yield from self._off(document) if bound.path == PATH else self._rest(bound, named)

    def _rest(self, bound: Bound, named: Collection[str]) -> Iterator[Record]:
        """Give what the document does not name: a form without fields, rows to remove."""
        if bound.section.kind == "form":
            if not named:
                yield Record(bound.path, "", {}, whole=True)
            return
        rows = self.engine.store.records("draft", bound.path)
        unnamed = [key for key, cells in rows if key not in named and is_row(bound, cells)]
        yield from (Record(bound.path, key, None) for key in unnamed)

    def _off(self, document: Document) -> Iterator[Record]:
        """Give the states of modules that are off and shall be: they stay as they were saved."""
        store = self.engine.store
        for key in [key for key, _ in store.records("draft", PATH)]:
            saved = store.record("running", PATH, key)
            if key not in (document.enabled or ()) and not saved.get("enabled"):
                fields: Fields = {name: saved[name] for name in saved if name != "id"}
                yield Record(PATH, key, fields if saved else None, whole=True)


def _outcome(
    before: dict[tuple[str, str, str], tuple[str, Json]],
    after: dict[tuple[str, str, str], tuple[str, Json]],
    coming: tuple[str, ...],
    leaving: tuple[str, ...],
) -> Imported:
    """Compare two drafts over the same running settings."""
    places = [place for place in {**before, **after} if before.get(place) != after.get(place)]
    replaced = [before[place][0] for place in places if place in before]
    settings = sum(place[0] != PATH for place in places)
    return Imported(settings, coming, leaving, tuple(replaced))
