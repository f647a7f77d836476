"""Output by lines: as it comes, bounded, and the program never outlives its reader."""

from __future__ import annotations

import sys
import tracemalloc
from itertools import islice

import pytest

from mailstead.errors import MachineError
from mailstead.machine.line_stream import lines

PYTHON = (sys.executable, "-c")


def test_all_lines_are_given_without_their_ends() -> None:
    """The last one needs none."""
    with lines([*PYTHON, "print('a'); print(); print('b', end='')"], timeout=30) as found:
        assert list(found) == [b"a", b"", b"b"]


def test_a_reader_who_stops_ends_the_program() -> None:
    """It would write for ever."""
    endless = "import itertools\nfor n in itertools.count(): print(n)"
    with lines([*PYTHON, endless], timeout=30) as found:
        assert list(islice(found, 3)) == [b"0", b"1", b"2"]


def test_memory_is_that_of_a_line() -> None:
    """However many there are."""
    many = "for n in range(200000): print('x' * 100)"
    tracemalloc.start()
    try:
        with lines([*PYTHON, many], timeout=60) as found:
            assert sum(len(line) for line in found) == 200_000 * 100
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_failure_comes_after_the_lines_with_the_programs_words() -> None:
    """Both pipes are read, so that neither fills up."""
    program = "import sys\nprint('a')\nsys.stderr.write('e' * 100000 + 'the end')\nsys.exit(3)"
    read: list[bytes] = []
    with (
        lines([*PYTHON, program], timeout=30) as found,
        pytest.raises(MachineError, match="the end"),
    ):
        read.extend(found)
    assert read == [b"a"]


def test_a_program_that_hangs_is_ended() -> None:
    """After the time it was given."""
    with (
        lines([*PYTHON, "import time; time.sleep(60)"], timeout=0.3) as found,
        pytest.raises(MachineError, match="in time"),
    ):
        next(found)


def test_a_missing_program_is_named() -> None:
    """With what to do."""
    with (
        pytest.raises(MachineError, match="the program is missing"),
        lines(["/no/such"], timeout=1),
    ):
        pass
