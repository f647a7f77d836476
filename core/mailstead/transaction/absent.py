"""Modules that are enabled but cannot be used: broken, blocked, their package removed.

Nothing of theirs is touched. They can be disabled: without their code their files are let go, or
put back as they were before; daemons that nobody knows go on as they are.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from mailstead.settings.file_history import FileHistory
from mailstead.settings.view import Settings
from mailstead.transaction.changes import FileChange
from mailstead.transaction.contexts import Contexts


@attrs.frozen
class Absent:
    """Looks at the modules that a draft keeps or lets go without being able to use them."""

    contexts: Contexts
    running: Settings
    draft: Settings

    @property
    def leaving(self) -> tuple[str, ...]:
        """Give every module that is enabled in running and not in the draft, usable or not."""
        staying = self.contexts.chosen(self.draft)
        return tuple(name for name in self.contexts.chosen(self.running) if name not in staying)

    def forgotten(self, files: Iterable[FileChange]) -> tuple[str, ...]:
        """Give the files of unusable modules that leave, except those that are put back."""
        changed = {item.path for item in files}
        owned = FileHistory(self.contexts.store).owned()
        gone = self._let_go()
        return tuple(
            path for path, file in owned.items() if file.module in gone and path not in changed
        )

    def notes(self) -> tuple[str, ...]:
        """Say what is left alone, and what is left to the admin."""
        kept = (
            f"{self._what(name)}: its files and daemons are left as they are, and what it adds "
            "to the files of others is left out"
            for name in self.contexts.unusable(self.draft)
        )
        gone = (
            f"{self._what(name)}: its daemons are not known; stop what still runs of them yourself"
            for name in self._let_go()
        )
        return (*kept, *gone)

    def _let_go(self) -> tuple[str, ...]:
        unusable = self.contexts.unusable(self.running)
        return tuple(name for name in self.leaving if name in unusable)

    def _what(self, name: str) -> str:
        entry = self.contexts.registry.entry(name)
        return f"module {name} is {entry.status} ({entry.reason})"
