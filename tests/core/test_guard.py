"""Tests of `mailstead.guard`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from mailstead.errors import NotFound, PlanError, Stopped
from mailstead.guard import Nonsense, guarded, listed, one
from mailstead.machine.deadline import deadline


def call(work: Callable[[], Any], seconds: float = 600.0) -> Any:
    """Call work as a plugin's."""
    return guarded(deadline, "clock", "validate", work, seconds=seconds)


def test_what_a_call_gives_is_given() -> None:
    """As it is."""
    assert call(lambda: [1, 2]) == [1, 2]


class Wordless(Exception):
    """An error that cannot even be told."""

    def __str__(self) -> str:
        raise RuntimeError


class Endless(Exception):
    """An error whose words never come."""

    def __str__(self) -> str:
        return spin()


def spin() -> NoReturn:
    """Go on for ever."""
    while True:
        pass


def recurse() -> NoReturn:
    """Go deeper for ever."""
    recurse()


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda: sys.exit("good bye"), "SystemExit: good bye"),
        (lambda: dict[str, int]()["name"], "KeyError: 'name'"),
        (recurse, "RecursionError"),
        (lambda: exec("raise ValueError('first\\nsecond')"), "ValueError: first"),  # noqa: S102
        (lambda: exec("raise ValueError"), "ValueError"),  # noqa: S102
    ],
)
def test_what_is_raised_is_told_with_module_and_call(work: Callable[[], Any], words: str) -> None:
    """In one line, with what to do about it."""
    with pytest.raises(PlanError) as caught:
        call(work)
    assert caught.value.where == "module clock: validate"
    assert caught.value.problem.startswith(words)
    assert "\n" not in str(caught.value)
    assert "author" in caught.value.hint


def test_an_error_that_cannot_be_told_is_named() -> None:
    """Its own words are a plugin's code too."""

    def work() -> NoReturn:
        raise Wordless

    with pytest.raises(PlanError, match="module clock: validate: Wordless"):
        call(work)


@pytest.mark.parametrize("fault", [None, Endless()], ids=["loop", "words"])
def test_what_does_not_end_is_refused(fault: Exception | None) -> None:
    """Be it the call or the words of its error."""

    def work() -> NoReturn:
        if fault:
            raise fault
        spin()

    with pytest.raises(PlanError, match=r"clock: validate: did not answer within 0\.05 s"):
        call(work, 0.05)


def test_lazy_results_are_taken_inside() -> None:
    """A generator that fails late fails here."""

    def late() -> Iterator[str]:
        yield "a"
        raise RuntimeError("late")

    with pytest.raises(PlanError, match="RuntimeError: late"):
        call(lambda: listed(late(), str))


@pytest.mark.parametrize("error", [NotFound("no paint"), Stopped(143), KeyboardInterrupt()])
def test_words_for_people_and_the_end_of_the_process_pass(error: BaseException) -> None:
    """A module may refuse in its own words; Ctrl-C and SIGTERM are not the plugin's."""

    def work() -> NoReturn:
        raise error

    with pytest.raises(type(error)) as caught:
        call(work)
    assert caught.value is error


def test_inner_and_outer_calls_have_their_own_time() -> None:
    """The one that is late is named, not the one that waits for it."""

    def outer() -> Any:
        return guarded(deadline, "inner", "the hook x", spin, seconds=0.2)

    with pytest.raises(PlanError, match="module inner: the hook x: did not answer"):
        call(outer, 0.1)


@pytest.mark.parametrize("given", [None, 7, "text", b"text", ["a", 3], [None]])
def test_several_of_a_kind_are_that(given: Any) -> None:
    """The value itself is not shown: it may be a secret."""
    with pytest.raises(Nonsense) as caught:
        listed(given, str if given != ["a", 3] else int)
    assert "text" not in str(caught.value)


def test_one_of_a_kind_is_that() -> None:
    """Nothing is no text."""
    assert one("", str) == ""
    with pytest.raises(Nonsense, match="gave nothing where str belongs"):
        one(None, str)
