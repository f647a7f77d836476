"""What the fake machine can do beyond the port."""

from __future__ import annotations

import pytest

from mailstead.errors import CommandFailed, MachineError, ProbeFailed
from mailstead.machine.conversation import Conversation
from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Completed, Path


def test_a_fault_meets_the_nth_call_and_has_no_effect(fake: FakeMachine) -> None:
    """The calls before and after go well."""
    fake.fail("replace_file", OSError(28, "No space left on device"), at=2)
    fake.replace_file(Path("/a"), b"1", mode=0o600, uid=0, gid=0)
    with pytest.raises(MachineError, match="/a: no space left"):
        fake.replace_file(Path("/a"), b"2", mode=0o600, uid=0, gid=0)
    assert fake.read_file(Path("/a")) == b"1"


def test_a_crash_can_be_put_at_any_call(fake: FakeMachine) -> None:
    """Counting every call lets a test enumerate all crash points."""
    fake.fail("*", KeyboardInterrupt, at=3)
    fake.now()
    fake.hostname()
    with pytest.raises(KeyboardInterrupt):
        fake.boot_clock()
    assert [name for name, _ in fake.calls] == ["now", "hostname", "boot_clock"]


def test_the_longest_script_answers(fake: FakeMachine) -> None:
    """What is not scripted succeeds."""
    fake.on_command(["postfix"], Completed(1, "", "general"))
    fake.on_command(["postfix", "check"], lambda argv: Completed(2, " ".join(argv), ""))
    assert fake.run(["true"]).status == 0
    assert fake.run(["postfix", "reload"]).status == 1
    assert fake.run(["postfix", "check", "now"]).stdout == "postfix check now"


def test_users_are_made_by_command(fake: FakeMachine) -> None:
    """Useradd works, so that accounts can be planned and made."""
    fake.run(["useradd", "--system", "vmail"])
    assert fake.user("vmail") == (1000, 1000)
    assert fake.group("vmail") == 1000


def test_packages_come_from_those_available(fake: FakeMachine) -> None:
    """Unknown packages fail as with apt, and then none is installed."""
    fake.available["postfix"] = "3.7"
    with pytest.raises(CommandFailed, match="Unable to locate package nix"):
        fake.install_packages(["postfix", "nix"])
    fake.install_packages(["postfix"])
    assert fake.package_versions(["postfix", "nix"]) == {"postfix": "3.7"}


def test_probes_ask_the_test(fake: FakeMachine) -> None:
    """A predicate decides."""
    fake.answers = lambda conversation: conversation.port != 25
    fake.converse(Conversation((), "127.0.0.1", 143))
    with pytest.raises(ProbeFailed, match=r"127\.0\.0\.1:25"):
        fake.converse(Conversation((), "127.0.0.1", 25))


def test_processes_have_parents_and_end(fake: FakeMachine) -> None:
    """A killed process is gone; its id is not used again."""
    master = fake.spawn("master")
    child = fake.spawn("smtpd", parent=master.pid)
    assert (master.pid, 1) == fake.ancestors(child.pid)
    fake.kill(child.pid)
    assert fake.process(child.pid) is None
    assert child.pid < fake.spawn("smtpd").pid


def test_a_reboot_ends_what_runs_and_keeps_what_is_written(fake: FakeMachine) -> None:
    """Deadlines on the boot clock begin anew, and the boot has another id."""
    fake.add_file("/a", b"x", modified=5.0)
    daemon, before = fake.spawn("master"), fake.boot_id()
    fake.reboot()
    found = fake.stat_file(Path("/a"))
    assert fake.process(daemon.pid) is None
    assert fake.boot_id() != before
    assert fake.boot_clock() == 0.0
    assert found is not None
    assert found.modified == 5.0
