"""The unit that finishes an interrupted save at boot."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path

import pytest

from mailstead.boot import FOLDER, NAME, UNIT, install_unit
from mailstead.errors import MachineError
from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Completed


def test_the_unit_is_written_and_enabled() -> None:
    """With the Python that has Mailstead; before basic.target, which daemons come after."""
    machine = FakeMachine()
    machine.add_directory(FOLDER)
    install_unit(machine)
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(machine.read_file(FOLDER / NAME).decode())
    assert unit["Service"]["ExecStart"] == f"{sys.executable} -m mailstead.cli recover --boot"
    assert "basic.target" in unit["Unit"]["Before"].split()
    assert unit["Unit"]["DefaultDependencies"] == "no"
    runs = [args[0] for name, args in machine.calls if name == "run"]
    assert runs == [
        ("systemctl", "--no-ask-password", "daemon-reload"),
        ("systemctl", "--no-ask-password", "enable", "--quiet", NAME),
    ]


def test_a_unit_that_cannot_be_enabled_is_said() -> None:
    """In systemctl's words."""
    machine = FakeMachine()
    machine.add_directory(FOLDER)
    machine.on_command(["systemctl", "--no-ask-password", "enable"], Completed(1, "", "no bus"))
    with pytest.raises(MachineError, match="no bus"):
        install_unit(machine)


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """As systemd-analyze(1) reads it, where there is one."""
    import shutil
    import subprocess

    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    path = tmp_path / NAME
    path.write_text(UNIT.format(python=sys.executable))
    done = subprocess.run([program, "verify", "--man=no", path], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert NAME not in done.stderr
