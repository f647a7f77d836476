"""From lines to the table: each line once, whatever becomes of the files."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.context import Context
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path as SystemPath
from mailstead_mail_log import queries
from mailstead_mail_log.lines import postfix_line, wrong_login
from mailstead_mail_log.places import DATABASE
from mailstead_mail_log.queries import Search, journey
from mailstead_mail_log.reading import catch_up
from mailstead_mail_log.store import SCHEMA, LogStore
from tests.plugins.contexts import SANDBOX, bench

CORPUS = Path(__file__).with_name("corpus")
NOW = 1795600000.0  # the day after the lines of the corpus were written


@attrs.define
class World:
    """Logs in a folder, and the table."""

    folder: Path
    context: Context
    store: LogStore
    machine: RealMachine

    @property
    def log(self) -> Path:
        """Give Postfix's log."""
        return self.folder / "var/log/mail.log"

    def append(self, *lines: str) -> None:
        """Write lines."""
        with self.log.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def read(self) -> int:
        """Catch up."""
        return catch_up(self.context, self.machine, self.store)

    def rows(self, **wanted: Any) -> tuple[queries.Entry, ...]:
        """Search."""
        return queries.search(self.store, Search(**wanted))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give a world with one managed domain and empty logs."""
    monkeypatch.setattr(RealMachine, "now", lambda _self: NOW)
    (tmp_path / "settings").mkdir()
    for folder in ("var/log", "var/lib/mailstead/log"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "var/log/mail.log").touch()
    instance = attrs.evolve(SANDBOX, prefix=SystemPath(tmp_path))
    with bench(tmp_path / "settings", ("network", "mail_smtp", "mail_log")) as made:
        made.set("network.host", hostname="mail", domain="example.org")
        made.add("mail_smtp.domains", name="example.org")
        context = made.context(instance)
        machine = RealMachine()
        LogStore.make(context, machine)
        with LogStore.open(context) as store:
            yield World(tmp_path, context, store, machine)


def sent(number: int) -> tuple[str, ...]:
    """Make the lines of a message that was delivered."""
    head, queue_id = "Nov 25 07:07:59 mail postfix", f"4jZ9k7{number:08d}z"
    return (
        f"{head}/smtpd[1]: {queue_id}: client=unknown[192.0.2.9]",
        f"{head}/cleanup[2]: {queue_id}: message-id=<m{number}@client.example>",
        f"{head}/qmgr[3]: {queue_id}: from=<friend@elsewhere.example>, size=447, nrcpt=1 "
        "(queue active)",
        f"{head}/lmtp[4]: {queue_id}: to=<ada@example.org>, relay=mail[private/dovecot-lmtp], "
        "delay=0.06, delays=0.03/0.01/0/0.01, dsn=2.0.0, status=sent (250 2.0.0 Saved)",
        f"{head}/qmgr[3]: {queue_id}: removed",
    )


def test_each_event_of_a_real_log_has_its_class(world: World) -> None:
    """Lines that Postfix 3.7 and Dovecot 2.3 wrote."""
    shutil.copy(CORPUS / "mail.log", world.log)
    shutil.copy(CORPUS / "dovecot.log", world.log.with_name("dovecot.log"))
    assert world.read() > 50
    found = {(it.sender, it.recipient, it.status, it.event, it.kind) for it in world.rows()}
    friend, ada, grace = "friend@elsewhere.example", "ada@example.org", "grace@example.org"
    assert {
        (friend, ada, "sent", "msgsent", "received"),
        (friend, "nobody@example.org", "rejected", "noaccount", "received"),
        (friend, "x@elsewhere.example", "rejected", "norelay", "relay"),
        (friend, "", "rejected", "maxmsgsize", "unknown"),
        (ada, friend, "sent", "msgsent", "sent"),
        (ada, grace, "sent", "msgsent", "internal"),
        (friend, ada, "rejected", "maxusrsize", "received"),
        (friend, ada, "bounced", "maxusrsize", "received"),
        ("x@office.example", friend, "sent", "msgsent", "relay"),
        (ada, friend, "deferred", "nohost", "sent"),
    } <= found
    assert queries.wrong_logins(world.store, "account", 0, 9)[0][:2] == (ada, 3)
    assert [row[:2] for row in queries.wrong_logins(world.store, "client", 0, 9)] == [
        ("127.0.0.88", 2), ("127.0.0.1", 1)
    ]  # fmt: skip


def test_a_journey_has_the_bounce_that_came_of_it(world: World) -> None:
    """By queue id or Message-ID, in order."""
    shutil.copy(CORPUS / "mail.log", world.log)
    world.read()
    bounced = next(it for it in world.rows() if it.status == "bounced")
    steps = journey(world.store, bounced.queue_id)
    assert steps == journey(world.store, f"<{bounced.message_id}>")
    assert all(
        steps == journey(world.store, queue_id) for queue_id in {it.queue_id for it in steps}
    )
    assert len({step.queue_id for step in steps}) == 2
    assert "client=" in steps[0].text
    assert steps[-1].text == "removed"
    assert bounced.original == "all@example.org"


def test_lines_are_read_once_and_a_last_line_when_it_is_whole(world: World) -> None:
    """Reading again adds nothing."""
    lines = sent(1)
    world.append(*lines[:3])
    with world.log.open("a") as file:
        file.write(lines[3][:50])
    assert world.read() == 3
    assert world.read() == 0
    with world.log.open("a") as file:
        file.write(f"{lines[3][50:]}\n{lines[4]}\n")
    assert world.read() == 2
    assert [it.attempts for it in world.rows()] == [1]


@pytest.mark.parametrize("way", ["renamed", "copied and cut"])
def test_a_rotation_loses_and_doubles_nothing(world: World, way: str) -> None:
    """Also what was written just before, and what a daemon writes to the old file after."""
    world.append(*sent(1))
    world.read()
    world.append(*sent(2))
    rotated = world.log.with_name("mail.log.1")
    if way == "renamed":
        old = world.log.open("a")
        world.log.rename(rotated)
        world.append(*sent(4))
        world.read()
        old.writelines(f"{line}\n" for line in sent(3))
        old.close()
    else:
        world.append(*sent(3))
        shutil.copy(world.log, rotated)
        world.log.write_text("")
        world.append(*sent(4))
    world.read()
    assert world.read() == 0
    assert sorted(it.message_id for it in world.rows()) == [
        f"m{number}@client.example" for number in (1, 2, 3, 4)
    ]
    assert {it.attempts for it in world.rows()} == {1}


def test_a_message_deferred_again_is_one_row_with_its_last_answer(world: World) -> None:
    """And the number of attempts."""
    lines = sent(1)
    put_off = lines[3].replace("status=sent (250 2.0.0 Saved)", "status=deferred (no route)")
    world.append(*lines[:3], put_off, put_off, *lines[3:])
    world.read()
    assert [(it.status, it.attempts) for it in world.rows()] == [("sent", 3)]


HEAD, FIRST, SECOND = "Nov 25 07:08:09 mail postfix", "4jZ9k700000001z", "4jZ9k700000002z"


def waiting() -> tuple[str, ...]:
    """Make the lines of a message that one of its recipients got, and another did not yet."""
    waits = sent(1)[3].replace("status=sent (250 2.0.0 Saved)", "status=deferred (no route)")
    return (*sent(1)[:4], waits.replace("to=<ada@", "to=<grace@"))


@pytest.mark.parametrize(
    ("line", "status", "day"),
    [
        (f"{HEAD}/postsuper[9]: {FIRST}: removed", "deleted", "deleted"),
        (f"{HEAD}/qmgr[3]: {FIRST}: from=<friend@elsewhere.example>, status=expired, "
         "returned to sender", "expired", "bounced"),
        (f"{HEAD}/qmgr[3]: {FIRST}: from=<friend@elsewhere.example>, status=force-expired, "
         "returned to sender", "expired", "bounced"),
    ],
)  # fmt: skip
def test_a_message_that_ends_in_the_queue_waits_no_more(
    world: World, line: str, status: str, day: str
) -> None:
    """What was delivered of it before stays so, and the last answer is kept."""
    world.append(*waiting())
    world.read()
    world.append(line)
    world.read()
    assert {it.recipient: it.status for it in world.rows()} == {
        "ada@example.org": "sent", "grace@example.org": status,
    }  # fmt: skip
    (ended,) = world.rows(status=status)
    assert (ended.text, ended.attempts) == ("no route", 1)
    counts = queries.days(world.store, 0)[0]
    assert (counts["received"], counts["deferred"], counts[day]) == (1, 0, 1)


def test_a_requeued_message_goes_on_under_its_new_id(world: World) -> None:
    """It waits under the old one until pickup(8) has it; where it came from is not forgotten."""
    world.append(*waiting(), f"{HEAD}/postsuper[9]: {FIRST}: placed on hold")
    world.append(f"{HEAD}/postsuper[9]: {FIRST}: requeued")
    world.read()
    assert [it.queue_id for it in world.rows(status="deferred")] == [FIRST]
    picked = f"{HEAD}/pickup[9]: {SECOND}: uid=103 from=<friend@elsewhere.example> orig_id={FIRST}"
    world.append(picked, *sent(2)[1:3], sent(2)[3].replace("to=<ada@", "to=<grace@"), sent(2)[4])
    world.read()
    assert {(it.queue_id, it.recipient, it.status) for it in world.rows()} == {
        (FIRST, "ada@example.org", "sent"), (SECOND, "grace@example.org", "sent"),
    }  # fmt: skip
    assert {it.client_ip for it in world.rows()} == {"192.0.2.9"}
    assert {step.queue_id for step in journey(world.store, SECOND)} == {FIRST, SECOND}


def test_a_copy_for_a_catch_all_is_one_row_and_its_way_within_the_server_is_none(
    world: World,
) -> None:
    """That it waited on that way is told while it does; its journey has both."""
    head, first, second = "Nov 25 07:07:59 mail postfix", "4jZ9k700000001z", "4jZ9k700000002z"
    hop = (
        sent(1)[3]
        .replace("lmtp[4]", "smtp[4]")
        .replace("to=<ada@example.org>", "to=<copy@example.org.catch-all.invalid>")
    )
    hop = hop.replace("4jZ9k700000001z", first)
    waiting = hop.replace("status=sent (250 2.0.0 Saved)", "status=deferred (refused)")
    world.append(*sent(1)[:4], waiting)
    world.read()
    assert {it.status for it in world.rows()} == {"sent", "deferred"}
    world.append(
        f"{head}/copies/smtpd[9]: {second}: client=unknown[192.0.2.9], orig_queue_id={first}, "
        "orig_client=unknown[192.0.2.9]",
        hop,
        *(line.replace("to=<ada@", "to=<archive@") for line in sent(2)[2:]),
    )
    world.read()
    assert {it.recipient for it in world.rows()} == {"ada@example.org", "archive@example.org"}
    assert {it.queue_id for it in journey(world.store, first)} == {first, second}


def test_an_address_is_found_in_any_case_and_with_anything_in_quotes(world: World) -> None:
    """RFC 5321 4.1.2: a quoted local part holds what it likes."""
    odd = '"a>b, c"@example.org'
    lines = sent(1)
    world.append(*lines[:2], lines[2].replace("friend@elsewhere", "Friend@Elsewhere"))
    world.append(lines[3].replace("to=<ada@example.org>", f"to=<{odd}>"), *lines[4:])
    world.read()
    assert [it.recipient for it in world.rows(sender="fRIEND@elsewhere.example")] == [odd]
    assert len(world.rows(recipient=odd)) == 1


def test_what_is_new_comes_in_order_and_whole(world: World) -> None:
    """However much came since."""
    world.append(*(line for number in range(150) for line in sent(number)))
    world.read()
    first = queries.newer(world.store, 0, 100)
    rest = queries.newer(world.store, first[-1].id, 100)
    assert [it.message_id for it in (*first, *rest)] == [
        f"m{number}@client.example" for number in range(150)
    ]


def test_a_message_to_several_and_its_copy_count_once(world: World) -> None:
    """By sender, by recipient and by day; a copy that leaves the server was not sent by anybody."""
    head, copy_id = "Nov 25 07:07:59 mail postfix", "4jZ9k700000002z"
    delivered = sent(1)[3]
    hop = delivered.replace("to=<ada@example.org>", "to=<copy@example.org.catch-all.invalid>")
    waits = hop.replace("status=sent (250 2.0.0 Saved)", "status=deferred (refused)")
    copied = sent(2)[3].replace(
        "to=<ada@example.org>",
        "to=<archive@elsewhere.example>, orig_to=<copy@example.org.catch-all.invalid>",
    )
    several = (delivered.replace("to=<ada@", f"to=<{name}@") for name in ("ada", "grace", "carl"))
    world.append(*sent(1)[:3], *several, waits, hop)
    world.append(f"{head}/copies/smtpd[9]: {copy_id}: client=x[192.0.2.9]", *sent(2)[1:3], copied)
    world.append(*sent(3)[:3], sent(3)[3].replace("status=sent", "status=bounced"))
    world.read()
    (copy,) = world.rows(recipient="archive")
    assert (copy.kind, copy.written_to) == ("copy", "archive@elsewhere.example")
    assert queries.top(world.store, "sender", 0, 9) == (("friend@elsewhere.example", 1, 447),)
    names = ("ada@example.org", "carl@example.org", "grace@example.org")
    assert queries.top(world.store, "recipient", 0, 9) == tuple((name, 1, 447) for name in names)
    (day,) = queries.days(world.store, 0)
    del day["day"]
    assert {name: count for name, count in day.items() if count} == {"received": 1, "bounced": 1}


def test_what_goes_through_a_filter_counts_once(world: World, tmp_path: Path) -> None:
    """It waits for the filter as itself; what the filter has is on its way."""
    (tmp_path / "filtered").mkdir()
    there = sent(1)[3].replace("relay=mail[private/dovecot-lmtp]", "relay=f[192.0.2.66]:10024")
    there = there.replace("lmtp[4]", "smtp[4]")
    waits = there.replace("status=sent (250 2.0.0 Saved)", "status=deferred (refused)")
    with bench(tmp_path / "filtered", ("network", "mail_smtp", "mail_log")) as made:
        made.add("mail_smtp.domains", name="example.org")
        made.set("mail_smtp.filter", use="custom", address="192.0.2.66")
        context = made.context(world.context.instance)
        world.append(*sent(1)[:3], waits)
        catch_up(context, world.machine, world.store)
        assert [it.kind for it in world.rows()] == ["received"]
        world.append(there, *sent(2))
        catch_up(context, world.machine, world.store)
    assert {(it.queue_id, it.kind) for it in world.rows()} == {
        (FIRST, "filter"), (SECOND, "received"),
    }  # fmt: skip
    assert queries.days(world.store, 0)[0]["received"] == 1
    assert queries.top(world.store, "sender", 0, 9) == (("friend@elsewhere.example", 1, 447),)


def test_each_recipient_refused_at_the_door_counts(world: World) -> None:
    """There is no message that they could be one of."""
    refused = (
        "Nov 25 07:07:59 mail postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.9]: "
        "550 5.1.1 <no@example.org>: unknown; from=<a@b.example> to=<no@example.org> proto=ESMTP"
    )
    world.append(refused, refused)
    world.read()
    assert queries.days(world.store, 0)[0]["rejected"] == 2


LOCAL = (
    f"{HEAD}/local[4]: {FIRST}: to=<root@mail.example.org>, orig_to=<postmaster>, relay=local, "
    "delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)"
)


@pytest.mark.parametrize(
    ("sender", "kind"),
    [("friend@elsewhere.example", "received"), ("", "received"),
     ("root@mail.example.org", "internal"), ("ada@example.org", "internal")],
)  # fmt: skip
def test_mail_for_this_machine_is_no_relaying(world: World, sender: str, kind: str) -> None:
    """What local(8) takes for root and postmaster, from others and from the machine's programs."""
    came = sent(1)[2].replace("from=<friend@elsewhere.example>", f"from=<{sender}>")
    world.append(*sent(1)[:2], came, LOCAL)
    world.read()
    assert [it.kind for it in world.rows()] == [kind]


def test_what_local_sends_on_is_one_row_under_its_new_id(world: World) -> None:
    """As aliases(5) has the postmaster's mail; the journey has both."""
    forwarded = LOCAL.replace("delivered to mailbox", f"forwarded as {SECOND}")
    got = sent(2)[3].replace("to=<ada@example.org>", "to=<ada@example.org>, orig_to=<postmaster>")
    world.append(*sent(1)[:3], *sent(2)[1:3], forwarded, got)
    world.read()
    (row,) = world.rows()
    assert (row.recipient, row.written_to, row.kind) == (
        "ada@example.org", "postmaster", "received"
    )  # fmt: skip
    assert row.client_ip == "192.0.2.9"
    assert {step.queue_id for step in journey(world.store, FIRST)} == {FIRST, SECOND}


def test_searches_are_by_address_domain_or_part(world: World) -> None:
    """Wildcards in them are characters."""
    for number in range(5):
        world.append(*sent(number))
    world.read()
    assert len(world.rows(recipient="ada@example.org")) == 5
    assert len(world.rows(recipient="@example.org")) == 5
    assert len(world.rows(sender="elsewhere")) == 5
    for text in ("%", "_", "a%@example.org", "1) UNION SELECT 1 --", "'"):
        assert world.rows(sender=text) == ()
    page = world.rows(limit=2)
    rest = world.rows(before=page[-1].id)
    assert len({it.id for it in (*page, *rest)}) == 5
    assert queries.top(world.store, "sender", 0, 9) == (("friend@elsewhere.example", 5, 2235),)
    assert queries.days(world.store, 0)[0]["received"] == 5


def test_mail_is_found_by_the_address_that_was_written_to(world: World) -> None:
    """In any case, by domain or part, besides the one who got it; both are told."""
    direct, through = (
        sent(1)[3],
        sent(2)[3].replace(
            "to=<ada@example.org>", "to=<ada@example.org>, orig_to=<Info@Example.net>"
        ),
    )
    world.append(*sent(1)[:3], direct, *sent(2)[:3], through)
    world.read()
    for asked in ("info@example.net", "INFO@example.net", "@example.net", "info"):
        (found,) = world.rows(recipient=asked)
        assert (found.recipient, found.written_to) == ("ada@example.org", "Info@Example.net")
    assert {it.written_to for it in world.rows(recipient="ada@example.org")} == {
        "ada@example.org", "Info@Example.net"
    }  # fmt: skip


def test_a_search_by_address_reads_no_whole_table(world: World) -> None:
    """Neither for who got it nor for whom it was written to."""
    where, values = queries._where(Search(recipient="info@example.net"))
    sql = f"EXPLAIN QUERY PLAN SELECT * FROM entries WHERE {where} ORDER BY id DESC LIMIT :limit"  # noqa: S608
    plan = " ".join(row[-1] for row in world.store.run(sql, values))
    assert "entries_by_recipient" in plan
    assert "entries_by_original" in plan
    assert "SCAN" not in plan


def test_a_table_of_an_older_version_is_brought_up_to_date(world: World) -> None:
    """Once, when it is opened; what is in it stays."""
    world.append(*sent(1))
    world.read()
    made_new = tables(world.store)
    path = world.folder / DATABASE.lstrip("/")
    with closing(sqlite3.connect(path)) as old:
        old.execute("UPDATE entries SET original = 'copy@example.org.catch-all.invalid'")
        rows = old.execute("SELECT * FROM entries").fetchall()
    for name in ("", "-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript(SCHEMA)
        marks = ", ".join("?" * len(rows[0]))
        old.executemany(f"INSERT INTO entries VALUES ({marks})", rows)  # noqa: S608
    for _ in range(2):
        with LogStore.open(world.context) as store:
            assert tables(store) == made_new
            assert [it.kind for it in queries.search(store, Search())] == ["copy"]


def tables(store: LogStore) -> set[str]:
    """Give the names of tables and indexes."""
    return {row[0] for row in store.run("SELECT name FROM sqlite_master")}


def test_mail_without_a_sender_is_found(world: World) -> None:
    """Bounces, and not what was refused before anybody was named."""
    world.append(*sent(1), *sent(2)[:2], sent(2)[2].replace("from=<friend@elsewhere.example>",
                                                            "from=<>"), *sent(2)[3:])  # fmt: skip
    head = "Nov 25 07:07:59 mail postfix/smtpd[1]: NOQUEUE: reject:"
    world.append(f"{head} CONNECT from x[192.0.2.9]: 554 5.7.1 no; proto=SMTP")
    world.read()
    assert [it.message_id for it in world.rows(sender="<>")] == ["m2@client.example"]
    assert len(world.rows()) == 3


@pytest.mark.parametrize("column", ["sender", "recipient", "event", "status", "at", "client_ip"])
def test_a_search_uses_an_index(world: World, column: str) -> None:
    """However many rows there are."""
    sql = f"EXPLAIN QUERY PLAN SELECT * FROM entries WHERE {column} = 'x'"  # noqa: S608
    assert "USING INDEX" in world.store.run(sql).fetchone()[-1]


def test_pruning_forgets_what_is_old(world: World) -> None:
    """In every table."""
    world.append(*sent(1))
    world.read()
    with world.store.write():
        assert not world.store.prune(NOW + 1)
    assert world.rows() == ()


@given(st.binary(max_size=300))
def test_no_line_breaks_the_reader(data: bytes) -> None:
    """Whatever a stranger makes a daemon write."""
    text = data.decode(errors="replace")
    for prefix in (
        "",
        "Nov 25 07:07:59 mail postfix/smtpd[1]: ",
        "Nov 25 07:07:59 auth-worker(1): ",
    ):
        for middle in ("", "NOQUEUE: reject: RCPT from ", "4jZ9k72JY8zJBmc: to=<"):
            postfix_line(prefix + middle + text, NOW)
            wrong_login(prefix + middle + text, NOW)


@pytest.mark.parametrize(
    ("stamp", "now", "year"),
    [("Dec 31 23:59:59", 1767268800.0, 2025), ("Jan  1 00:00:01", 1767268800.0, 2026),
     ("Feb 29 12:00:00", 1709208000.0, 2024), ("Feb 29 12:00:00", 1740744000.0, 2024)],
)  # fmt: skip
def test_the_year_is_the_latest_that_is_not_to_come(stamp: str, now: float, year: int) -> None:
    """The line does not have it."""
    line = postfix_line(f"{stamp} mail postfix/qmgr[1]: 4jZ9k72JY8zJBmc: removed", now)
    assert line is not None
    assert time.localtime(line.at).tm_year == year
