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


def test_who_was_not_in_is_no_error(context: Context, machine: FakeMachine) -> None:
    """The sessions of the next login are ended all the same."""
    machine.on_command(["doveadm"], Completed(68, "", f"{NOBODY}\n"))
    sessions_end(context, machine, LOGINS)
    assert [args[0][-1] for name, args in machine.calls if name == "run"] == list(LOGINS)


def test_the_next_step_is_named_where_a_session_may_go_on(
    context: Context, machine: FakeMachine
) -> None:
    """Beside Dovecot's own words."""
    machine.on_command(["doveadm"], Completed(75, "", "Permission denied\n"))
    with pytest.raises(MachineError, match="Permission denied") as raised:
        sessions_end(context, machine, LOGINS)
    assert "`mailstead restart mail_retrieval`" in raised.value.hint
    assert "kick ada@example.org" in raised.value.where
