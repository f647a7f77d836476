"""One look after another into the directory, with runs of Fetchmail that end as a test says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
import pytest
import sqlalchemy as sa

from mailstead.context import Context
from mailstead.machine.fake import FakeMachine
from mailstead.machine.fake_world import FakeGate
from mailstead.machine.values import Completed
from mailstead.machine.values import Path as SystemPath
from mailstead.plugin import MachineError, types
from mailstead_fetchmail import accounts, staying
from mailstead_fetchmail.accounts import Choices
from mailstead_fetchmail.circles import mark_of
from mailstead_fetchmail.delivered import record_of
from mailstead_fetchmail.places import FOLDER, STATE
from mailstead_fetchmail.places import KEY as KEY_PLACE
from mailstead_fetchmail.polls import Poll, last_poll
from mailstead_fetchmail.running import try_account
from mailstead_fetchmail.staying import Stay
from mailstead_fetchmail.tables import ACCOUNTS, POLLS
from mailstead_fetchmail.words import CIRCLE
from mailstead_mail_smtp.addresses.accounts import create_account, suspend
from mailstead_users.directory import Directory
from tests.plugins.contexts import MODULES, SANDBOX, bench
from tests.plugins.fetchmail.conftest import KEY

PASSWORD = types.Secret("s3cret")
DONE = Completed(0, "", "")


@attrs.define
class World:
    """A directory, a machine and who stays."""

    directory: Directory
    machine: FakeMachine
    context: Context
    said: list[str] = attrs.field(factory=list)

    def add(self, login: str = "ada@work", owner: str = "ada") -> int:
        """Add an account."""
        choices = Choices(login, "imap.work.example", "imaps")
        with self.directory.write() as connection:
            made = accounts.add_account(
                connection, KEY, owner, PASSWORD, choices, self.machine.now()
            )
        return made.id

    def stay(self) -> Stay:
        """Give a new process that stays."""
        return Stay(lambda: self.context, self.machine, self.said.append)

    def turn(self, stay: Stay | None = None) -> None:
        """Look once."""
        with self.machine.side_by_side() as programs:
            (stay or self.stay()).turn(programs)

    def started(self) -> list[tuple[Any, ...]]:
        """Give what was started."""
        return [args for name, args in self.machine.calls if name == "start"]

    def last(self, number: int = 1) -> Poll | None:
        """Give an account's last poll."""
        with self.directory.read() as connection:
            return last_poll(connection, number)

    def unfinished(self, number: int = 1) -> float | None:
        """Give since when a poll was not finished."""
        chosen = sa.select(POLLS.c.unfinished).where(POLLS.c.account_id == number)
        with self.directory.read() as connection:
            found: float | None = connection.execute(chosen).scalar_one()
        return found


@pytest.fixture
def world(directory: Directory, tmp_path: Path) -> Iterator[World]:
    """Give one in which nothing has happened yet."""
    machine = FakeMachine()
    machine.users["fetchmail"] = (105, 65534)
    instance = attrs.evolve(SANDBOX, prefix=SystemPath(tmp_path))
    (tmp_path / "store").mkdir()
    with bench(tmp_path / "store", (*MODULES, "users", "fetchmail")) as made:
        context = made.context(instance)
        machine.add_file(context.path(KEY_PLACE), KEY, mode=0o600)
        machine.add_directory(context.path(FOLDER))
        yield World(directory, machine, context)


def test_what_is_due_is_polled_and_recorded(world: World) -> None:
    """Under Fetchmail's user; the password is in nothing but what it reads."""
    world.add()
    world.machine.gate.delivered = 3
    world.turn()
    ((name, argv, stdin, timeout),) = world.started()
    assert (name, timeout) == ("1", 3600.0)
    assert argv[:5] == (
        "setpriv", "--reuid=105", "--regid=65534", "--clear-groups", "--no-new-privs"
    )  # fmt: skip
    assert "s3cret" not in repr(argv)
    assert "".join(f"\\x{byte:02x}" for byte in b"s3cret") in stdin
    at = world.machine.now()
    assert world.last() == Poll(1, at, at, 3)
    assert world.unfinished() is None
    world.turn()
    assert len(world.started()) == 1


def test_a_change_seen_just_before_a_poll_asks_for_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll begins after the last change it has seen, however short the moment between."""
    world.add()
    clock = itertools.count(world.machine.now())
    monkeypatch.setattr(FakeMachine, "now", lambda _: next(clock))
    with world.directory.write() as connection:
        seen_late = world.machine.now() + 1.5
        connection.execute(ACCOUNTS.update().values(changed=seen_late))
    world.turn()
    found = world.last()
    assert found is not None
    assert found.at > seen_late


def test_nothing_is_started_while_nobody_has_an_account(world: World) -> None:
    """Nor before the module is enabled."""
    world.turn()
    world.add()
    world.context = attrs.evolve(world.context, enabled=("users", "mail_smtp"))
    world.turn()
    assert world.started() == []


def test_a_user_has_two_at_a_time(world: World) -> None:
    """Others come beside them."""
    for number in range(4):
        world.add(f"ada{number}")
    world.add("bob", owner="bob")
    stay = world.stay()
    world.turn(stay)
    assert {args[0] for args in world.started()} == {"1", "2"}
    world.turn(stay)
    world.turn(stay)
    assert [args[0] for args in world.started()] == ["1", "2", "3", "4"]
    found = world.last(5)
    assert found is not None
    assert found.error == "bob has no mail account here"


def test_one_login_at_a_server_is_polled_by_one_at_a_time(world: World) -> None:
    """Or what one has fetched and not taken away yet would come to the other as well."""
    with world.directory.write() as connection:
        create_account(connection, "bob", "bob@example.org")
    first, second, other = world.add(), world.add(owner="bob"), world.add("bob", owner="bob")
    programs, stay = Lasting(), world.stay()
    for _ in range(2):
        stay.turn(programs)
        assert programs.began == [str(first), str(other)]
    programs.over = {str(first): DONE}
    stay.turn(programs)
    stay.turn(programs)
    assert programs.began == [str(first), str(other), str(second)]


def test_an_owner_who_takes_no_mail_is_not_fetched_for(world: World) -> None:
    """It stays where it is."""
    world.add()
    with world.directory.write() as connection:
        suspend(connection, "ada@example.org", refuse_mail=True)
    world.turn()
    found = world.last()
    assert found is not None
    assert (world.started(), found.error) == (
        [], "the mail account ada@example.org takes no mail now"
    )  # fmt: skip


def test_a_key_that_is_gone_is_told_in_plain_words(world: World) -> None:
    """To whoever looks at the account."""
    world.add()
    world.machine.remove_file(world.context.path(KEY_PLACE))
    world.turn()
    found = world.last()
    assert found is not None
    assert "the key does not exist" in found.error
    assert world.started() == []


@pytest.mark.parametrize(
    ("status", "delivered", "unsure", "is_finished"),
    [
        (0, 3, 0, True),
        (1, 0, 0, True),
        (3, 0, 0, True),  # a wrong password: nothing came
        (2, 3, 0, False),  # the connection was lost
        (-9, 1, 0, False),
        (0, 3, 1, False),  # Dovecot went away in the middle
    ],
)
def test_a_poll_that_was_cut_short_is_finished_by_the_next(
    world: World, status: int, delivered: int, unsure: int, is_finished: bool
) -> None:
    """Which asks what is there already; one that fails again leaves it to its next."""
    world.add()
    world.machine.on_command(["setpriv"], Completed(status, "", ""))
    world.machine.gate.delivered, world.machine.gate.unsure = delivered, unsure
    began = world.machine.now()
    world.turn()
    assert world.unfinished() == (None if is_finished else began)
    if is_finished:
        return
    world.machine.on_command(["setpriv"], Completed(2, "", "Connection refused"))
    world.machine.gate.delivered = world.machine.gate.unsure = 0
    world.machine.sleep(200.0)
    world.turn()
    assert world.unfinished() == began
    world.machine.on_command(["setpriv"], DONE)
    world.machine.sleep(200.0)
    world.turn()
    assert world.unfinished() is None


def test_what_was_taken_is_known_until_a_poll_is_finished(world: World) -> None:
    """Whatever the owner's rules made of it: the mailbox is empty."""
    number = world.add()
    record = record_of(world.context, number)
    mail = [b"Subject: one\r\n\r\n", b"Subject: two\r\n\r\n"]
    world.machine.on_command(["doveadm"], Completed(0, "hdr\n", ""))
    world.machine.on_command(["setpriv"], Completed(-9, "", ""))
    for brings, known, delivered in ((mail[:1], 0, 1), (mail, 1, 1), ([], 0, 0)):
        world.machine.gate = FakeGate(brings=list(brings))
        world.turn()
        assert (world.machine.gate.known, world.machine.gate.delivered) == (known, delivered)
        assert world.machine.stat_file(record) is not None
        world.machine.sleep(200.0)
    world.machine.on_command(["setpriv"], DONE)
    world.machine.gate = FakeGate(brings=list(mail))
    world.turn()
    assert (world.machine.gate.known, world.machine.gate.delivered) == (2, 0)
    assert world.machine.stat_file(record) is None


def test_what_goes_round_in_a_circle_is_told_beside_what_came(world: World) -> None:
    """The poll is finished: what stays there is no reason to remember what came."""
    number = world.add()
    mark = mark_of(KEY, number)
    world.machine.gate = FakeGate(brings=[mark + b"\r\n\r\n"] * 25 + [b"Subject: one\r\n\r\n"])
    world.machine.on_command(["setpriv"], DONE)
    world.turn()
    found = world.last()
    assert found is not None
    assert (found.fetched, found.error) == (1, f"{CIRCLE}; it stays on the server")
    assert world.unfinished() is None
    assert world.machine.stat_file(record_of(world.context, number)) is None


def test_a_process_that_was_killed_leaves_its_polls_to_the_next(world: World) -> None:
    """What began and never ended is due at once, and not finished."""
    world.add()
    began = world.machine.now()
    world.machine.fail("ended", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        world.turn()
    world.machine.log.faults.clear()
    assert world.unfinished() == began
    world.machine.sleep(5.0)
    world.turn()
    assert (len(world.started()), world.unfinished()) == (2, None)


def test_a_poll_that_could_not_be_recorded_is_so_by_the_next_turn(world: World) -> None:
    """The account does not stay busy for ever."""
    world.add()
    stay = world.stay()
    world.machine.fail("remove_file", OSError(5, "Input/output error"))
    with pytest.raises(MachineError):
        world.turn(stay)
    assert world.last() is None
    world.turn(stay)
    assert (world.last() is not None, len(world.started())) == (True, 1)
    assert (stay.under_way, stay.ended) == ({}, {})
    world.machine.sleep(200.0)
    world.turn(stay)
    assert len(world.started()) == 2


def test_a_poll_that_could_not_be_begun_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of a turn it was: none of them stays busy."""
    numbers = [world.add(), world.add("other")]
    stay = world.stay()
    with monkeypatch.context() as patch:
        begin = mock.Mock(side_effect=[None, MachineError("is locked")])
        patch.setattr(staying, "begin_poll", begin)
        with pytest.raises(MachineError):
            world.turn(stay)
    assert world.started() == []
    world.turn(stay)
    assert None not in [world.last(number) for number in numbers]


def test_errors_of_our_own_hold_up_everybody_for_a_moment(world: World) -> None:
    """Longer when there is one after another; what went wrong is told each time."""
    for number in (*range(1, 9), 10):
        world.machine.fail("ended", MachineError("is locked"), at=number)
    world.machine.fail("sleep", KeyboardInterrupt(), at=9)
    with pytest.raises(KeyboardInterrupt):
        world.stay().stay()
    slept = [args[0] for name, args in world.machine.calls if name == "sleep"]
    assert slept == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 1.0]
    assert world.said == ["is locked"] * 9


def test_what_dovecot_refused_is_told(world: World) -> None:
    """Although Fetchmail ended well."""
    world.add()
    world.machine.gate.refusal = "552 5.2.2 <ada@example.org> the mailbox is full"
    world.turn()
    found = world.last()
    assert found is not None
    assert found.error.startswith("the mailbox here is full; the mail stays on the server")
    assert found.succeeded is None


@attrs.define
class Lasting:
    """Programs that run until they are asked to end, or a test says so."""

    over: dict[str, Completed | MachineError] = attrs.field(factory=dict)
    running: set[str] = attrs.field(factory=set)
    began: list[str] = attrs.field(factory=list)

    @property
    def names(self) -> frozenset[str]:
        """Give the names of those that run."""
        return frozenset(self.running)

    def start(self, name: str, argv: Any, *, stdin: str, timeout: float) -> None:
        """Begin one."""
        del argv, stdin, timeout
        self.running.add(name)
        self.began.append(name)

    def end(self, name: str) -> None:
        """End one, as Fetchmail does."""
        self.over[name] = Completed(2, "", "fetchmail: terminated with signal 15")

    def ended(self, seconds: float) -> dict[str, Completed | MachineError]:
        """Give those that ended."""
        del seconds
        found, self.over = self.over, {}
        self.running -= found.keys()
        return found


def test_a_change_ends_the_poll_that_is_under_way(world: World) -> None:
    """It is no error, and the next one finishes it with what holds now; others go on."""
    number, other = world.add(), world.add("other")
    programs, stay = Lasting(), world.stay()
    stay.turn(programs)
    assert stay.under_way[str(number)].at == (began := world.machine.now())
    world.machine.sleep(5.0)
    with world.directory.write() as connection:
        accounts.change_account(connection, number, Choices(keep=True), world.machine.now())
    stay.turn(programs)
    assert programs.names == {str(other)}
    assert world.last(number) is None
    assert world.unfinished(number) == began
    stay.turn(programs)
    assert programs.began == [str(number), str(other), str(number)]
    programs.over = {str(number): DONE}
    stay.turn(programs)
    assert (world.last(number), world.unfinished(number)) == (
        Poll(number, began + 5, began + 5, 0), None
    )  # fmt: skip


def test_a_poll_of_an_account_that_went_is_ended(world: World) -> None:
    """With what was noted of it, at the next look."""
    number = world.add()
    record = record_of(world.context, number)
    programs, stay = Lasting(), world.stay()
    stay.turn(programs)
    world.machine.add_file(record, b"\nx")
    with world.directory.write() as connection:
        accounts.remove_account(connection, number)
    stay.turn(programs)
    assert (programs.names, stay.under_way) == (frozenset(), {})
    stay.turn(programs)
    assert (world.machine.stat_file(record), world.last(number)) == (None, None)
    assert programs.began == [str(number)]


@pytest.mark.parametrize(("name", "stays"), [("fetchmail", True), ("other", False)])
def test_a_lock_of_nobodys_is_removed(world: World, name: str, stays: bool) -> None:
    """One that a living Fetchmail holds is waited for; no poll is recorded."""
    world.add()
    path = world.context.path(f"{STATE}/1.pid")
    world.machine.add_file(path, f"{world.machine.spawn(name).pid} 0\n".encode())
    world.machine.on_command(["setpriv"], Completed(8, "", "another fetchmail is running"))
    world.turn()
    assert world.last() is None
    assert (world.machine.stat_file(path) is not None) == stays


def test_an_account_is_tried_without_fetching(world: World) -> None:
    """Beside a poll of it that is under way, whose lock is another."""
    number = world.add()
    assert try_account(world.context, world.machine, world.directory, number) == ""
    ((argv, stdin),) = [args for name, args in world.machine.calls if name == "run"]
    assert "--check" in argv
    assert "".join(f"\\x{byte:02x}" for byte in b"/1-test.pid") in stdin
    world.machine.on_command(["setpriv"], Completed(3, "", "Authorization failure on ada"))
    error = try_account(world.context, world.machine, world.directory, number)
    assert error.startswith("the server does not accept this account name and password")


def test_what_was_noted_of_an_account_goes_with_it(world: World) -> None:
    """Once no poll notes there any more, however it went; that of another account stays."""
    gone, other = (record_of(world.context, world.add(login)) for login in ("one", "two"))
    stay = world.stay()
    world.turn(stay)
    for path in (gone, other):
        world.machine.add_file(path, b"\nx")
    stay.under_way["1"] = staying.UnderWay(0.0, 1, None)
    with world.directory.write() as connection:
        accounts.remove_account(connection, 1)
    world.turn(stay)
    assert world.machine.stat_file(gone) is not None
    del stay.under_way["1"]
    world.turn(stay)
    assert world.machine.stat_file(gone) is None
    assert world.machine.stat_file(other) is not None
