"""Deadlines: what is interrupted, how often, and what is as before afterwards."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import pytest

from mailstead.machine.base import DeadlineExceeded
from mailstead.machine.deadline import deadline

SOON = 0.05
LATER = 600.0


def spin() -> None:
    """Go on for ever."""
    while True:
        pass


def swallow() -> None:
    """Go on for ever, whatever is raised."""
    while True:
        with suppress(BaseException):
            spin()


def in_main_thread(work: Callable[[], Any]) -> Any:
    """Do work here; pytest may run tests elsewhere."""
    assert threading.current_thread() is threading.main_thread()
    return work()


def in_another_thread(work: Callable[[], Any]) -> Any:
    """Do work in a thread of its own and give what it gave or raise what it raised."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again below
            found.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = found[0]
    if error is not None:
        raise error
    return result


THREADS = pytest.mark.parametrize("where", [in_main_thread, in_another_thread])
Where = Callable[[Callable[[], Any]], Any]


def late(work: Callable[[], object], seconds: float = SOON) -> str:
    """Work under a deadline; tells how it ended."""
    try:
        with deadline(seconds):
            work()
    except DeadlineExceeded:
        return "late"
    return "done"


@THREADS
def test_an_endless_loop_is_interrupted(where: Where) -> None:
    """In whichever thread it runs."""
    assert where(lambda: late(spin)) == "late"


@THREADS
def test_what_is_done_in_time_is_left_alone(where: Where) -> None:
    """Nothing is raised afterwards either."""
    assert where(lambda: [late(list, LATER) for _ in range(100)]) == ["done"] * 100


@THREADS
def test_the_inner_one_is_late_and_the_outer_one_goes_on(where: Where) -> None:
    """The outer clock stands still meanwhile, and runs again afterwards."""

    def work() -> list[str]:
        found = []

        def outer() -> None:
            found.append(late(spin, SOON * 4))
            found.append(late(list, LATER))
            spin()

        found.append(late(outer, SOON * 2))
        return found

    assert where(work) == ["late", "done", "late"]


def test_in_another_thread_the_outer_clock_stands_still() -> None:
    """By as much as the inner block took."""

    def work() -> bool:
        outer: Any = deadline(LATER)
        with outer:
            before = outer.end
            late(spin)
            return bool(outer.end >= before + SOON)

    assert in_another_thread(work)


@THREADS
def test_what_catches_exceptions_is_interrupted_all_the_same(where: Where) -> None:
    """It is no Exception."""

    def careless() -> None:
        while True:
            with suppress(Exception):
                spin()

    assert where(lambda: late(careless)) == "late"


@THREADS
def test_what_goes_on_after_an_interruption_is_interrupted_again(where: Where) -> None:
    """Having swallowed one does not help."""

    def stubborn() -> None:
        for _ in range(2):
            with suppress(DeadlineExceeded):
                spin()
        spin()

    assert where(lambda: late(stubborn)) == "late"


def test_in_the_main_thread_swallowing_everything_does_not_help() -> None:
    """After a few times there is no moment left for it."""
    assert in_main_thread(lambda: late(swallow)) == "late"


def test_a_system_call_that_waits_is_left() -> None:
    """Nobody else would ever release it."""
    lock = threading.Lock()
    lock.acquire()
    assert in_main_thread(lambda: late(lock.acquire)) == "late"


def test_the_handler_and_the_timer_that_were_set_are_set_again() -> None:
    """They may be those of a program that embeds the engine."""

    def ring(*_: object) -> None:
        """Hear nothing."""

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LATER, LATER / 2)
    try:
        assert late(spin) == "late"
        assert signal.getsignal(signal.SIGALRM) is ring
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert interval == LATER / 2
        assert LATER / 2 < left <= LATER
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, old)


def test_nothing_is_armed_afterwards() -> None:
    """Where nothing was before."""
    assert late(list, LATER) == "done"
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


@THREADS
def test_an_interruption_is_not_lost_in_a_callback_of_the_garbage_collector(where: Where) -> None:
    """What is raised there is printed and ignored, so it is raised after it."""
    lost: list[object] = []

    def dawdle(*_: object) -> None:
        end = monotonic() + SOON * 3
        while monotonic() < end:
            pass

    def collect_and_spin() -> None:
        gc.collect()
        spin()

    hook = sys.unraisablehook

    def hear(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is DeadlineExceeded:
            lost.append(unraisable)
        else:
            hook(unraisable)

    gc.collect()  # what earlier tests left has finalizers of its own, in which it could ring
    sys.unraisablehook = hear
    gc.callbacks.append(dawdle)
    try:
        assert where(lambda: late(collect_and_spin)) == "late"
    finally:
        gc.callbacks.remove(dawdle)
        sys.unraisablehook = hook
    assert lost == []


@THREADS
def test_what_goes_round_is_not_collected_while_it_could_ring(where: Where) -> None:
    """A finalizer, or a weak reference's callback, has nobody to catch what is raised in it."""
    collected: list[int] = []
    seen: list[int] = []

    class Round:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            collected.append(1)

    def litter() -> None:
        try:
            while True:
                Round()
        finally:
            seen.append(len(collected))

    assert gc.isenabled()
    assert where(lambda: late(litter)) == "late"
    assert gc.isenabled()
    assert seen == [0]


TRACED = """
import sys, threading
from mailstead.machine.base import DeadlineExceeded
from mailstead.machine.deadline import deadline

def work():
    try:
        with deadline(0.05):
            while True:
                pass
    except DeadlineExceeded:
        pass

thread = threading.Thread(target=work)
thread.start()
thread.join()
sys.settrace(lambda *_: None)
(lambda: None)()
"""


def test_afterwards_the_interpreter_goes_on_under_a_tracer() -> None:
    """A debugger or coverage: what is raised in a thread is never taken back, it arrives."""
    argv = [sys.executable, "-c", TRACED]
    assert subprocess.run(argv, timeout=30, check=False).returncode == 0
