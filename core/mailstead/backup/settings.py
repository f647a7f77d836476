"""Settings of an archive as changes of the draft: what differs from running here.

The archive's history stays in the archive: here the restore is one revision of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from mailstead.backup.contents import STORE
from mailstead.backup.opening import OpenedArchive
from mailstead.errors import ArchiveError, InvalidInput, MailsteadError
from mailstead.settings.cells import Actor, Cell
from mailstead.settings.store import Store
from mailstead.settings.store_copy import Place, opened_copy

if TYPE_CHECKING:
    from mailstead.engine import Engine

Consent = tuple[str, str, str, float]


@attrs.frozen
class ArchivedSettings:
    """What the settings of an archive would change here.

    Attributes:
        cells: edits of the draft.
        consents: module, path, who and when, as they were given there.
        missing: fields whose secret neither the archive nor this machine has.
        absent: modules that have settings in the archive and are not installed here.
        has_draft: the archive also holds changes that were not saved; these are left out.
    """

    cells: tuple[Cell, ...] = attrs.field(repr=False)
    consents: tuple[Consent, ...]
    missing: tuple[str, ...]
    absent: tuple[str, ...]
    has_draft: bool

    def write(self, store: Store, actor: Actor, now: float) -> None:
        """Write the edits to the draft."""
        store.edit(self.cells, actor, now)

    def consent(self, store: Store) -> None:
        """Remember the archive's consents, under the names of those who gave them."""
        for module, path, who, at in self.consents:
            store.add_consents(module, [path], Actor(who, "backup"), at)


def archived_settings(
    engine: Engine, archive: OpenedArchive, leave: Collection[str] = ()
) -> ArchivedSettings:
    """Compare an archive's settings with running.

    Args:
        engine: the instance.
        archive: the archive.
        leave: modules and sections that stay as they are here.

    Raises ArchiveError, InvalidInput.
    """
    _refuse_unknown(engine, leave)
    here = {_place(cell): cell for cell in engine.store.cells()}
    with _store_of(archive) as store:
        there = {_place(cell): cell for cell in store.cells()}
        consents, has_draft = store.all_consents(), store.has_draft()
        _refuse_odd(consents)
    unknown = {place for place in archive.index.left_out if place not in there}
    is_left = _is_left(leave)
    changed = [place for place in {*here, *there} - unknown if here.get(place) != there.get(place)]
    return ArchivedSettings(
        cells=tuple(
            there.get(place, Cell(*place, None))
            for place in sorted(changed)
            if not is_left(place[0])
        ),
        consents=consents,
        missing=tuple(_words(p) for p in sorted(unknown) if p not in here and not is_left(p[0])),
        absent=_absent(engine, there),
        has_draft=has_draft,
    )


@contextmanager
def _store_of(archive: OpenedArchive) -> Iterator[Store]:
    """Open the archive's store. Raises ArchiveError for whatever is wrong with it."""
    with archive.archive.naming(STORE):
        try:
            with opened_copy(archive.images[STORE]) as store:
                yield store
        except MailsteadError as error:
            raise ArchiveError(error.problem, where=STORE, hint=error.hint) from error


def _place(cell: Cell) -> Place:
    place = (cell.section, cell.key, cell.field)
    if not all(isinstance(part, str) for part in place):
        raise TypeError("the name of a setting is no text")
    return place


def _refuse_odd(consents: tuple[Consent, ...]) -> None:
    if not all(isinstance(part, str) for *parts, _ in consents for part in parts):
        raise TypeError("a consent is no text")
    if not all(isinstance(at, float) for *_, at in consents):
        raise TypeError("a time is no number")


def _refuse_unknown(engine: Engine, leave: Collection[str]) -> None:
    for name in leave:
        if "." in name:
            engine.schema.find(name)
        elif name not in engine.registry.ids:
            hint = f"modules: {', '.join(engine.registry.ids)}"
            raise InvalidInput("no such module", where=name, hint=hint)


def _is_left(leave: Collection[str]) -> Callable[[str], bool]:
    return lambda section: section in leave or section.partition(".")[0] in leave


def _absent(engine: Engine, places: Collection[Place]) -> tuple[str, ...]:
    modules = {section.partition(".")[0] for section, _, _ in places}
    known = {bound.module for bound in engine.schema.all()}
    return tuple(sorted(modules - known - {*engine.registry.usable()}))


def _words(place: Place) -> str:
    section, key, field = place
    return f"{section}[{key}].{field}" if key else f"{section}.{field}"
