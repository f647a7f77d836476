"""Running programs beside each other."""

from __future__ import annotations

import pathlib

import pytest

from mailstead.errors import MachineError
from mailstead.machine.base import Machine
from mailstead.machine.fake import FakeMachine
from mailstead.machine.handles import Programs
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Completed, Path
from mailstead.machine.waiting import wait_until


def shell(programs: Programs, name: str, script: str, timeout: float = 20.0) -> None:
    """Start a shell."""
    programs.start(name, ["sh", "-c", script], stdin="", timeout=timeout)


def all_ended(programs: Programs) -> dict[str, Completed | MachineError]:
    """Wait for all."""
    found: dict[str, Completed | MachineError] = {}
    while programs.names:
        found.update(programs.ended(5))
    return found


def test_a_slow_one_holds_up_no_other(real: RealMachine) -> None:
    """The quick one is collected while the slow one runs, with what it printed and was given."""
    with real.side_by_side() as programs:
        shell(programs, "slow", "sleep 60")
        programs.start("quick", ["sh", "-c", "cat; echo oops >&2; exit 3"], stdin="é\n", timeout=20)
        assert programs.ended(20) == {"quick": Completed(3, "é\n", "oops\n")}
        assert programs.names == {"slow"}


def test_one_that_prints_a_lot_goes_on(real: RealMachine) -> None:
    """More than a pipe holds, on both, while it is waited for; too much is cut."""
    script = "head -c 900000 /dev/zero; head -c 3000000 /dev/zero >&2"
    with real.side_by_side() as programs:
        shell(programs, "loud", script)
        shell(programs, "louder", script)
        found = all_ended(programs)
    for done in found.values():
        assert isinstance(done, Completed)
        assert (len(done.stdout), len(done.stderr)) == (900_000, 1 << 20)


def test_one_that_is_asked_to_end_ends(real: RealMachine) -> None:
    """With its children, and nobody else; one that does not run is nobody's."""
    with real.side_by_side() as programs:
        shell(programs, "one", "sleep 60; true")
        shell(programs, "other", "exec sleep 60")
        programs.end("one")
        programs.end("none")
        assert programs.ended(20) == {"one": Completed(-15, "", "")}
        assert programs.names == {"other"}


def test_each_has_its_time(real: RealMachine, root: Path) -> None:
    """One that is late is killed, the other is not."""
    with real.side_by_side() as programs:
        shell(programs, "late", f"echo $$ >{root}/pid; exec sleep 60", timeout=0.3)
        shell(programs, "in time", "read x; echo done")
        found = all_ended(programs)
    assert found["in time"] == Completed(0, "done\n", "")
    assert "did not end within 0.3 s" in str(found["late"])
    pid = int(pathlib.Path(root / "pid").read_text())
    assert wait_until(real, lambda: real.process(pid) is None, seconds=5)


def test_what_still_runs_at_the_end_is_asked_to_end(real: RealMachine, root: Path) -> None:
    """So that it can put away what it holds."""
    script = f"trap 'echo put away >{root}/note; exit' TERM; echo >{root}/ready; sleep 60 & wait"
    with real.side_by_side() as programs:
        shell(programs, "one", script)
        assert wait_until(real, (pathlib.Path(root) / "ready").exists, seconds=5)
    assert pathlib.Path(root / "note").read_text() == "put away\n"


def test_nothing_that_ends_is_no_error(real: RealMachine, fake: FakeMachine) -> None:
    """The wait is over when its time is."""
    machines: tuple[Machine, ...] = (real, fake)
    for machine in machines:
        with machine.side_by_side() as programs:
            assert programs.ended(0.05) == {}


def test_a_name_that_runs_is_refused_and_so_is_a_missing_program(
    real: RealMachine, fake: FakeMachine
) -> None:
    """By both machines alike; the fake one has every program."""
    machines: tuple[Machine, ...] = (real, fake)
    for machine in machines:
        with machine.side_by_side() as programs:
            shell(programs, "one", "sleep 60")
            with pytest.raises(MachineError, match="one: runs already"):
                shell(programs, "one", "true")
    with real.side_by_side() as programs, pytest.raises(MachineError, match="is missing"):
        programs.start("none", ["no-such-program"], stdin="", timeout=1)
