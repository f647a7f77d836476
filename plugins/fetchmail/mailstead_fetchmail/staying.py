"""Staying: each account is polled in its turn, some beside each other, for as long as it takes.

A change of an account is seen at the next look into the directory; nothing is restarted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import attrs
import sqlalchemy as sa

from mailstead.plugin import (
    Completed,
    Context,
    Gate,
    Machine,
    MachineError,
    MailsteadError,
    NotFound,
    Programs,
)
from mailstead_fetchmail.accounts import changes_of
from mailstead_fetchmail.circles import refusing
from mailstead_fetchmail.delivered import delivered_since, noting, record_of, recorded
from mailstead_fetchmail.places import STATE, USER
from mailstead_fetchmail.polls import Due, Poll, begin_poll, due_accounts, end_poll
from mailstead_fetchmail.running import LONGEST, Run, run_for
from mailstead_fetchmail.settings import Options
from mailstead_fetchmail.words import RUNS_ALREADY, error_of, went_well
from mailstead_mail_retrieval.daemon import LMTP
from mailstead_users.directory import Directory
from mailstead_users.opening import open_directory

SECONDS = 1.0  # between looks into the directory
PATIENCE = 30.0  # at most, after errors of our own one after another
MOST = 20  # runs beside each other
MOST_OF_ONE = 2  # of them for accounts of one user


@attrs.define
class UnderWay:
    """A poll under way.

    Attributes:
        unfinished: since when an earlier one was not finished.
        place: server and login.
        changed: when its account had been changed, as it was read; ``None``: not yet.
        is_cut: whether it was ended since its account went or was changed.
        gate: what came by it; ``None`` when it could not be started.
        stack: closes the gate.
    """

    at: float
    user_id: int
    unfinished: float | None
    place: tuple[str, str] = ("", "")
    changed: float | None = None
    is_cut: bool = False
    gate: Gate | None = None
    stack: ExitStack = attrs.field(factory=ExitStack)


@attrs.define
class Stay:
    """Polls until it is ended.

    Attributes:
        context: gives the settings as they are now.
        tell: tells a person what went wrong on our side.
        under_way: polls by the number of their account, until they are recorded.
        ended: what became of those that ended.
    """

    context: Callable[[], Context]
    machine: Machine
    tell: Callable[[str], None]
    under_way: dict[str, UnderWay] = attrs.field(factory=dict)
    ended: dict[str, Completed | MachineError] = attrs.field(factory=dict)

    def stay(self) -> None:
        """Go on until the process is ended."""
        try:
            with self.machine.side_by_side() as programs:
                pause = SECONDS
                while True:
                    pause = self._try_turn(programs, pause)
        finally:
            for poll in self.under_way.values():
                poll.stack.close()

    def turn(self, programs: Programs) -> None:
        """Start what is due, and record what ends within a moment.

        Raises MailsteadError; what could not be recorded then is so by the next turn.
        """
        context = self.context()
        # While the save that enables the module has not ended, it is not enabled yet.
        if context.is_enabled("fetchmail"):
            with open_directory(context) as directory:
                self._end_outdated(directory, programs)
                self._start(context, directory, programs)
                self._forget_gone(context, directory)
        self.ended.update(programs.ended(SECONDS))
        if self.ended:
            with open_directory(context) as directory:
                self._record(context, directory)

    def _try_turn(self, programs: Programs, pause: float) -> float:
        """Look once; gives how long to pause after an error in the next turn."""
        try:
            self.turn(programs)
        except MailsteadError as error:
            # Most pass at once, such as a directory that is locked: all accounts wait for this.
            self.tell(str(error))
            self.machine.sleep(pause)
            return min(2 * pause, PATIENCE)
        return SECONDS

    def _start(self, context: Context, directory: Directory, programs: Programs) -> None:
        seconds = context.settings.form(Options).period * 60.0
        with directory.read() as connection:
            chosen = self._chosen(connection, self.machine.now(), seconds)
        if not chosen:
            return
        with directory.write() as connection:
            # Nobody changes an account now. One changed before is read after this, and one
            # changed after it has a later date: it is polled again.
            now = self.machine.now()
            begun = {
                item: UnderWay(
                    now, item.user_id, begin_poll(connection, item.account_id, now), item.place
                )
                for item in chosen
            }
        for item, poll in begun.items():
            self.under_way[str(item.account_id)] = poll
            self._start_one(context, directory, programs, item.account_id)

    def _end_outdated(self, directory: Directory, programs: Programs) -> None:
        """End runs whose accounts went or were changed; what came is noted, as after a kill."""
        running = {name: self.under_way[name] for name in programs.names}
        if not running:
            return
        with directory.read() as connection:
            changes = changes_of(connection, [int(name) for name in running])
        for name, poll in running.items():
            if changes.get(int(name)) != poll.changed:
                poll.is_cut = True
                programs.end(name)

    def _forget_gone(self, context: Context, directory: Directory) -> None:
        """Remove the records of accounts that went, once no poll notes anything there."""
        numbers = recorded(context, self.machine) - {int(name) for name in self.under_way}
        if not numbers:
            return
        with directory.read() as connection:
            kept = changes_of(connection, numbers)
        for number in numbers - kept.keys():
            self.machine.remove_file(record_of(context, number))

    def _chosen(self, connection: sa.Connection, now: float, seconds: float) -> list[Due]:
        """Choose as many as there is room for, not too many of one user, one of each place.

        Two runs at one place would both bring what neither has taken away yet.
        """
        owners = Counter(poll.user_id for poll in self.under_way.values())
        busy = [int(name) for name in self.under_way]
        busy_users = [user for user, count in owners.items() if count >= MOST_OF_ONE]
        places = {poll.place for poll in self.under_way.values()}
        due = due_accounts(
            connection, now, seconds, MOST, busy=busy, busy_users=busy_users, busy_places=places
        )
        chosen: list[Due] = []
        for item in due:
            has_room = owners.total() < MOST and owners[item.user_id] < MOST_OF_ONE
            if has_room and item.place not in places:
                owners[item.user_id] += 1
                places.add(item.place)
                chosen.append(item)
        return chosen

    def _start_one(
        self, context: Context, directory: Directory, programs: Programs, number: int
    ) -> None:
        name, poll = str(number), self.under_way[str(number)]
        try:
            with directory.read() as connection:
                run = run_for(context, self.machine, connection, number)
            poll.changed = run.changed
            poll.gate = poll.stack.enter_context(self._gate(context, run, poll, number))
            programs.start(name, run.argv, stdin=run.stdin, timeout=LONGEST)
        except NotFound:  # it went just now
            self.under_way.pop(name)
        except MachineError as error:
            self.ended[name] = error

    def _gate(
        self, context: Context, run: Run, poll: UnderWay, number: int
    ) -> AbstractContextManager[Gate]:
        known, record = None, record_of(context, number)
        if poll.unfinished is not None:
            known = delivered_since(context, self.machine, run.recipient, poll.unfinished, record)
        uid, gid = run.ids
        return self.machine.lmtp_gate(
            run.gate, context.path(LMTP), uid=uid, gid=gid,
            is_known=refusing(run.mark, known), on_taken=noting(self.machine, record),
            heading=run.mark,
        )  # fmt: skip

    def _record(self, context: Context, directory: Directory) -> None:
        for name, done in self.ended.items():
            poll = self.under_way[name]
            poll.stack.close()
            if not poll.is_cut and is_finished(poll, done):
                self.machine.remove_file(record_of(context, name))
        with directory.write() as connection:
            for name, done in self.ended.items():
                if isinstance(done, Completed) and done.status == RUNS_ALREADY:
                    self._unlock(context, name)
                elif not self.under_way[name].is_cut:
                    record(connection, int(name), self.under_way[name], done)
        for name in self.ended:
            del self.under_way[name]
        self.ended.clear()

    def _unlock(self, context: Context, name: str) -> None:
        """Remove a lock whose holder was killed, and whose process id is another's now."""
        path = context.path(f"{STATE}/{name}.pid")
        try:
            holder = self.machine.process(int(self.machine.read_file(path, limit=64).split()[0]))
        except (FileNotFoundError, ValueError, IndexError):
            holder = None
        if holder is None or holder.name != USER:
            self.machine.remove_file(path)


def record(
    connection: sa.Connection, number: int, poll: UnderWay, done: Completed | MachineError
) -> None:
    """Record what became of a poll."""
    fetched, refusal = (poll.gate.delivered, poll.gate.refusal) if poll.gate else (0, "")
    ended = Poll(number, poll.at, None, fetched, error_of(done, refusal))
    end_poll(connection, ended, is_finished=is_finished(poll, done))


def is_finished(poll: UnderWay, done: Completed | MachineError) -> bool:
    """Tell whether nothing that was delivered is left on the server as if it were new."""
    if poll.gate is not None and poll.gate.unsure:
        return False
    has_come = poll.gate is not None and poll.gate.delivered + poll.gate.known > 0
    # Where nothing came nothing can come twice; a poll that was to finish another has to.
    return went_well(done) or (not has_come and poll.unfinished is None)
