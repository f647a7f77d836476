"""Mail is fetched from a second real Dovecot."""

from __future__ import annotations

import pwd
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mailstead_fetchmail.circles import mark_of
from mailstead_fetchmail.places import KEY
from mailstead_fetchmail.words import CIRCLE
from tests.system.external import External
from tests.system.fetching import ADA, HARD, Place, fetchmail_of, new_place
from tests.system.sandbox import PASSWORD, message, wait_until


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Give both servers."""
    with new_place() as made:
        yield made


@pytest.mark.parametrize("protocol", ["imap", "imaps", "pop3", "pop3s"])
def test_mail_comes_by_each_protocol(place: Place, protocol: str) -> None:
    """Over verified TLS; the password has every kind of character; nothing stays there."""
    account = place.new(protocol, count=3)
    assert account.polled() == (3, "")
    assert place.came(account.names)
    assert account.left() == 0
    shown = place.ours.json("external", "show", str(account.number))
    assert (shown["fetched"], shown["error"], shown["protocol"]) == (3, "", protocol)
    assert shown["last_poll"] == shown["last_success"]
    account.remove()


def test_what_is_kept_is_fetched_once(place: Place) -> None:
    """By both protocols, poll after poll, and what comes later is fetched as well."""
    accounts = [place.new(protocol, "--keep", count=2) for protocol in ("imaps", "pop3s")]
    for account in accounts:
        assert account.polled() == (2, "")
        assert account.poll_now() == (0, "")
        place.theirs.put(account.login, later := [uuid4().hex])
        assert account.poll_now() == (1, "")
        assert place.came([*account.names, *later])
        assert account.left() == 3
        account.remove()


def test_what_was_read_there_is_fetched_when_asked_for(place: Place) -> None:
    """By IMAP, which tells."""
    account = place.new("imaps", seen=True)
    assert account.polled() == (0, "")
    place.ours.run("external", "set", str(account.number), "--fetch-read")
    wait_until(lambda: place.came(account.names))
    wait_until(lambda: account.left() == 0)
    account.remove()


def test_a_full_mailbox_leaves_mail_there(place: Place) -> None:
    """What fits comes, the rest stays, and comes when there is room; the owner is told why."""
    place.ours.run("user", "add", "bob", "--password-stdin", typed="correct horse\n")
    place.ours.run("account", "quota", "bob@example.org", "64K")
    account = place.add("bob")
    place.theirs.put(account.login, [uuid4().hex])
    place.theirs.put(account.login, [uuid4().hex], size=3000)
    for _ in range(2):
        assert account.poll_now()[1].startswith(
            "the mailbox here is full; the mail stays on the server: 552 5.2.2"
        )
        assert account.left() == 1
    place.ours.run("account", "quota", "bob@example.org", "unlimited")
    assert (account.poll_now(), account.left()) == ((1, ""), 0)
    found = place.ours.imap("bob@example.org", "correct horse")
    assert found.select("INBOX", readonly=True)[1] == [b"2"]
    found.logout()
    account.remove()


def test_wrong_passwords_and_dead_servers_are_told_apart(place: Place) -> None:
    """In plain words, when it is polled as when it is tested; a correction helps at once."""
    wrong = place.new("imaps", password="wrong")
    dead = place.new("imaps", port=1)
    no_tls = place.new("pop3s", port=place.theirs.port("pop3"))
    for account, words in (
        (wrong, "the server does not accept this account name and password"),
        (dead, "the server refuses connections on this port"),
        (no_tls, "the server does not speak TLS on this port as asked for"),
    ):
        assert account.poll_now()[1].startswith(words)
        done = place.ours.run("external", "test", str(account.number), status=1)
        assert words in done.stderr
        assert account.left() == 1
    place.ours.run("external", "password", str(wrong.number), "--password-stdin", typed=f"{HARD}\n")
    wait_until(lambda: place.came(wrong.names))
    place.ours.run("external", "test", str(wrong.number))
    for account in (wrong, dead, no_tls):
        account.remove()


def test_authorities_that_cannot_be_read_are_refused(place: Place, tmp_path: Path) -> None:
    """Before a save, if they are not there, no certificates, or not for Fetchmail's user."""
    none, secret = tmp_path / "none.pem", tmp_path / "secret.pem"
    none.write_text("nothing\n")
    secret.write_bytes(Path(place.theirs.ca).read_bytes())
    secret.chmod(0o600)
    run = place.ours.run
    for path in ("/nope/ca.pem", str(none), str(secret)):
        run("settings", "set", "fetchmail.options", f"ca={path}")
        done = run("save", status=2)
        assert "fetchmail.options.ca is a PEM file that Fetchmail's user can read" in done.stderr
        assert path in done.stderr
    run("discard", "--yes")
    account = place.new("imaps")
    account.polled()
    kept = Path(place.theirs.ca).rename(tmp_path / "kept.pem")
    done = run("external", "test", str(account.number), status=1)
    kept.rename(place.theirs.ca)
    assert "the file fetchmail.options.ca cannot be read here" in done.stderr
    run("external", "test", str(account.number))
    account.remove()


def test_a_certificate_of_a_stranger_is_not_trusted(place: Place) -> None:
    """Unless the owner does without verified TLS, which is a change that counts at once."""
    strangers = External.start()
    try:
        account = place.new("imaps", server=strangers)
        words = "the server's certificate is self-signed and not trusted"
        assert account.polled()[1].startswith(words)
        place.ours.run("external", "set", str(account.number), "--no-verify-tls")
        wait_until(lambda: place.came(account.names))
        account.remove()
    finally:
        strangers.stop()


def test_a_server_that_never_answers_holds_up_nobody(place: Place) -> None:
    """And no password is in sight while one is waited for."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        waiting = place.new("imap", "--no-verify-tls", port=silent.getsockname()[1])
        client, _ = silent.accept()
        with client:
            other = place.new("imaps")
            assert other.polled() == (1, "")
            assert waiting.last()[0] == 0
            words = Path(f"/proc/{fetchmail_of(waiting)}/cmdline").read_bytes()
            status = Path(f"/proc/{fetchmail_of(waiting)}/status").read_text()
    assert HARD.encode() not in words
    assert f"Uid:\t{pwd.getpwnam('fetchmail').pw_uid}\t" in status
    secrets = [path for path in place.ours.folder.rglob("*") if path.is_file()]
    assert not [path for path in secrets if HARD.encode() in path.read_bytes()]
    for account in (waiting, other):
        account.remove()


def test_an_account_at_this_server_is_refused(place: Place) -> None:
    """By its address and by its name, when it is added and when it is changed."""
    account = place.new("imaps")
    port = str(place.ours.port(993))
    for server in (place.ours.address, "mail.example.org"):
        there = (server, "--port", port, "--no-verify-tls")
        add = ("external", "add", "ada", "ada@example.org", *there, "--password-stdin")
        change = ("external", "set", str(account.number), "--server", *there)
        for words in (add, change):
            done = place.ours.run(*words, typed="x\n", status=2)
            assert "external.server" in done.stderr
            assert f"{server} is this server itself" in done.stderr
    shown = place.ours.json("external", "show", str(account.number))
    assert (shown["server"], shown["port"]) == ("localhost", place.theirs.port("imaps"))
    account.remove()


@pytest.mark.parametrize("owners", [("carl",), ("dora", "emil")])
def test_mail_that_goes_round_in_a_circle_stops(place: Place, owners: tuple[str, ...]) -> None:
    """Where it was, in one mailbox or in two that are fetched from each other."""
    for name in owners:
        place.ours.add_user(name)
    logins = [f"{name}@example.org" for name in owners]
    names = {login: [uuid4().hex for _ in range(3)] for login in logins}
    for login, subjects in names.items():
        for subject in subjects:
            with place.ours.smtp() as client:
                client.send_message(message("friend@elsewhere.example", login, subject))
    wait_until(lambda: all(place.ours.subjects(login) for login in logins))
    accounts = [place.add(name, PASSWORD) for name in owners]
    for account, login in zip(accounts, [*logins[1:], logins[0]], strict=True):
        account.polled()
        account.lead_home(login)
    for _ in range(3):
        for account in accounts:
            account.polled(account.make_due())
    for account in accounts:
        assert account.last()[1:] == (0, f"{CIRCLE}; it stays on the server")
    for login, subjects in names.items():
        assert sorted(place.ours.subjects(login)) == sorted(subjects)
    for account in accounts:
        account.remove()


@pytest.mark.parametrize(
    ("protocol", "words", "size"),
    [("imaps", (), 20), ("imaps", ("--keep",), 3000), ("imaps", ("--fetch-read",), 20),
     ("pop3s", (), 3000), ("pop3s", ("--keep",), 20)],
)  # fmt: skip
def test_messages_with_the_mark_keep_no_other_away(
    place: Place, protocol: str, words: tuple[str, ...], size: int
) -> None:
    """However many lie before it: they stay there, poll after poll, and the account says why."""
    account = place.new(protocol, *words, count=0)
    account.polled()
    mark = mark_of(place.ours.path(KEY).read_bytes().strip(), account.number).decode()
    marked, wanted = ([uuid4().hex for _ in range(count)] for count in (25, 2))
    expected = (1, f"{CIRCLE}; it stays on the server")
    place.theirs.put(account.login, marked, size=size, line=mark)
    for subject in wanted:
        place.theirs.put(account.login, [subject])
        assert account.poll_now() == expected
    assert place.came(wanted)
    assert not set(marked) & set(place.ours.subjects(ADA))
    assert (account.left(), account.noted()) == (25 + 2 * ("--keep" in words), 0)
    account.remove()


def test_what_is_wrong_is_told_before_a_password_is_asked_for(place: Place) -> None:
    """There is none to be read here; nor is a change that changes nothing."""
    add = ("external", "add", "ada", "ada", "mail.example")
    for words, said in (
        ((*add, "--protocol", "ftp"), "external.protocol"),
        ((*add[:3], " ada", "mail.example"), "external.login"),
        ((*add[:4], "localhost:993"), "--port"),
        ((*add[:4], place.ours.address, "--port", str(place.ours.port(993)), "--no-verify-tls"),
         "this server itself"),
    ):  # fmt: skip
        done = place.ours.run(*words, status=2)
        assert said in done.stderr
        assert "password" not in done.stderr.lower()
    account = place.new("imaps")
    account.polled()
    before = place.ours.json("external", "show", str(account.number))
    done = place.ours.run("external", "set", str(account.number), status=2)
    assert "give at least one option" in done.stderr
    assert place.ours.json("external", "show", str(account.number)) == before
    account.remove()


def test_accounts_go_with_their_owner(place: Place) -> None:
    """Who is told before."""
    place.ours.run("user", "add", "eve", "--password-stdin", typed="correct horse\n")
    words = ("external", "add", "eve", "eve", "mail.example", "--password-stdin")
    place.ours.run(*words, typed="x\n")
    place.ours.run(*words, typed="x\n", status=2)
    done = place.ours.run("user", "delete", "eve", "--yes")
    assert "mail is fetched from eve at mail.example" in done.stderr
    place.ours.run("user", "add", "eve", "--password-stdin", typed="correct horse\n")
    assert place.ours.json("external", "list", "eve") == []
