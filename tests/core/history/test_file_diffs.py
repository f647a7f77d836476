"""Files compared between revisions: as they stood, but for secrets."""

from __future__ import annotations

import hashlib
from typing import Any

from mailstead.history.file_diffs import FileDiff, FileDiffs
from mailstead.settings.cells import OwnedFile
from mailstead.settings.file_history import FileHistory
from mailstead.settings.store import Store
from tests.core.settings.samples import ROOT


def write(store: Store, path: str, content: bytes, **fields: Any) -> int:
    """Let the next revision write a file."""
    number = store.commit((), ROOT, 1.0)
    digest = hashlib.sha256(content).hexdigest()
    file = OwnedFile(path, "greeter", digest, fields.pop("mode", 0o644), number, **fields)
    FileHistory(store).record(file, content)
    return number


def compare(store: Store, start: int, end: int) -> list[FileDiff]:
    """Compare two revisions."""
    return list(FileDiffs(FileHistory(store)).between(start, end))


def test_lines_are_told_with_both_revisions(store: Store) -> None:
    """Whatever happened in between; and the other way round."""
    for content in (b"a\nb\n", b"x\n", b"a\nc\n"):
        write(store, "/etc/a", content)
    write(store, "/etc/b", b"b\n")
    first, second = compare(store, 1, 4)
    assert ("/etc/a", "changed") == (first.path, first.what)
    assert [
        "--- /etc/a (revision 1)", "+++ /etc/a (revision 4)", "@@ -1,2 +1,2 @@", " a", "-b", "+c",
    ] == first.diff.splitlines()  # fmt: skip
    assert ("/etc/b", "created", True) == (second.path, second.what, "+b" in second.diff)
    back = compare(store, 4, 1)
    assert "+b" in back[0].diff
    assert "given up" == back[1].what


def test_a_file_that_is_as_it_was_has_no_lines(store: Store) -> None:
    """Written again, or with other rights."""
    write(store, "/etc/a", b"a\n")
    write(store, "/etc/a", b"a\n")
    write(store, "/etc/a", b"a\n", mode=0o600)
    assert [("same", "")] == [(item.what, item.diff) for item in compare(store, 1, 2)]
    assert [("rights", "")] == [(item.what, item.diff) for item in compare(store, 2, 3)]


def test_a_secret_file_is_named_and_not_shown(store: Store) -> None:
    """Also when it was none before."""
    write(store, "/etc/a", b"old hunter1\n")
    write(store, "/etc/a", b"hunter2\n", secret=True)
    (found,) = compare(store, 1, 2)
    assert "changed" == found.what
    assert "not shown" in found.diff
    assert "hunter" not in found.diff


def test_a_content_that_is_not_kept_is_said(store: Store) -> None:
    """Not shown as an empty file."""
    write(store, "/etc/a", b"a\n")
    write(store, "/etc/a", b"b\n")
    store.run("DELETE FROM contents WHERE content = ?", (b"a\n",))
    (found,) = compare(store, 1, 2)
    assert "(the content of /etc/a in revision 1 is not kept)\n" == found.diff


def test_a_file_that_is_given_up_is_not_shown_as_removed(store: Store) -> None:
    """What stands there is not known; one that came and went is no difference."""
    write(store, "/etc/a", b"a\n")
    number = store.commit((), ROOT, 1.0)
    FileHistory(store).forget("/etc/a", "greeter", number)
    assert [("given up", "")] == [(item.what, item.diff) for item in compare(store, 1, 2)]
    assert [] == compare(store, 0, 2)


def test_an_edit_that_was_kept_names_the_admin(store: Store) -> None:
    """The content is what stood there."""
    write(store, "/etc/a", b"a\n")
    write(store, "/etc/a", b"mine\n", base="other", choice="keep", since=1.0, who="ada")
    (found,) = compare(store, 1, 2)
    assert ("keep", "ada") == (found.choice, found.by)
    assert "+mine" in found.diff


def test_only_a_line_feed_ends_a_line(store: Store) -> None:
    """A form feed or a Unicode separator is within one, as daemons see it."""
    write(store, "/etc/a", b"a\x0cb\n")
    write(store, "/etc/a", "a\x0cc\u2028d".encode())
    (found,) = compare(store, 1, 2)
    assert ["-a\x0cb", "+a\x0cc\u2028d"] == found.diff.split("\n")[3:5]
