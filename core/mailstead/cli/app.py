"""What every command is given: the engine, and one way to print, ask and read passwords.

With ``--json`` each command prints exactly one JSON document on standard output; words for
people go to standard error then.
"""

from __future__ import annotations

import getpass
import json
import os
import pwd
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs
import click

from mailstead.errors import ConsentNeeded, InvalidInput

if TYPE_CHECKING:
    from rich.console import Console

    from mailstead.engine import Engine
    from mailstead.machine.values import Path

_NOTHING = object()


@attrs.define(slots=False)
class App:
    """One run of the command line.

    Attributes:
        prefix: folder of the instance.
        json: print JSON.
        yes: answer yes to every question.
        booting: the machine is starting; daemons are left to it.
    """

    prefix: str
    json: bool = False
    yes: bool = False
    booting: bool = False
    _data: Any = _NOTHING
    _messages: list[str] = attrs.field(factory=list)

    @cached_property
    def engine(self) -> Engine:
        """Open the instance, once."""
        from mailstead.engine import Engine
        from mailstead.settings.cells import Actor

        engine = Engine.open(self.prefix, booting=self.booting)
        engine.actor = Actor(_person(), engine.machine.origin())
        if engine.recovered:
            self.warn(str(engine.recovered))
        return engine

    @cached_property
    def console(self) -> Console:
        """Give the console for tables and diffs."""
        from rich.console import Console

        width = None if sys.stdout.isatty() else 120
        return Console(highlight=False, width=width)

    def print_table(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Print rows as a table, or as a JSON list of objects."""
        found = [tuple(row) for row in rows]
        if self.json:
            names = [re.sub(r"[ -]", "_", column.lower()) for column in columns]
            self.emit([dict(zip(names, row, strict=True)) for row in found])
            return
        if not found:
            self.say(f"{title}: none")
            return
        cells = [[_words(cell) for cell in row] for row in found]
        if sys.stdout.isatty():
            self._print_boxes(title, columns, cells)
        else:
            self._print_columns(title, columns, cells)

    def _print_boxes(self, title: str, columns: Sequence[str], rows: list[list[str]]) -> None:
        from rich.table import Table
        from rich.text import Text

        self.console.print(Text(title, style="bold"))
        table = Table(*columns)
        for row in rows:
            table.add_row(*map(Text, row))
        self.console.print(table)

    def _print_columns(self, title: str, columns: Sequence[str], rows: list[list[str]]) -> None:
        """Print for pipes and files: aligned, one line a row, nothing cut or wrapped."""
        self.say(title)
        lines = [[column.upper() for column in columns], *rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.say(f"  {'  '.join(cells).rstrip()}")

    def print_record(self, title: str, record: Mapping[str, object]) -> None:
        """Print one record, or a JSON object."""
        if self.json:
            self.emit(dict(record))
            return
        self.say(title)
        width = max((len(name) for name in record), default=0)
        for name, value in record.items():
            self.say(f"  {name.ljust(width)}  {_words(value)}")

    def say(self, text: str, *, style: str = "", note: str = "") -> None:
        """Tell a person something; ``style`` is a colour, and ``note`` a faint remark behind it."""
        self._messages.append(text + note)
        if not self.json:
            remark = click.style(_printable(note), dim=True) if note else ""
            click.echo(click.style(_printable(text), fg=style or None) + remark)

    def warn(self, text: str) -> None:
        """Warn a person, on standard error."""
        self._messages.append(f"warning: {text}")
        click.echo(f"warning: {_printable(text)}", err=True)

    @staticmethod
    def time(at: float) -> str:
        """Write seconds since the epoch as people do."""
        from mailstead.moment import words_of

        return words_of(at)

    def note(self, event: str, subject: str) -> None:
        """Write what was done at once to the audit log; settings are written there by themselves.

        ``event`` is the command, ``subject`` what it was done to; never a secret.
        """
        self.engine.audit(event, subject)

    def emit(self, data: Any) -> None:
        """Set what ``--json`` prints."""
        self._data = data

    def confirm(self, question: str) -> None:
        """Ask; returns when the answer is yes. Raises ConsentNeeded otherwise."""
        if self.yes:
            return
        if not sys.stdin.isatty():
            raise ConsentNeeded(question, hint="answer with --yes")
        if not click.confirm(question, err=self.json):
            raise ConsentNeeded("not agreed", hint="nothing was changed")

    def path(self, given: str) -> Path:
        """Give a file that was named on the command line as the machine wants it: absolute."""
        from mailstead.machine.values import Path

        return Path(os.path.abspath(given))  # noqa: PTH100 - links are not resolved

    def read_password(self, given: str | None = None, from_stdin: bool = False) -> str:
        """Read a password: from standard input, or twice from the terminal."""
        return given if given is not None else self._read_hidden("password", from_stdin, twice=True)

    def read_passphrase(self, from_stdin: bool, *, twice: bool) -> str:
        """Read a passphrase: from standard input, or from the terminal."""
        return self._read_hidden("passphrase", from_stdin, twice=twice)

    def _read_hidden(self, word: str, from_stdin: bool, *, twice: bool) -> str:
        if from_stdin:
            return sys.stdin.readline().rstrip("\n")
        if not sys.stdin.isatty():
            hint = f"give it on standard input with --{word}-stdin"
            raise InvalidInput(f"there is no terminal to ask for a {word}", hint=hint)
        first = getpass.getpass(f"{word.capitalize()}: ")
        if twice and getpass.getpass("Again: ") != first:
            raise InvalidInput(f"the two {word}s differ", hint="try again")
        return first

    def path_of(self, words: str) -> Path:
        """Give the absolute path that a person means; links are not resolved."""
        from mailstead.machine.values import Path

        return Path(os.path.abspath(words))  # noqa: PTH100 - see above

    def finish(self) -> None:
        """Print the JSON document, when asked for, and close what was opened."""
        if self.json:
            data = {"messages": self._messages} if self._data is _NOTHING else self._data
            click.echo(_escaped(json.dumps(data, ensure_ascii=False, default=_jsonable)))
        self.close()

    def close(self) -> None:
        """Close the engine if it was opened."""
        if "engine" in self.__dict__:
            self.engine.close()


pass_app = click.make_pass_decorator(App)


def _words(value: object) -> str:
    if value is None or value in ((), ""):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return _printable(str(value))


def _printable(text: str) -> str:
    """Make control characters visible: what is shown may come from a stranger's mail."""
    return "".join(char if char.isprintable() or char in "\n\t" else repr(char)[1:-1]
                   for char in text)  # fmt: skip


def _escaped(document: str) -> str:
    """Write what is not printable as JSON's escapes, so that a terminal obeys no stranger."""
    if document.isprintable():
        return document
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in document)


def _jsonable(value: object) -> object:
    if attrs.has(type(value)):
        return attrs.asdict(value)  # type: ignore[arg-type]
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def _person() -> str:
    """Name who acts: the person behind sudo, where there is one."""
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
