"""Make room in main.cf and master.cf for an admin's own lines: postconf(5), master(5). Pure.

Postfix warns of a parameter that stands twice, and takes the last of two services. Here ours is
left out, with a comment in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

import attrs

from mailstead.plugin import Snippet

PARAMETER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]*")
COLUMNS = (
    ("private", "[yn-]"), ("unpriv", "[yn-]"), ("chroot", "[yn-]"), ("wakeup", r"-|[0-9]+\??"),
    ("maxproc", "-|[0-9]+"), ("command", r"[A-Za-z0-9_][A-Za-z0-9_.-]*"),
)  # fmt: skip
TYPES = ("inet", "unix", "unix-dgram", "fifo", "pass")
PORTS = {"smtp": "25", "submission": "587", "submissions": "465", "smtps": "465"}
_HEAD = 2  # name and type

Key = tuple[str, ...]


@attrs.frozen
class _Line:
    """A line and the entry it begins or goes on with; a comment or blank line has none.

    ``begins`` is false for a line that begins with white space.
    """

    number: int
    text: str
    begins: bool
    is_entry: bool


def merge_main_cf(text: str, snippet: Snippet) -> str:
    """Give main.cf with an admin's parameters at its end, and without ours of the same names."""
    given = _entries(snippet, _parameter)
    return snippet.append_to(_without(text, given, _our_parameter))


def merge_master_cf(text: str, snippet: Snippet) -> str:
    """Give master.cf with an admin's services at its end, each instead of ours of the same."""
    given = _entries(snippet, _service)
    return snippet.append_to(_without(text, given, _our_service))


def _entries(snippet: Snippet, read: Callable[[Snippet, _Line], Key]) -> dict[Key, int]:
    """Give what the snippet sets, with line numbers. Raises PlanError with file and line."""
    found: dict[Key, int] = {}
    for line in _lines(snippet.text):
        if not line.is_entry:
            continue
        if not line.begins:
            if not found:
                hint = "a line that begins with white space continues the one before"
                snippet.refuse(line.number, "begins with white space", hint)
            continue
        key = read(snippet, line)
        if key in found:
            snippet.refuse(line.number, f"sets {' '.join(key)} as line {found[key]} does")
        found[key] = line.number
    return found


def _lines(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.split("\n"), 1):
        is_entry = bool(line.strip()) and not line.lstrip().startswith("#")
        yield _Line(number, line, not line[:1].isspace(), is_entry)


def _without(text: str, given: Collection[Key], key_of: Callable[[str], Key]) -> str:
    """Leave out the entries that are given elsewhere, and say so where they stood."""
    kept: list[str] = []
    leaving = False
    for line in _lines(text):
        if line.is_entry and line.begins:
            key = key_of(line.text)
            leaving = key in given
            if leaving:
                kept.append(f"# {line.text.partition('=')[0].strip()}: see the end of this file")
        if not (leaving and line.is_entry):
            kept.append(line.text)
    return "\n".join(kept)


def _parameter(snippet: Snippet, line: _Line) -> Key:
    name, equals, _ = line.text.partition("=")
    if not equals or not PARAMETER.fullmatch(name.strip()):
        snippet.refuse(line.number, "is not NAME = VALUE", "see postconf(5)")
    return (name.strip(),)


def _our_parameter(text: str) -> Key:
    return (text.partition("=")[0].strip(),)


def _service(snippet: Snippet, line: _Line) -> Key:
    words = line.text.split()
    if len(words) < _HEAD + len(COLUMNS):
        hint = "service type private unpriv chroot wakeup maxproc command; see master(5)"
        snippet.refuse(line.number, f"has {len(words)} columns, not 8 or more", hint)
    if words[1] not in TYPES:
        hint = f"one of {', '.join(TYPES)}"
        snippet.refuse(line.number, f"{words[1]!r} is not a type of service", hint)
    for (column, grammar), word in zip(COLUMNS, words[_HEAD:], strict=False):
        if not re.fullmatch(grammar, word):
            snippet.refuse(line.number, f"{word!r} cannot be {column}", "see master(5)")
    return _service_key(words[0], words[1])


def _our_service(text: str) -> Key:
    return _service_key(*text.split()[:_HEAD])


def _service_key(name: str, kind: str = "") -> Key:
    """Name a service so that ``smtp inet`` and ``25 inet`` are the same."""
    if kind != "inet":
        return (name, kind)
    host, _, port = name.rpartition(":")
    port = PORTS.get(port, port)
    return (f"{host.strip('[]')}:{port}" if host else port, kind)
