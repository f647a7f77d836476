"""An admin's own lines for a file of a module: a drop-in snippet.

It stands in ``/etc/mailstead/snippets/<module>/<name>`` and is read when a plan is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import attrs

from mailstead.errors import PlanError

FOLDER = "/etc/mailstead/snippets"


@attrs.frozen
class Snippet:
    """A snippet that was read: printable UTF-8 text of whole lines.

    Attributes:
        path: system path of its file.
        text: what stands in it; ends with a line end.
    """

    path: str
    text: str

    def lines(self) -> Iterator[tuple[int, str]]:
        """Give its lines with their numbers."""
        yield from enumerate(self.text.split("\n")[:-1], 1)

    def append_to(self, text: str, comment: str = "#") -> str:
        """Give a file's text with the snippet at its end, below a line that says so.

        Without a ``comment`` leader there is no such line.
        """
        end = "" if text.endswith("\n") or not text else "\n"
        heading = f"\n{comment} from {self.path}\n" if comment else ""
        return f"{text}{end}{heading}{self.text}"

    def refuse(self, line: int, problem: str, hint: str = "") -> NoReturn:
        """Refuse one of its lines. Raises PlanError with file and line."""
        raise PlanError(problem, where=f"{self.path}:{line}", hint=hint)
