"""Staying: each account is polled in its turn, some beside each other, for as long as it takes.

A change of an account is seen at the next look into the directory; nothing is restarted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import attrs

from mailstead.plugin import Completed, Context, Machine, MachineError, MailsteadError, Programs
from mailstead_fetchmail.polls import Poll, due_accounts, record_poll
from mailstead_fetchmail.running import LONGEST, run_for
from mailstead_fetchmail.sealing import read_key
from mailstead_fetchmail.settings import Options
from mailstead_fetchmail.words import RUNS_ALREADY, outcome_of
from mailstead_users.directory import Directory
from mailstead_users.opening import open_directory

SECONDS = 2.0  # between looks into the directory
PATIENCE = 30.0  # after an error of our own
MOST = 20  # runs beside each other
MOST_OF_ONE = 2  # of them for accounts of one user
Ended = Mapping[str, Completed | MachineError]


@attrs.frozen
class Began:
    """A poll under way: since when, and whose account it is."""

    at: float
    user_id: int


@attrs.define
class Stay:
    """Polls until it is ended.

    Attributes:
        context: gives the settings as they are now.
        tell: tells a person what went wrong on our side.
    """

    context: Callable[[], Context]
    machine: Machine
    tell: Callable[[str], None]
    under_way: dict[str, Began] = attrs.field(factory=dict)

    def stay(self) -> None:
        """Go on until the process is ended."""
        with self.machine.side_by_side() as programs:
            while True:
                try:
                    self.turn(programs)
                except MailsteadError as error:
                    self.tell(str(error))
                    self.machine.sleep(PATIENCE)

    def turn(self, programs: Programs) -> None:
        """Start what is due, and record what ends within a moment. Raises MailsteadError."""
        context = self.context()
        # While the save that enables the module has not ended, it is not enabled yet.
        if context.is_enabled("fetchmail"):
            with open_directory(context) as directory:
                self._start(context, directory, programs)
        ended = programs.ended(SECONDS)
        if ended:
            with open_directory(context) as directory:
                self._record(directory, ended)

    def _start(self, context: Context, directory: Directory, programs: Programs) -> None:
        now = self.machine.now()
        seconds = context.settings.form(Options).period * 60.0
        with directory.read() as connection:
            due = due_accounts(connection, now, seconds, 2 * MOST)
        for number, user_id in due:
            name = str(number)
            mine = Counter(item.user_id for item in self.under_way.values())[user_id]
            if name in self.under_way or mine >= MOST_OF_ONE or len(self.under_way) >= MOST:
                continue
            self.under_way[name] = Began(now, user_id)
            try:
                key = read_key(context, self.machine)
                with directory.read() as connection:
                    run = run_for(context, self.machine, connection, key, number)
                programs.start(name, run.argv, stdin=run.stdin, timeout=LONGEST)
            except MachineError as error:
                self._record(directory, {name: error})

    def _record(self, directory: Directory, ended: Ended) -> None:
        with directory.write() as connection:
            for name, done in ended.items():
                began = self.under_way.pop(name)
                if isinstance(done, Completed) and done.status == RUNS_ALREADY:
                    continue
                outcome = outcome_of(done)
                poll = Poll(int(name), began.at, None, outcome.fetched, outcome.error)
                record_poll(connection, poll)
