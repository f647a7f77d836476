"""Let the machine finish an interrupted save when it boots, before any daemon starts.

A unit of type oneshot between sysinit.target and basic.target (bootup(7)): daemons with
default dependencies come after it. That it fails keeps nothing from starting.
"""

from __future__ import annotations

import sys

from mailstead.errors import MachineError
from mailstead.machine.base import Machine
from mailstead.machine.values import Path

NAME = "mailstead-recover.service"
FOLDER = Path("/etc/systemd/system")
UNIT = """\
# Written by `mailstead init`.
[Unit]
Description=Undo a save of Mailstead's that the last boot did not see the end of
Documentation=man:bootup(7)
DefaultDependencies=no
RequiresMountsFor=/etc /var/lib/mailstead
After=sysinit.target
Before=basic.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart={python} -m mailstead.cli recover --boot
TimeoutStartSec=120

[Install]
WantedBy=basic.target
"""


def install_unit(machine: Machine) -> None:
    """Write and enable the unit. Raises MachineError."""
    text = UNIT.format(python=sys.executable)
    machine.replace_file(FOLDER / NAME, text.encode(), mode=0o644, uid=0, gid=0)
    for words in (("daemon-reload",), ("enable", "--quiet", NAME)):
        done = machine.run(["systemctl", "--no-ask-password", *words])
        if done.status != 0:
            raise MachineError(done.output, where=f"systemctl {' '.join(words)}")
