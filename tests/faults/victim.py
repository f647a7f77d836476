"""A process that saves on the real machine and is ended by a signal at a call of its choice.

Run as ``python -m tests.faults.victim FOLDER PLUGINS PACKAGE SIGNAL POINT``; prints the outcome
if it gets that far. Point 0 is none.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import attrs

from mailstead.cli.main import _stop
from mailstead.registry import Source
from tests.faults.calls import Act, Call, Calls
from tests.faults.real_site import RealSite


@attrs.frozen
class Signalled:
    """A signal to the process itself, before a call."""

    number: int
    at: int

    def take(self, _: Call, act: Act, number: int) -> Any:
        """Send it when it is time."""
        if number == self.at:
            os.kill(os.getpid(), self.number)
        return act()


def main() -> None:
    """Save."""
    folder, plugins, package, number, point = sys.argv[1:]
    sys.path.insert(0, plugins)
    site = RealSite(Path(folder), Source("leaflet", package), Path(plugins))
    for each in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(each, _stop)  # as the command line does
    with site.process(Calls(Signalled(int(number), int(point)))) as engine:
        sys.stdout.write(engine.save().outcome)


if __name__ == "__main__":
    main()
