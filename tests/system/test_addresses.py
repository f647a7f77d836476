"""Addresses from outside: who gets mail for what, seen by SMTP, IMAP, POP3 and commands."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from tests.system.conftest import Site, new_site
from tests.system.sandbox import PASSWORD, Sandbox, message, wait_until

FRIEND = "friend@elsewhere.example"
ADA, GRACE = "ada@example.org", "grace@example.org"


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with another domain, an alias of one, and a catch-all."""
    with new_site() as made:
        run = made.sandbox.run
        run("domain", "add", "example.com")
        run("domain", "add", "copied.example", "--catch-all", "copies@example.com")
        run("domain", "alias", "add", "example.net", "example.org")
        run("domain", "alias", "add", "copied.test", "copied.example")
        run("save")
        made.sandbox.run("settings", "set", "mail_smtp.user_template", "mail_account=no")
        run("save")
        for name in ("alan", "copies", "carl", "cora"):
            made.sandbox.add_user(name)
        run("account", "add", "alan", "alan@example.com")
        run("account", "add", "copies", "copies@example.com")
        run("account", "add", "carl", "carl@copied.example")
        run("account", "add", "cora", "cora@copied.example")
        yield made


def send(place: Site, recipient: str | list[str], sender: str = FRIEND, subject: str = "") -> str:
    """Send as a stranger; gives the subject."""
    subject = subject or uuid4().hex
    recipients = [recipient] if isinstance(recipient, str) else recipient
    with place.sandbox.smtp() as client:
        text = message(sender, recipients[0], subject)
        client.send_message(text, from_addr=sender, to_addrs=recipients)
    return subject


def reply_to(place: Site, recipient: str) -> tuple[int, str]:
    """Give what a stranger is told about a recipient."""
    with place.sandbox.smtp() as client:
        client.ehlo()
        client.mail(FRIEND)
        code, words = client.rcpt(recipient)
    return code, words.decode()


def count(sandbox: Sandbox, login: str, subject: str) -> int:
    """Count messages with a subject in an INBOX."""
    return sandbox.subjects(login).count(subject)


def has(sandbox: Sandbox, login: str, subject: str) -> bool:
    """Tell whether a message with a subject is in an INBOX."""
    return count(sandbox, login, subject) > 0


def settle(place: Site) -> None:
    """Wait until the queue is empty."""
    queue = place.sandbox.path("/var/spool/postfix")
    folders = [queue / name for name in ("maildrop", "incoming", "active", "deferred")]
    wait_until(lambda: not any(path.is_file() for f in folders for path in f.rglob("*")))


def test_an_alias_made_is_there_at_once_with_nothing_reloaded(place: Site) -> None:
    """By either name of the domain, for the next client that asks."""
    log = place.sandbox.path("/var/log/mail.log")
    before = log.read_text().count("reload")
    assert reply_to(place, "info@example.org")[0] == 550
    place.sandbox.run("alias", "add", "info@example.net", "--account", ADA)
    assert reply_to(place, "info@example.org")[0] == 250
    subjects = [send(place, f"info@example.{end}") for end in ("org", "net")]
    wait_until(lambda: all(count(place.sandbox, ADA, item) == 1 for item in subjects))
    assert log.read_text().count("reload") == before
    place.sandbox.run("alias", "remove", "info@example.org")
    assert reply_to(place, "info@example.net")[0] == 550


def test_a_domain_alias_is_the_same_mailboxes_both_ways(place: Site) -> None:
    """Mail to either, and a sender address in either."""
    subject = send(place, "ada@example.net")
    wait_until(lambda: count(place.sandbox, ADA, subject) == 1)
    with place.sandbox.smtp(587) as client:
        client.starttls()
        client.login(ADA, PASSWORD)
        client.send_message(message("ada@example.net", FRIEND, subject))
    wait_until(lambda: any(subject in text for text in place.outside.messages()))


def test_mail_for_an_extension_of_an_address_is_the_accounts(place: Site) -> None:
    """recipient_delimiter, at an alias too."""
    place.sandbox.run("alias", "add", "desk@example.org", "--account", ADA)
    subjects = [send(place, f"{local}@example.org") for local in ("ada+lists", "desk+lists")]
    wait_until(lambda: all(count(place.sandbox, ADA, item) == 1 for item in subjects))
    place.sandbox.run("alias", "remove", "desk@example.org")


def test_an_alias_cannot_log_in(place: Site) -> None:
    """On no protocol; nor can the address at an alias of the domain."""
    run = place.sandbox.run
    run("alias", "add", "boss@example.org", "--account", ADA)
    for login in ("boss@example.org", "ada@example.net"):
        assert place.sandbox.taken_logins(login) == []
    assert place.sandbox.taken_logins(ADA) == ["smtp", "imap", "pop3"]
    run("alias", "remove", "boss@example.org")


def test_a_group_alias_is_one_copy_for_each_member_with_an_account(place: Site) -> None:
    """It follows membership at once, and is nobody's address without such a member."""
    run = place.sandbox.run
    run("group", "add", "staff")
    run("group", "add-member", "staff", "ada")
    run("alias", "add", "staff@example.org", "--group", "staff")
    first = send(place, "staff@example.org")
    run("group", "add-member", "staff", "grace")
    second = send(place, ["staff@example.org", ADA])
    wait_until(lambda: count(place.sandbox, GRACE, second) == 1)
    settle(place)
    assert [count(place.sandbox, ADA, item) for item in (first, second)] == [1, 1]
    assert count(place.sandbox, GRACE, first) == 0
    for name in ("ada", "grace"):
        run("group", "remove-member", "staff", name)
    assert reply_to(place, "staff@example.org")[0] == 550
    run("group", "add-member", "staff", "grace")
    assert reply_to(place, "staff@example.org")[0] == 250
    assert "has the mail alias staff@example.org" in run("group", "delete", "staff", "--yes").stderr
    assert reply_to(place, "staff@example.org")[0] == 550


def test_an_external_alias_sends_on(place: Site) -> None:
    """To the world outside; an address here is refused with the field's name."""
    run = place.sandbox.run
    run("alias", "add", "moved@example.org", "--external", "moved@elsewhere.example")
    subject = send(place, "moved@example.org")
    wait_until(lambda: any(subject in text for text in place.outside.messages()))
    for local in (ADA, "x@example.net", "x@copied.test", "postmaster@mail.example.org"):
        no = run("alias", "add", "b@example.org", "--external", local, status=2)
        assert "alias.external" in no.stderr
    run("alias", "remove", "moved@example.org")


def test_a_domain_that_an_external_alias_leads_to_is_not_added(place: Site) -> None:
    """Nor as an alias of one: what was elsewhere would be here, where nobody has the address."""
    run = place.sandbox.run
    run("alias", "add", "moved@example.org", "--external", "moved@later.example")
    for words, field in (
        (("domain", "add", "Later.example"), "mail_smtp.domains[later.example].name"),
        (("domain", "alias", "add", "later.example", "example.org"),
         "mail_smtp.domain_aliases[later.example].name"),
    ):  # fmt: skip
        refused = run(*words, status=2).stderr
        assert field in refused
        assert "mailstead alias remove moved@example.org" in refused
    assert place.sandbox.json("plan")["empty"]
    run("alias", "remove", "moved@example.org")


def test_mail_for_unknown_recipients_goes_to_the_default_mailbox(place: Site) -> None:
    """Off unless it is set; addresses that exist, and roles, keep their mail."""
    run = place.sandbox.run
    assert reply_to(place, "nobody@example.com")[0] == 550
    assert (
        "no mail account zoe@example.com yet"
        in run("domain", "set", "example.com", "--default-mailbox", "zoe@example.com").stderr
    )
    run("domain", "set", "example.com", "--default-mailbox", "alan@example.com")
    run("save")
    unknown, known = send(place, "nobody@example.com"), send(place, "copies@example.com")
    wait_until(lambda: count(place.sandbox, "alan@example.com", unknown) == 1)
    wait_until(lambda: count(place.sandbox, "copies@example.com", known) == 1)
    assert count(place.sandbox, "alan@example.com", known) == 0
    run("domain", "set", "example.com", "--default-mailbox", "")
    run("save")
    assert reply_to(place, "nobody.else@example.com")[0] == 550


def test_a_catch_all_gets_one_copy_of_all_mail_to_and_from_the_domain(place: Site) -> None:
    """Of each message, to several recipients and by the domain's other name; nobody is told."""
    carl, cora = "carl@copied.example", "cora@copied.example"
    received = send(place, [carl, cora, "carl@copied.test", ADA])
    inside, outward = uuid4().hex, uuid4().hex
    with place.sandbox.smtp(465) as client:
        client.login(carl, PASSWORD)
        client.send_message(message(carl, cora, inside))
        client.send_message(message("carl@copied.test", FRIEND, outward))
    copied = "copies@example.com"
    wait_until(lambda: all(count(place.sandbox, copied, it) for it in (received, inside, outward)))
    settle(place)
    assert [count(place.sandbox, copied, item) for item in (received, inside, outward)] == [1, 1, 1]
    assert count(place.sandbox, cora, received) == count(place.sandbox, cora, inside) == 1
    text = next(text for text in place.outside.messages() if outward in text)
    assert copied not in text


def test_when_the_copy_bounces_the_sender_is_told(place: Site) -> None:
    """The catch-all is an account that is deleted."""
    run = place.sandbox.run
    told = run("account", "delete", "copies@example.com", "--yes").stderr
    assert "copies@example.com is the catch-all of copied.example" in told
    carl = "carl@copied.example"
    with place.sandbox.smtp(465) as client:
        client.login(ADA, PASSWORD)
        client.send_message(message(ADA, carl, "bounced copy"))
    wait_until(lambda: "Undelivered Mail Returned to Sender" in place.sandbox.subjects(ADA))
    assert "bounced copy" in place.sandbox.subjects(carl)
    run("account", "add", "copies", "copies@example.com")


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (("account", "suspend", "ines@example.org"), ""),
        (("user", "change", "ines", "--disabled"), ""),
        (("user", "password", "ines", "--password-stdin"), "a new password, longer\n"),
        (("account", "delete", "ines@example.org", "--yes"), ""),
        (("user", "delete", "ines", "--yes"), ""),
    ],
)
def test_open_sessions_end_with_the_login(place: Site, words: tuple[str, ...], typed: str) -> None:
    """Whoever is in has to log in again, and cannot; others stay."""
    run = place.sandbox.run
    place.sandbox.add_user("ines")
    run("account", "add", "ines", "ines@example.org")
    try:
        with place.sandbox.imap(ADA) as other:
            client = place.sandbox.imap("ines@example.org")
            assert "go on" not in run(*words, typed=typed).stderr
            wait_until(lambda: is_ended(client))
            client.shutdown()
            assert other.noop()[0] == "OK"
    finally:
        if words[:2] != ("user", "delete"):
            run("user", "delete", "ines", "--yes")


def test_open_sessions_end_with_their_domain(place: Site) -> None:
    """Of each account that goes with it; those of other domains stay."""
    run = place.sandbox.run
    run("domain", "add", "closing.example")
    run("save")
    logins = [f"{name}@closing.example" for name in ("nina", "nora")]
    for login in logins:
        place.sandbox.add_user(login.partition("@")[0])
        run("account", "add", login.partition("@")[0], login)
    with place.sandbox.imap(ADA) as other:
        clients = [place.sandbox.imap(login) for login in logins]
        told = run("domain", "remove", "closing.example", "--force", "--with-mail", "--yes")
        assert "go on" not in told.stderr
        for client in clients:
            wait_until(partial(is_ended, client))
            client.shutdown()
        assert other.noop()[0] == "OK"
    run("save")


def is_ended(client: imaplib.IMAP4) -> bool:
    """Tell whether the server ended a session."""
    try:
        client.noop()
    except (imaplib.IMAP4.abort, OSError):
        return True
    return False


def test_a_suspended_account_receives_but_nobody_logs_in(place: Site) -> None:
    """Until it also refuses mail; all is back when it is resumed, its mail too."""
    run, alan = place.sandbox.run, "alan@example.com"
    run("account", "suspend", alan)
    subject = send(place, alan)
    settle(place)
    assert place.sandbox.taken_logins(alan) == []
    run("account", "suspend", alan, "--refuse-mail")
    code, words = reply_to(place, alan)
    assert (code, "5.2.1" in words) == (550, True)
    run("account", "resume", alan)
    assert reply_to(place, alan)[0] == 250
    assert count(place.sandbox, alan, subject) == 1


def test_each_domain_has_a_postmaster(place: Site) -> None:
    """RFC 5321 4.5.1: root of this machine, unless the options say otherwise."""
    subject = send(place, "postmaster@example.net")
    box = place.sandbox.path("/var/mail/root")
    wait_until(lambda: box.exists() and subject in box.read_text())


def test_a_removed_domain_names_what_goes_with_it_and_keeps_the_mail(place: Site) -> None:
    """An address made again begins empty."""
    run = place.sandbox.run
    run("domain", "add", "leaving.example")
    run("save")
    place.sandbox.add_user("leo")
    run("account", "add", "leo", "leo@leaving.example")
    run("alias", "add", "lion@leaving.example", "--account", "leo@leaving.example")
    send(place, "leo@leaving.example", subject="old mail")
    wait_until(lambda: "old mail" in place.sandbox.subjects("leo@leaving.example"))
    refused = run("domain", "remove", "leaving.example", status=2).stderr
    folder = place.sandbox.json("account", "show", "leo@leaving.example")["mail"]
    asked = run("domain", "remove", "leaving.example", "--force", status=4).stderr
    for named in ("mail account leo@leaving.example", folder, "mail alias lion@leaving.example"):
        assert (named in refused, named in asked) == (True, True)
    told = run("domain", "remove", "leaving.example", "--force", "--yes").stdout
    assert "1 mail account and 1 mail alias deleted" in told
    run("save")
    assert reply_to(place, "leo@leaving.example")[0] in {550, 554}
    kept = [path for name in ("new", "cur") for path in Path(folder, "Maildir", name).iterdir()]
    assert "old mail" in kept[0].read_text()
    run("domain", "add", "leaving.example")
    run("save")
    run("account", "add", "leo", "leo@leaving.example")
    assert place.sandbox.subjects("leo@leaving.example") == []


def test_mail_goes_along_when_that_is_asked_for(place: Site) -> None:
    """Of one account, and of all in a domain; what was kept before stays."""
    run = place.sandbox.run
    run("domain", "add", "emptied.example")
    run("save")
    folders = {}
    for name in ("mia", "max", "moe"):
        place.sandbox.add_user(name)
        address = f"{name}@emptied.example"
        run("account", "add", name, address)
        send(place, address, subject=f"for {name}")
        wait_until(partial(has, place.sandbox, address, f"for {name}"))
        folders[name] = Path(place.sandbox.json("account", "show", address)["mail"])
    run("account", "delete", "mia@emptied.example", "--yes")
    run("account", "delete", "max@emptied.example", "--with-mail", "--yes")
    assert [folder.exists() for folder in folders.values()] == [True, False, True]
    run("domain", "remove", "emptied.example", "--force", "--with-mail", "--yes")
    run("save")
    assert [folder.exists() for folder in folders.values()] == [True, False, False]


def test_a_domain_that_went_by_another_way_is_named_and_gets_no_mail(place: Site) -> None:
    """Its accounts stay, and work again when it is back; it becomes no alias of a domain."""
    run, gus = place.sandbox.run, "gus@gone.example"
    run("domain", "add", "gone.example")
    run("save")
    place.sandbox.add_user("gus")
    run("account", "add", "gus", gus)
    run("account", "quota", gus, "2G")
    run("settings", "unset", "mail_smtp.domains", "gone.example")
    run("save")
    assert reply_to(place, gus)[0] in {550, 554}
    assert "gone.example is not managed" in run("domain", "list").stderr
    (listed,) = place.sandbox.json("account", "list", "--domain", "GONE.example")
    assert (listed["quota"], listed["state"]) == ("2G", "its domain is not managed")
    refused = run("domain", "alias", "add", "gone.example", "example.org", status=2).stderr
    assert "gone.example itself there are addresses: 1 mail account and 0 mail aliases" in refused
    run("domain", "add", "gone.example")
    run("save")
    assert reply_to(place, gus)[0] == 250
    assert "gone.example" not in run("domain", "list").stderr
    assert place.sandbox.taken_logins(gus) == ["smtp", "imap", "pop3"]


def test_no_lookup_gives_postfix_a_warning(place: Site) -> None:
    """After all the mail above: a warning each time would hide those that matter."""
    send(place, ADA)
    lines = place.sandbox.path("/var/log/mail.log").read_text().splitlines()
    assert [line for line in lines if "warning: " in line and "sqlite" in line] == []
