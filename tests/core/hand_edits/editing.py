"""Edit the greeter's file by hand, and look at what becomes of it."""

from __future__ import annotations

from typing import Any

from mailstead.hand_edits.answers import Answer
from mailstead.hand_edits.edited_files import EditedFile
from mailstead.hand_edits.hand_edit import HandEdit
from mailstead.settings.cells import OwnedFile
from mailstead.settings.decisions import Choice
from mailstead.settings.file_history import FileHistory
from mailstead.transaction.request import Request, SaveResult
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
SECRET = "/etc/greeter.secret"
BASE = b"greeting hello\nport 7000\n"
OURS = b"greeting hi\nport 7000\n"
YOURS = b"greeting hello\nport 7000\n# mine\n"
MERGED = b"greeting hi\nport 7000\n# mine\n"
CLASH = b"greeting moin\nport 7000\n# mine\n"


def write(site: Site, content: bytes, path: str = CONF, **state: Any) -> None:
    """Edit a file by hand."""
    site.machine.add_file(site.engine.instance.path(path), content, **state)


def edit_of(site: Site, *answers: Answer) -> HandEdit:
    """Give the only hand edit in the plan."""
    (edit,) = site.engine.plan(answers=answers).edits
    return edit


def save(site: Site, choice: Choice, path: str = CONF, **options: str) -> SaveResult:
    """Save with an answer about a file."""
    return site.engine.save(Request(answers=[Answer(path, choice, **options)]))  # type: ignore[arg-type]


def owned(site: Site, path: str = CONF) -> OwnedFile:
    """Give a file as the last save left it."""
    return FileHistory(site.engine.store).owned()[path]


def aside(site: Site, path: str = CONF) -> list[bytes]:
    """Give what was kept aside of a file, newest first."""
    return [item.version.content for item in site.engine.edits.kept_aside(path)]


def rights(site: Site) -> tuple[int, int]:
    """Give mode and owner of the file."""
    state = site.machine.stat_file(site.engine.instance.path(CONF))
    assert state is not None
    return state.mode & 0o777, state.uid


def status(site: Site) -> list[EditedFile]:
    """Give the greeter's files that are not as they were left."""
    (row,) = site.engine.status()
    return list(row.edits)


def found(site: Site) -> list[tuple[str, str, str]]:
    """Give what status says of them."""
    return [(item.path, item.what, item.who) for item in status(site)]
