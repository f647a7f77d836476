"""What one more user costs in a small and in a large directory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import insert

from mailstead.engine import Engine
from mailstead.instance import Instance
from mailstead.machine.values import Path as MachinePath
from mailstead.settings.types import Secret
from mailstead_users import tables
from mailstead_users.opening import open_directory
from mailstead_users.passwords import Passwords
from mailstead_users.users import Users

RUNS = 51
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def one_user_costs(folder: Path, sizes: Sequence[int]) -> Iterator[str]:
    """Add users to directories of these sizes; the hash is left out, being the same in each."""
    yield f"{'one user added, without the hash':<44} {'wall ms':>8} {'cpu ms':>8} {'VM steps':>10}"
    for size in sizes:
        with _engine(folder / f"users{size}") as engine:
            context = engine.context("running")
            with open_directory(context) as directory:
                _fill(directory, size)
                yield _line(Users(directory, context, Passwords(8, CHEAP)), size)


def _line(users: Users, size: int) -> str:
    walls, processors = [], []
    for number in range(RUNS):
        wall, processor = time.monotonic(), time.process_time()
        users.add_user(f"new{number}", Secret("correct horse"))
        walls.append((time.monotonic() - wall) * 1000)
        processors.append((time.process_time() - processor) * 1000)
    return (f"{f'among {size} users':<44} {statistics.median(walls):8.2f} "
            f"{statistics.median(processors):8.2f} {_steps(users):10}")  # fmt: skip


def _steps(users: Users) -> int:
    """Count the instructions of SQLite's virtual machine for one user: work, not time."""
    raw: Any = None
    count = 0

    def note() -> bool:
        nonlocal count
        count += 1
        return False

    with users.directory.engine.connect() as connection:
        raw = connection.connection.driver_connection.raw  # type: ignore[union-attr]
    raw.set_progress_handler(note, 1)
    users.add_user("counted", Secret("correct horse"))
    raw.set_progress_handler(None, 1)
    return count


def _fill(directory: Any, size: int) -> None:
    rows = [
        {"uuid": f"{number:032x}", "name": f"user{number:07}", "password": "{ARGON2ID}none"}
        for number in range(size)
    ]
    with directory.write() as connection:
        connection.execute(insert(tables.users), rows)


def _engine(folder: Path) -> Engine:
    Engine.init(Instance(prefix=MachinePath(folder), kind="sandbox", addresses=("127.0.0.1",)))
    engine = Engine.open(folder)
    engine.enable(["users"], consents=["users"])
    engine.save()
    return engine
