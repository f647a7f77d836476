"""What is said of sessions that cannot be ended."""

from __future__ import annotations

from pathlib import Path as HostPath

import pytest

from mailstead.errors import MachineError
from mailstead.machine.fake import FakeMachine
from mailstead.plugin import Completed, Context
from mailstead_mail_retrieval.sessions import NOBODY, sessions_end
from tests.plugins.contexts import bench

LOGINS = ("ada@example.org", "bob@example.org")


@pytest.fixture
def context(tmp_path: HostPath) -> Context:
    """Give a context of no settings."""
    with bench(tmp_path) as made:
        return made.context()


@pytest.fixture
def machine(context: Context) -> FakeMachine:
    """Give a machine on which Dovecot runs."""
    made = FakeMachine()
    made.add_file(context.path("/run/dovecot/anvil"), b"")
    return made


def kicked(machine: FakeMachine) -> list[str]:
    """Give whose sessions were ended."""
    ran = [args[0] for name, args in machine.calls if name == "run"]
    return [argv[-1] for argv in ran if argv[-2] == "kick"]


def test_of_many_logins_only_those_with_a_session_cost_a_command(
    context: Context, machine: FakeMachine
) -> None:
    """A domain may have thousands."""
    who = "username\t#\tproto\nbob@example.org\t2\timap\nzoe@example.org\t1\tpop3\n"
    machine.on_command(["doveadm"], Completed(0, who, ""))
    sessions_end(context, machine, LOGINS)
    assert kicked(machine) == ["bob@example.org"]


@pytest.mark.parametrize("who", ["", "username\t#\n"])
def test_while_nobody_is_in_no_session_is_ended(
    context: Context, machine: FakeMachine, who: str
) -> None:
    """However doveadm says so."""
    machine.on_command(["doveadm"], Completed(0, who, ""))
    sessions_end(context, machine, LOGINS)
    assert kicked(machine) == []


def test_who_was_not_in_is_no_error(context: Context, machine: FakeMachine) -> None:
    """Nor who went in between."""
    machine.on_command(["doveadm"], Completed(68, "", f"{NOBODY}\n"))
    sessions_end(context, machine, LOGINS[:1])
    assert kicked(machine) == ["ada@example.org"]


@pytest.mark.parametrize(
    ("logins", "word"), [(LOGINS[:1], "kick ada@example.org"), (LOGINS, "who")]
)
def test_the_next_step_is_named_where_a_session_may_go_on(
    context: Context, machine: FakeMachine, logins: tuple[str, ...], word: str
) -> None:
    """Beside Dovecot's own words."""
    machine.on_command(["doveadm"], Completed(75, "", "Permission denied\n"))
    with pytest.raises(MachineError, match="Permission denied") as raised:
        sessions_end(context, machine, logins)
    assert "`mailstead restart mail_retrieval`" in raised.value.hint
    assert raised.value.where.endswith(word)
