"""A site on the real machine that is ready in a moment: real files, rows, processes and locks.

Its one daemon is sleep(1), which says in a file what it has read; no mail daemon is needed.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import attrs

from mailstead.engine import Engine
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.machine.real import RealMachine
from mailstead.machine.services import service_for
from mailstead.machine.values import Path as MachinePath
from mailstead.registry import Registry, Source
from tests.core.packages import Packages
from tests.faults.calls import Calls, Door
from tests.faults.pictures import Entry, picture

MANIFEST = """
[[paths]]
path = "/etc/leaflet/first.conf"
reason = "is read first"
[[paths]]
path = "/etc/leaflet/second.conf"
reason = "is read second"
"""
CODE = '''
import sqlite3

from mailstead.plugin import *


@form(title="Leaflet")
class Options:
    """What it says."""

    text: types.Text = field(default="old", help="what it says")


@table(title="Readers", key=("name",))
class Readers:
    """Who reads it."""

    name: types.Name = field(help="reader")


def prepare(context, machine):
    """Make the database."""
    path = context.path("/var/lib/leaflet/readers.db")
    if machine.stat_file(path) is None:
        made = sqlite3.connect(":memory:")
        made.execute("CREATE TABLE readers (name TEXT PRIMARY KEY)")
        machine.replace_file(path, made.serialize(), mode=0o600, uid=0, gid=0)
        made.close()


def command(verb):
    return ("sh", "{/sleep.sh}", verb)


module = Module(
    sections=[Options, Readers],
    files=[Template("/etc/leaflet/first.conf", "conf.j2"),
           Template("/etc/leaflet/second.conf", "conf.j2", mode=0o640)],
    folders=[Folder("/etc/leaflet"), Folder("/var/lib/leaflet")],
    daemons=[Daemon("sleep", reads=("/etc/leaflet",), native=Native(
        command("start"), command("stop"), command("reload"), "/run/sleep.pid"))],
    checks=[Check("somebody reads it", ("cat", "{staged:/etc/leaflet/first.conf}"))],
    publications=[Publication(Readers, "/var/lib/leaflet/readers.db", "readers", ("name",),
                              lambda reader: {"name": reader.name})],
    prepare=prepare,
)
'''
CONF = "text {{ options.text }}\n"
DAEMON = """\
cd "$(dirname "$0")"
case $1 in
    start)
        cat etc/leaflet/*.conf >run/loaded
        sleep 1000 &
        until grep -qx sleep "/proc/$!/comm"; do :; done
        echo $! >run/sleep.pid ;;
    reload) cat etc/leaflet/*.conf >run/loaded ;;
    stop) kill "$(cat run/sleep.pid)" ;;
esac
"""
FILES = ("/etc/leaflet/first.conf", "/etc/leaflet/second.conf")


@attrs.frozen
class Seen:
    """What the world sees: files, rows, what the daemon has read, whether it runs."""

    files: dict[str, Entry]
    rows: frozenset[str]
    loaded: str
    runs: bool


@attrs.frozen
class RealSite:
    """An instance on the real machine, and where its plugin lies."""

    folder: Path
    source: Source
    plugins: Path

    @classmethod
    def make(cls, folder: Path, packages: Packages) -> RealSite:
        """Make an instance in which nothing is enabled yet."""
        folder.mkdir(mode=0o755)
        for name in ("etc", "run", "var"):
            (folder / name).mkdir()
        (folder / "sleep.sh").write_text(DAEMON)
        source = packages.add("leaflet", MANIFEST, CODE, conf=CONF)
        instance = Instance(prefix=MachinePath(folder), kind="sandbox", soak=0.05)
        Engine.init(instance, machine=RealMachine())
        return cls(folder, source, packages.folder)

    @contextmanager
    def process(self, calls: Calls | None = None) -> Iterator[Engine]:
        """Open it."""
        machine: Machine = RealMachine()
        if calls is not None:
            machine = cast("Machine", Door(calls, machine, ""))
        with (calls or Calls()).store():
            engine = Engine.open(
                self.folder, machine=machine, registry=Registry.discover([self.source]),
                services=lambda daemon: service_for(machine, engine_instance(self), daemon),
            )  # fmt: skip
            with engine:
                yield engine

    def run(self, action: Callable[[Engine], Any]) -> Any:
        """Let a process do something."""
        with self.process() as engine:
            return action(engine)

    def path(self, path: str) -> Path:
        """Give the real path of a system path."""
        return self.folder / path.lstrip("/")

    def see(self) -> Seen:
        """Look at it from outside."""
        loaded = self.path("/run/loaded")
        return Seen(
            picture(self.path("/etc/leaflet")), self._rows(),
            loaded.read_text() if loaded.exists() else "", self.pid() > 0,
        )  # fmt: skip

    def pid(self) -> int:
        """Give the daemon's process id; 0 when it does not run."""
        file = self.path("/run/sleep.pid")
        pid = int(file.read_text() or 0) if file.exists() else 0
        comm = Path(f"/proc/{pid}/comm")
        return pid if pid and comm.exists() and comm.read_text() == "sleep\n" else 0

    def _rows(self) -> frozenset[str]:
        path = self.path("/var/lib/leaflet/readers.db")
        if not path.exists():
            return frozenset()
        with closing(sqlite3.connect(path)) as connection:
            return frozenset(name for (name,) in connection.execute("SELECT name FROM readers"))

    def stop(self) -> None:
        """End the daemon, if it runs."""
        if self.pid():
            os.kill(self.pid(), 15)


def engine_instance(site: RealSite) -> Instance:
    """Give the instance as its services need it."""
    return Instance(prefix=MachinePath(site.folder), kind="sandbox", soak=0.05)


def enabled(engine: Engine) -> None:
    """Enable the module and save."""
    engine.enable(["leaflet"], consents=["leaflet"])
    assert engine.save().outcome == "committed"


def edited(engine: Engine) -> None:
    """Change the option and add a row, in the draft."""
    engine.editor.set_form("leaflet.options", {"text": "new"}, engine.actor)
    engine.editor.add_row("leaflet.readers", {"name": "ada"}, engine.actor)


def edited_again(engine: Engine) -> None:
    """Change as much as `edited` did, in the draft."""
    engine.editor.set_form("leaflet.options", {"text": "newer"}, engine.actor)
    engine.editor.add_row("leaflet.readers", {"name": "grace"}, engine.actor)


def in_another_process(site: RealSite, *words: str) -> list[str]:
    """Give the command that runs `tests.faults.victim` on a site."""
    where = (str(site.folder), str(site.plugins), site.source.package)
    return [sys.executable, "-m", "tests.faults.victim", *where, *words]
