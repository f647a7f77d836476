"""Call a plugin's code so that it can do no more than fail: the one way to call it.

Whatever it raises, `sys.exit` included, and whatever it gives that is not what belongs there,
becomes an error that names the module and what was called; and so does taking too long.

A MailsteadError passes as it is: those are words for people. So does what ends the process,
such as Ctrl-C: any BaseException but SystemExit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from mailstead.errors import MailsteadError, PlanError, Stopped
from mailstead.machine.base import DeadlineExceeded

CALL_SECONDS = 10.0  # for a pure function
WORK_SECONDS = 60.0  # for one that looks at the machine or makes something
HINT = "report it to the module's author, or disable the module"
_LONGEST = 300

T = TypeVar("T")
Deadline = Callable[[float], AbstractContextManager[None]]
Failure = Callable[[str, str, BaseException], MailsteadError]


class Nonsense(Exception):
    """What a plugin's code gave cannot be used; the text says why, in words for people."""


def failed(where: str, words: str, error: BaseException) -> MailsteadError:  # noqa: ARG001 - a Failure
    """Give the error for a call that failed."""
    return PlanError(words, where=where, hint=HINT)


def guarded(
    deadline: Deadline,
    module: str,
    what: str,
    call: Callable[[], T],
    *,
    seconds: float = CALL_SECONDS,
    failure: Failure = failed,
) -> T:
    """Call a plugin's code.

    Args:
        deadline: the machine's.
        module: whose code it is.
        what: what is called, in words.
        call: the code; it must also look at what it was given, lazy results included.
        seconds: how long it may take.
        failure: makes the error of place, words and what was raised.

    Raises what ``failure`` gives, a PlanError unless it is said otherwise, or the
    MailsteadError that the plugin raised.
    """
    where = f"module {module}: {what}"
    try:
        with deadline(seconds):
            try:
                return call()
            except (MailsteadError, Stopped):
                raise
            except (Exception, SystemExit) as error:  # a plugin may raise anything
                raise failure(where, _words(error), error) from error
    except DeadlineExceeded as error:
        raise failure(where, f"did not answer within {seconds:g} s", error) from None


def listed(given: Any, kind: type[T]) -> tuple[T, ...]:
    """Take an iterable of one kind of object. Raises Nonsense."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise Nonsense(f"gave {name_of(given)}, not several {kind.__name__}")
    return tuple(one(item, kind) for item in given)


def one(given: Any, kind: type[T]) -> T:
    """Take one object of a kind. Raises Nonsense."""
    if not isinstance(given, kind):
        raise Nonsense(f"gave {name_of(given)} where {kind.__name__} belongs")
    return given


def name_of(given: object) -> str:
    """Name what was given by its type: the value itself may be a secret."""
    return "nothing" if given is None else type(given).__name__


def _words(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - also this is a plugin's code
        text = ""
    first = next(iter(text.splitlines()), "")[:_LONGEST]
    if isinstance(error, Nonsense):
        return first
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
