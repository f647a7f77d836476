"""What the engine itself costs in a save, and whether the size of the system matters.

The engine's own part is the time of a save but for what daemons take: reload, soak, probes.
The daemons' own checkers count as the engine's.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from mailstead.engine import Engine
from mailstead.instance import Instance
from mailstead.machine.base import ServiceControl
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path as MachinePath
from mailstead.module import Daemon
from mailstead.opening import is_quiet
from mailstead.settings.cells import Cell
from mailstead.transaction.probe import Prober

RUNS = 9
HEAD = f"{'milliseconds, median':<58} {'own':>8} {'daemons':>8} {'worst own':>9}"


class Stopwatch:
    """Counts the time that daemons take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function that counts the time it takes."""

        def timed(*args: Any, **named: Any) -> Any:
            start = time.monotonic()
            try:
                return function(*args, **named)
            finally:
                self.seconds += time.monotonic() - start

        return timed


class TimedControl:
    """A service control whose verbs are counted as the daemon's time."""

    def __init__(self, control: ServiceControl, watch: Stopwatch) -> None:
        self._control = control
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._control, name)
        is_verb = name in ("start", "stop", "reload", "restart", "set_at_boot")
        return self._watch.around(found) if is_verb else found


def save_costs(folder: Path) -> Iterator[str]:
    """Save one changed option of an instance whose daemons run."""
    yield HEAD
    with closing(Engine.open(folder)) as engine:
        watch = Stopwatch()
        _time_daemons(engine, watch)
        cases = (
            ("one option that no daemon reads", "bench0.options", "greeting", ("a", "b")),
            ("one option that Dovecot reads and checks", "mail_retrieval.services", "pop3",
             ("no", "yes")),
            ("one option that Postfix reads and checks", "network.host", "hostname",
             ("mail2", "mail")),
        )  # fmt: skip
        for name, section, field, values in cases:
            yield _line(name, list(_saves(engine, watch, section, field, values)))
        yield _quiet_line(engine)


def domain_costs(folder: Path, sizes: Sequence[int]) -> Iterator[str]:
    """Save one more domain among few and among many; no daemon runs, and none is asked."""
    Prober.prove = lambda *_, **__: None  # type: ignore[method-assign]
    yield f"{'one domain saved':<58} {'wall ms':>8} {'VM steps':>8}"
    for size in sizes:
        with closing(_with_domains(folder / f"domains{size}", size)) as engine:
            walls = []
            for number in range(RUNS):
                _add(engine, f"new{number}.example")
                start = time.monotonic()
                _save(engine)
                walls.append((time.monotonic() - start) * 1000)
            _add(engine, "counted.example")
            steps = _steps(engine)
            yield f"{f'among {size}':<58} {statistics.median(walls):8.1f} {steps:8}"


def _saves(
    engine: Engine, watch: Stopwatch, section: str, field: str, values: Sequence[str]
) -> Iterator[tuple[float, float]]:
    for number in range(RUNS + 1):
        engine.editor.set_form(section, {field: values[number % 2]}, engine.actor)
        watch.seconds = 0.0
        start = time.monotonic()
        _save(engine)
        whole = time.monotonic() - start
        if number:  # the first compiles templates and imports modules
            yield (whole - watch.seconds) * 1000, watch.seconds * 1000


def _line(name: str, found: Sequence[tuple[float, float]]) -> str:
    own, daemons = zip(*found, strict=True)
    return (f"{name:<58} {statistics.median(own):8.0f} {statistics.median(daemons):8.0f} "
            f"{max(own):9.0f}")  # fmt: skip


def _quiet_line(engine: Engine) -> str:
    walls = []
    for _ in range(51):
        start = time.monotonic()
        assert is_quiet(engine.machine, engine.instance, engine.store)
        walls.append((time.monotonic() - start) * 1000)
    return (f"{'recovery check at start, nothing to do (hoped: 20)':<58} "
            f"{statistics.median(walls):8.2f} {0:8} {max(walls):9.2f}")  # fmt: skip


def _time_daemons(engine: Engine, watch: Stopwatch) -> None:
    controls = engine.controls

    def timed(daemon: Daemon) -> Any:
        return TimedControl(controls(daemon), watch)

    engine.controls = timed
    Prober.prove = watch.around(Prober.prove)  # type: ignore[method-assign]


def _with_domains(folder: Path, size: int) -> Engine:
    Engine.init(Instance(prefix=MachinePath(folder), kind="sandbox", addresses=("127.0.0.1",)))
    engine = Engine.open(folder, machine=RealMachine(), services=_Idle)
    engine.editor.set_form(
        "network.host", {"hostname": "mail", "domain": "a.example"}, engine.actor
    )
    modules = ["network", "users", "mail_smtp"]
    engine.enable(modules, consents=modules)
    cells = [Cell("mail_smtp.domains", f"d{n}.example", "name", f"d{n}.example")
             for n in range(size)]  # fmt: skip
    engine.store.edit(cells, engine.actor, 0.0)
    _save(engine)
    return engine


class _Idle:
    """A daemon that is told nothing: what it costs is not measured here."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def _add(engine: Engine, name: str) -> None:
    engine.editor.add_row("mail_smtp.domains", {"name": name}, engine.actor)


def _save(engine: Engine) -> None:
    result = engine.save()
    assert result.outcome == "committed", result.reason


def _steps(engine: Engine) -> int:
    """Count the instructions of SQLite's virtual machine in a save: work, not time."""
    count = 0

    def note() -> int:
        nonlocal count
        count += 1
        return 0

    engine.store._connection.set_progress_handler(note, 1)
    _save(engine)
    engine.store._connection.set_progress_handler(None, 1)
    return count


if __name__ == "__main__":
    for line in save_costs(Path(sys.argv[1])):
        print(line, flush=True)
