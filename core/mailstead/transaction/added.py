"""Say which lines of a generated file an admin's own additions are behind.

A daemon's checker knows the generated file alone: ``main.cf, line 81``. The admin knows the
snippet that line came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

_WORD = re.compile(r"[\w.-]{2,}")
_NAMED = re.compile(r"([\w.-]+)\s*=")
_QUOTED = re.compile(r'"([^"\n]+)"')
_SHORTEST = 3  # shorter quotes are everywhere


@attrs.frozen
class Added:
    """An addition that a generated file was made with.

    Attributes:
        source: system path of the addition.
        lines: of the snippet; none of a template override.
        first: number of the line in the generated file where they begin; 0 when they do not
            stand there as they are.
    """

    source: str
    lines: tuple[str, ...] = ()
    first: int = 0

    @property
    def last(self) -> int:
        """Give the number of the last such line in the generated file."""
        return self.first + len(self.lines) - 1


def find_added(source: str, snippet: str, text: str) -> Added:
    """Find the lines of a snippet in the text that was made with it."""
    lines = tuple(snippet.removesuffix("\n").split("\n"))
    place = f"\n{text}".rfind(f"\n{snippet}")
    first = 0 if place < 0 else text.count("\n", 0, place) + 1
    return Added(source, lines, first)


def explain(words: str, files: Mapping[str, Iterable[Added]]) -> tuple[str, ...]:
    """Tell what a checker's words have to do with additions.

    Args:
        words: the checker's own, with the paths of ``files``.
        files: the additions that each file was made with.
    """
    found = [
        line
        for path, items in files.items()
        for item in items
        for line in _explain(words, path, item)
    ]
    return tuple(dict.fromkeys(found))


def _explain(words: str, path: str, item: Added) -> Iterator[str]:
    if not item.lines:
        if _names(words, path):
            yield f"{path} is made by your template {item.source}"
        return
    numbers = [int(number) for number in _numbers(words, path)]
    named = [n for n in numbers if item.first and item.first <= n <= item.last]
    for number in named:
        yield f"line {number} of {path} is {item.source}:{number - item.first + 1}"
    if numbers:
        return
    likely = list(_likely(words, item))
    for number in likely:
        yield f"see {item.source}:{number}"
    if not likely and _names(words, path):
        where = f"lines {item.first}-{item.last} of " if item.first else ""
        yield f"{where}{path} come from {item.source}"


def _names(words: str, path: str) -> bool:
    return re.search(rf"{re.escape(path)}(?![\w-]|\.\w)", words) is not None


def _numbers(words: str, path: str) -> list[str]:
    """Find line numbers: ``main.cf, line 3``, ``master.cf: line 3``, ``dovecot.conf:3``."""
    return re.findall(rf"{re.escape(path)}(?:[,:]? line |:)(\d+)", words)


def _likely(words: str, item: Added) -> Iterator[int]:
    """Find the lines that the checker's words, which have no number, may be about.

    They begin with a word of it, set a name that it sets, or hold what it quotes.
    """
    said, named = set(_WORD.findall(words)), set(_NAMED.findall(words))
    quoted = [text for text in _QUOTED.findall(words) if len(text) >= _SHORTEST]
    for number, line in enumerate(item.lines, 1):
        first = _WORD.match(line.strip())
        if (
            (first and first[0] in said)
            or named & set(_NAMED.findall(line))
            or any(text in line for text in quoted)
        ):
            yield number
