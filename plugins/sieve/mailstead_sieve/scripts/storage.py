"""The scripts of one account, by doveadm-sieve(1), which writes them as their owner does.

What it does not hold to, the limits of how many scripts and bytes an account may store, is held to
here, as ManageSieve does it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from zlib import crc32

import attrs

from mailstead.plugin import (
    Completed,
    Context,
    InvalidValue,
    Locked,
    Machine,
    MachineError,
    NotFound,
    Path,
)
from mailstead_mail_smtp.places import MAILDIRS
from mailstead_sieve.places import CHECKING, CONFIG, SCRIPTS, SUFFIX
from mailstead_sieve.scripts.accounts import Owner, find_owner
from mailstead_sieve.scripts.checking import Report, check_script
from mailstead_sieve.scripts.grammar import WHERE_NAME, WHERE_TEXT, parse_name, parse_text
from mailstead_sieve.settings import Limits

WRONG, NO_USER, NOT_FOUND = 65, 67, 68  # sysexits.h, as doveadm uses it
LOCKS = 16  # files, so that few have to wait for the scripts of another account
LONGEST_WAIT, PAUSE = 20.0, 0.05  # seconds
LIST_HINT = "see `mailstead sieve list`"


@attrs.frozen
class Script:
    """A stored script; mail passes through the active one, if there is one."""

    name: str
    is_active: bool


@attrs.frozen
class Scripts:
    """The scripts of one account. Each method raises MachineError when Dovecot does not answer.

    What changes them raises Locked when others do so for longer than one waits.

    Attributes:
        is_alone: nobody else changes them meanwhile; see `alone`.
    """

    context: Context
    machine: Machine
    owner: Owner
    is_alone: bool = False

    @classmethod
    def of(cls, context: Context, machine: Machine, address: str) -> Scripts:
        """Give those of the account with an address. Raises InvalidValue, NotFound."""
        return cls(context, machine, find_owner(context, address))

    @contextmanager
    def alone(self) -> Iterator[Scripts]:
        """Wait until nobody else changes scripts of this account, and keep others waiting.

        Gives what to change them by until then: it does not wait for itself.
        """
        if self.is_alone:
            yield self
            return
        number = crc32(self.owner.address.encode()) % LOCKS
        path = self.context.path(f"{CHECKING}/rules-{number}.lock")
        with ExitStack() as stack:
            self._wait_for(stack, path)
            yield attrs.evolve(self, is_alone=True)

    def list(self) -> tuple[Script, ...]:
        """Give the scripts in order of name."""
        found = json.loads(self._run("list").stdout or "[]")
        return tuple(sorted((Script(it["script"], it["active"] == "ACTIVE") for it in found),
                            key=lambda script: script.name))  # fmt: skip

    def active(self) -> str | None:
        """Give the name of the active script."""
        return next((script.name for script in self.list() if script.is_active), None)

    def read(self, name: str) -> str:
        """Give the text of a script. Raises NotFound."""
        self._require(name)
        found = json.loads(self._run("get", "--", name).stdout)
        return str(found[0]["sieve script"])

    def check(self, text: str, name: str = "") -> Report:
        """Compile and read a text, as if it were stored by a name; nothing is stored.

        Raises InvalidValue for no text at all.
        """
        text = parse_text(text, self._limits.script)
        return check_script(self.context, self.machine, self.owner, text, name)

    def put(self, name: str, text: str, *, activate: bool = False) -> Report:
        """Store a script, new or in place of another, once it compiles. Raises InvalidValue."""
        name = parse_name(name)
        with self.alone():
            report = self.check(text, name)
            if report.errors:
                hint = "; ".join(filter(None, ("nothing was stored", report.hint)))
                raise InvalidValue("; ".join(report.errors), where=WHERE_TEXT, hint=hint)
            self._refuse_beyond(name, text)
            self._run("put", *(("-a",) if activate else ()), "--", name, stdin=text)
        return report

    def put_back(self, name: str, text: str, *, activate: bool) -> None:
        """Store a script that was stored here once, whatever its name. Raises InvalidValue."""
        self._run("put", *(("-a",) if activate else ()), "--", name, stdin=text)

    def activate(self, name: str) -> None:
        """Let mail pass through a script. Raises NotFound."""
        with self.alone():
            self._require(name)
            self._run("activate", "--", name)

    def deactivate(self) -> None:
        """Let mail pass through none."""
        with self.alone():
            self._run("deactivate")

    def delete(self, name: str) -> None:
        """Delete a script that is not active. Raises NotFound, InvalidValue."""
        with self.alone():
            if self._require(name).is_active:
                hint = f"run `mailstead sieve deactivate {self.owner.address}` first"
                raise InvalidValue("the script is active", where=WHERE_NAME, hint=hint)
            self._run("delete", "--", name)

    @property
    def _limits(self) -> Limits:
        return self.context.settings.form(Limits)

    def _wait_for(self, stack: ExitStack, lock: Path) -> None:
        end = self.machine.boot_clock() + LONGEST_WAIT
        while True:
            try:
                stack.enter_context(self.machine.lock(lock))
            except Locked:
                if self.machine.boot_clock() >= end:
                    raise
                self.machine.sleep(PAUSE)
            else:
                return

    def _require(self, name: str) -> Script:
        """Give a script; only a name that is there ever becomes an argument."""
        for script in self.list():
            if script.name == name:
                return script
        raise NotFound(f"there is no script {name!r}", where=WHERE_NAME, hint=LIST_HINT)

    def _refuse_beyond(self, name: str, text: str) -> None:
        others = {script.name for script in self.list()} - {name}
        if len(others) >= self._limits.scripts:
            hint = "delete one; the limit is sieve.limits.scripts"
            raise InvalidValue(f"there are {len(others)} scripts", where=WHERE_NAME, hint=hint)
        size = len(text.encode()) + sum(map(self._size, others))
        if size > self._limits.storage:
            hint = "delete one; the limit is sieve.limits.storage"
            problem = f"all scripts would have {size} bytes"
            raise InvalidValue(problem, where=WHERE_TEXT, hint=hint)

    def _size(self, name: str) -> int:
        path = self.context.path(f"{MAILDIRS}/{self.owner.home}/{SCRIPTS}/{name}{SUFFIX}")
        state = self.machine.stat_file(path)
        return state.size if state else 0

    def _run(self, verb: str, *words: str, stdin: str = "") -> Completed:
        config = str(self.context.path(CONFIG))
        argv = ("doveadm", "-c", config, "-f", "json", "sieve", verb, "-u", self.owner.address)
        done = self.machine.run((*argv, *words), stdin=stdin)
        if done.status == 0:
            return done
        said = done.stderr.strip() or done.output  # the former without an empty list
        said = said.replace(f"doveadm({self.owner.address}): Error: ", "")
        if done.status == NOT_FOUND:
            raise NotFound(said, where=WHERE_NAME, hint=LIST_HINT)
        if done.status == WRONG:
            raise InvalidValue(said, where=WHERE_TEXT)
        hint = "sieve must be enabled, saved and running"
        raise MachineError(said, where=" ".join(argv), hint=hint)
