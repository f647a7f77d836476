"""Teach Rspamd from a file of messages: rspamc(1), and the format of RFC 4155 (mbox).

A message begins with a line ``From ``, at the beginning or after an empty line; where its own
text has such a line, ``>`` stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal, Protocol

import attrs

from mailstead.plugin import Context, InvalidValue, Machine, MachineError, Path
from mailstead_filter.places import CONTROLLER, TRAINING
from mailstead_filter.settings import Learning

Kind = Literal["spam", "ham"]
BAYES = "filter.learning.bayes"
BLOCK = 1 << 20
LONGEST = 32 << 20  # bytes of a message; the rest of a longer one is left out
TOGETHER = 50  # messages given to one command
TIMEOUT = 600.0
QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
KNOWN = ("already learned", "has been already")
ERROR = re.compile(r'^(?:error = "(?:<[^>]*> )?|HTTP error: [0-9]+, )(.*?)"?;?$', re.MULTILINE)
SAID = re.compile(r"^Results for (?:command|file): .*$", re.MULTILINE)


class Stream(Protocol):
    """What is read piece by piece."""

    def read(self, size: int) -> bytes:
        """Give at most so many bytes; none at the end."""


@attrs.frozen
class Taught:
    """How many messages were learned, were known already, and were refused, with each reason."""

    learned: int = 0
    known: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def refused(self) -> int:
        """Give how many were refused."""
        return len(self.reasons)

    def plus(self, other: Taught) -> Taught:
        """Add up two."""
        reasons = self.reasons + other.reasons
        return Taught(self.learned + other.learned, self.known + other.known, reasons)


def train(context: Context, machine: Machine, kind: Kind, mbox: Path) -> Taught:
    """Teach all messages of an mbox. Raises InvalidValue, MachineError."""
    if not context.settings.form(Learning).bayes:
        hint = "run `mailstead settings set filter.learning bayes=true`, then `mailstead save`"
        raise InvalidValue("it is off, so nothing is learned", where=BAYES, hint=hint)
    taught = Taught()
    try:
        with machine.read_stream(mbox) as stream:
            messages = split(stream)
            while batch := tuple(islice(messages, TOGETHER)):
                taught = taught.plus(_teach(context, machine, kind, batch))
    except FileNotFoundError:
        raise InvalidValue("there is no such file", where=str(mbox)) from None
    return taught


def split(stream: Stream) -> Iterator[bytes]:
    """Give the messages of an mbox one by one. Raises InvalidValue when it is none."""
    message: list[bytes] | None = None
    size, is_after_empty = 0, True
    for line in _lines(stream):
        if line.startswith(b"From ") and is_after_empty:
            if message:
                yield _whole(message)
            message, size = [], 0
        elif message is None:
            hint = "it begins with a line `From `; a Maildir is not an mbox"
            raise InvalidValue("this is no mbox", where="filter.train", hint=hint)
        elif size < LONGEST:
            message.append(line)
            size += len(line)
        is_after_empty = line in (b"\n", b"\r\n")
    if message:
        yield _whole(message)


def _whole(lines: Sequence[bytes]) -> bytes:
    return QUOTED.sub(rb"\1", b"".join(lines))


def _lines(stream: Stream) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(BLOCK):
        *lines, rest = (rest + block).splitlines(keepends=True)
        if rest.endswith(b"\n"):
            lines, rest = [*lines, rest], b""
        yield from lines
        if len(rest) > LONGEST:
            yield rest
            rest = b""
    if rest:
        yield rest


def _teach(context: Context, machine: Machine, kind: Kind, batch: Sequence[bytes]) -> Taught:
    folder = context.path(TRAINING)
    machine.remove_tree(folder)
    machine.make_directory(folder, mode=0o700, uid=0, gid=0)
    try:
        paths = [folder / f"{number}.eml" for number in range(len(batch))]
        for path, content in zip(paths, batch, strict=True):
            machine.write_scratch(path, content)
        return _ask(context, machine, kind, paths)
    finally:
        machine.remove_tree(folder)


def _ask(context: Context, machine: Machine, kind: Kind, paths: Sequence[Path]) -> Taught:
    socket = str(context.path(CONTROLLER))
    argv = ("rspamc", "-h", socket, f"learn_{kind}", *map(str, paths))
    done = machine.run(argv, timeout=TIMEOUT)
    answers = SAID.split(done.stdout)[1:]
    if not answers:
        hint = "the filter must be enabled, in use and running"
        raise MachineError(done.output, where=" ".join(argv[:4]), hint=hint)
    return count(answers)


def count(answers: Sequence[str]) -> Taught:
    """Count what rspamc answered about each message."""
    left = [answer for answer in answers if "success = true" not in answer]
    refused = [answer for answer in left if not any(word in answer for word in KNOWN)]
    reasons = tuple(_reason(answer) for answer in refused)
    return Taught(len(answers) - len(left), len(left) - len(refused), reasons)


def _reason(answer: str) -> str:
    """Give why Rspamd refused one, without the id that the message claims."""
    found = ERROR.search(answer)
    return found[1] if found else " ".join(answer.split()) or "no reason was given"
