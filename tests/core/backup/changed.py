"""A site that changed after its backup, and archives that somebody changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import attrs

from mailstead.backup.opening import OpenedArchive
from mailstead.backup.restore import Restore, RestorePlan
from mailstead.machine.values import Path
from tests.core.backup.site import Site

DIRECTORY = "/var/lib/mailstead/directory/directory.db"
LOOKUP = "/var/lib/mailstead/lookup/mail.db"
KEY = "/etc/mailstead/tls/mail.pem"
SNIPPET = "/etc/mailstead/notes/main.cf"


@attrs.frozen
class Changed:
    """A site that was changed after a backup, and what it holds now."""

    site: Site
    path: Path

    def state(self) -> tuple[object, ...]:
        """Give everything a restore could change."""
        site, store = self.site, self.site.engine.store
        return (
            site.users(), site.accounts(), site.published(), site.knows("ada", "new password"),
            site.files(), list(store.cells()), store.draft_changes(), store.revision(),
        )  # fmt: skip


def planned(changed: Changed, **words: object) -> RestorePlan:
    """Make the plan alone."""
    with changed.site.opened(changed.path) as found:
        return Restore(changed.site.engine, found, **words).plan()  # type: ignore[arg-type]


class forged:  # noqa: N801 - used like a function
    """An opened archive one of whose images somebody changed."""

    def __init__(self, changed: Changed, name: str, sql: str) -> None:
        self._opened = changed.site.opened(changed.path)
        self._name, self._sql = name, sql

    def __enter__(self) -> OpenedArchive:
        found = self._opened.__enter__()
        with closing(sqlite3.connect(found.images[self._name])) as connection:
            connection.executescript(self._sql)
        return found

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(None, None, None)


def strip(state: tuple[object, ...]) -> tuple[object, ...]:
    """Leave out what a restore may leave behind: copies kept aside."""
    files = {k: v for k, v in state[4].items() if "/replaced/" not in k}  # type: ignore[attr-defined]
    return (*state[:4], files, *state[5:])
