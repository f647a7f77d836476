"""Deadlines for code that is not ours: when its time is over it is interrupted, until it ends.

In the main thread by the interval timer, setitimer(2): Python handles its signal between two
steps of the code, and a system call that waits is left. In another thread by an exception that
the interpreter raises there (PyThreadState_SetAsyncExc of its C API), once a wait is over.
Code in C that does not return to the interpreter is not reached.

Some code is not interrupted, since nobody would catch the exception there: the deadlines' own, and
what Python runs by itself between two steps, which is the garbage collector (it rests meanwhile)
and its callbacks. The interruption comes once that has ended.

Deadlines nest: while an inner one runs, the clock of the outer one stands still, so that whoever
was late is the one that is named.
"""

from __future__ import annotations

import _thread
import gc
import signal
import sys
import threading
from contextlib import AbstractContextManager
from time import monotonic, sleep
from types import FrameType
from typing import Any

from mailstead.machine.base import DeadlineExceeded

INTERVAL = 0.2  # seconds until what goes on is interrupted again; time to clean up
PATIENCE = 5  # interruptions after which no time to clean up is left
SHORT = 0.0001
LOOK = 0.02  # seconds between two looks at a watched thread
IDLE = 50  # looks without a deadline after which nobody looks any more
_local = threading.local()  # each thread's watcher, if it has one


def deadline(seconds: float) -> AbstractContextManager[None]:
    """Interrupt what takes longer. Raises DeadlineExceeded in it."""
    if _thread.get_ident() == threading.main_thread().ident:
        return _Alarm(seconds)
    return _Watched(seconds)


class _Alarm(AbstractContextManager[None]):
    """A deadline by signal. What was set before is set again afterwards."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.rings = 0
        self.handler: Any = None
        self.timer = (0.0, 0.0)
        self.collects = False

    def __enter__(self) -> None:
        self.collects = _rest()
        self.handler = signal.signal(signal.SIGALRM, self._ring)
        self.timer = signal.setitimer(signal.ITIMER_REAL, self.seconds, INTERVAL)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, self.handler)  # the last ring, if any, was heard before
        if any(self.timer):
            signal.setitimer(signal.ITIMER_REAL, *self.timer)
        _end_rest(self.collects)

    def _ring(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None and _must_wait(frame):
            return  # it will ring again
        self.rings += 1
        if self.rings == PATIENCE:
            signal.setitimer(signal.ITIMER_REAL, SHORT, SHORT)
        raise DeadlineExceeded


class _Watched(AbstractContextManager[None]):
    """A deadline that another thread watches.

    A loop that catches every exception goes on: it is interrupted in the same place again.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_left = False
        self.outer: _Watched | None = None
        self.frame: FrameType | None = None
        self.begin = self.end = 0.0
        self.collects = False

    def __enter__(self) -> None:
        self.collects = _rest()
        self.frame = sys._getframe(1)
        self.begin = monotonic()
        self.end = self.begin + self.seconds
        _watcher().enter(self)

    def __exit__(self, *_: object) -> None:
        self.is_left = True
        _watcher().leave(self)
        self.frame = None
        _end_rest(self.collects)


class _Watcher:
    """Watches the deadlines of one thread, from another that ends when there are none for long.

    It looks every now and then, so that setting a deadline costs next to nothing.
    """

    def __init__(self) -> None:
        self.thread = _thread.get_ident()
        self.innermost: _Watched | None = None
        self.is_up = False
        self.has_raised = False
        self.lock = _thread.allocate_lock()

    def enter(self, watched: _Watched) -> None:
        """Take on a deadline."""
        with self.lock:
            watched.outer, self.innermost = self.innermost, watched
            if not self.is_up:
                self.is_up = True
                _thread.start_new_thread(self._look_on, ())

    def leave(self, watched: _Watched) -> None:
        """Let a deadline go; what it would still raise arrives here, and goes no further."""
        with self.lock:
            if self.has_raised:
                self.has_raised = False
                _let_arrive(self.thread)
            self.innermost = watched.outer
            if self.innermost is not None:
                self.innermost.end += monotonic() - watched.begin

    def _look_on(self) -> None:
        idle = 0
        while idle < IDLE:
            sleep(LOOK)
            with self.lock:
                idle = 0 if self._look() else idle + 1
                self.is_up = idle < IDLE

    def _look(self) -> bool:
        """Interrupt what is late; tells whether there is anything to watch."""
        watched, stack = self.innermost, _stack(self.thread)
        if watched is None:
            return False
        if watched.frame not in stack:  # its block was left, its end interrupted
            self.innermost = watched.outer
            return True
        if monotonic() >= watched.end and not watched.is_left and not _must_wait(stack[0]):
            watched.end = monotonic() + INTERVAL
            self.has_raised = True
            _raise_in(self.thread, DeadlineExceeded)
        return True


def _watcher() -> _Watcher:
    found: _Watcher | None = getattr(_local, "watcher", None)
    if found is None:
        found = _local.watcher = _Watcher()
    return found


def _rest() -> bool:
    """Let the garbage collector rest; tells whether it did not before."""
    collects = gc.isenabled()
    gc.disable()
    return collects


def _end_rest(collects: bool) -> None:
    if collects:
        gc.enable()


def _stack(thread: int) -> list[FrameType]:
    """Give the frames of a thread, innermost first; none when it has ended."""
    found = []
    frame = sys._current_frames().get(thread)
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def _must_wait(frame: FrameType) -> bool:
    """Tell whether an exception raised in a frame would be lost.

    The frame may be of a deadline that is just entered or left, or of a callback of the garbage
    collector, whose exceptions are printed and ignored (gc.callbacks in Python's library).
    """
    code = frame.f_code
    is_own = code.co_filename == _must_wait.__code__.co_filename
    return is_own or any(code is getattr(call, "__code__", None) for call in gc.callbacks)


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise an exception in a thread, instead of one that was not raised yet."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def _let_arrive(thread: int) -> None:
    """Let what is to be raised in this very thread be raised now.

    To take it back, by giving NULL instead, leaves the interpreter's flag for it set for ever:
    under a tracer CPython 3.11 then looks at the flag again and again and does not get on.
    """
    try:
        _raise_in(thread, DeadlineExceeded)
        while True:
            pass
    except DeadlineExceeded:
        return
