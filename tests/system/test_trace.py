"""What trace foretells is what happens: by SMTP, and in mailboxes."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Iterator
from itertools import product
from typing import Any
from uuid import uuid4

import attrs
import pytest

from mailstead.cli.main import run
from tests.system.conftest import Site, new_site
from tests.system.sandbox import OFFICE, PASSWORD, STRANGER, message, trust, wait_until

ADA, GRACE, ALAN, CARL = (
    "ada@example.org", "grace@example.org", "alan@example.com", "carl@example.com",
)  # fmt: skip
FEW = 8
ROOT = "root@mail.example.org"
FRIEND, NOBODY = "friend@elsewhere.example", "<>"
RECIPIENTS = (
    ADA, "Ada+list@example.org", "ada@example.net", "info@example.org", "info@example.net",
    "staff@example.org", "moved@example.org", "nobody@example.org", ALAN, "unknown@example.com",
    CARL, "full@example.com", "postmaster@example.org", ROOT,
    "nobody@mail.example.org", "NoBody@Example.ORG", "a%b@example.org", "a!b@example.org", FRIEND,
)  # fmt: skip
ARRIVING = (
    ADA, "ada+list@example.org", "ada@example.net", "info@example.org", "staff@example.org",
    "moved@example.org", ALAN, "unknown@example.com", "postmaster@example.org",
    "abuse+x@mail.example.org",
)  # fmt: skip
SENDERS = (
    FRIEND, ADA, "ada@example.net", "info@example.org", "NoBody@example.org", "a!b@example.org",
    "nobody@mail.example.org", NOBODY,
)  # fmt: skip


@attrs.frozen
class Case:
    """A message; ``login`` is empty where nobody logs in."""

    sender: str
    recipient: str
    client: str = STRANGER
    login: str = ""
    port: int = 25

    @property
    def words(self) -> tuple[str, ...]:
        """Give the command that asks about it."""
        login = ("--auth", self.login) if self.login else ()
        return (
            "trace", self.sender, self.recipient, "--client", self.client, "--port",
            str(self.port), *login,
        )  # fmt: skip


CASES = (
    *(Case(FRIEND, to) for to in RECIPIENTS),
    *(Case(*pair) for pair in product(SENDERS[1:], (GRACE, FRIEND))),
    *(Case(sender, FRIEND, OFFICE) for sender in SENDERS),
    Case(FRIEND, CARL, OFFICE),
    Case(FRIEND, "a%b@example.org", OFFICE),
    *(Case(sender, FRIEND, login=ADA, port=587) for sender in SENDERS),
    Case(ADA, "full@example.com", login=ADA, port=465),
    Case(GRACE, FRIEND, login=ADA, port=465),
    Case(FRIEND, ADA, port=587),
    Case(ADA, FRIEND, OFFICE, port=587),
)  # fmt: skip


def do(*words: str) -> None:
    """Run a command in this process, which is quicker than one of its own."""
    assert run(words) == 0


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with one of every kind of address."""
    with new_site() as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAILSTEAD_INSTANCE", str(made.sandbox.folder))
        do("domain", "add", "example.com", "--default-mailbox", ALAN, "--catch-all", GRACE)
        do("domain", "alias", "add", "example.net", "example.org")
        do("settings", "set", "mail_smtp.user_template", "mail_account=no")
        do("settings", "set", "mail_smtp.options", "message_size=2M")
        do("save")
        for name in ("alan", "carl", "full"):
            made.sandbox.add_user(name)
            do("account", "add", name, f"{name}@example.com")
        do("account", "suspend", CARL, "--refuse-mail")
        do("account", "quota", "full@example.com", "64K")
        do("group", "add", "staff")
        do("group", "add-member", "staff", "ada")
        do("group", "add-member", "staff", "grace")
        do("alias", "add", "info@example.org", "--account", ADA)
        do("alias", "add", "staff@example.org", "--group", "staff")
        do("alias", "add", "moved@example.org", "--external", FRIEND)
        yield made


@pytest.fixture
def ask(place: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that runs a command in this process and gives its document."""
    monkeypatch.setenv("MAILSTEAD_INSTANCE", str(place.sandbox.folder))

    def call(*words: str) -> Any:
        assert run(["--json", *words]) == 0
        return json.loads(capsys.readouterr().out)

    return call


def session(place: Site, case: Case) -> smtplib.SMTP:
    """Connect as a case says."""
    client = place.sandbox.smtp(case.port, case.client)
    client.ehlo()
    if case.port == 587:
        client.starttls(context=trust())
        client.ehlo()
    if case.login:
        client.login(case.login, PASSWORD)
    return client


def answer_of(client: smtplib.SMTP, case: Case) -> str:
    """Give the refusal of a message, or nothing."""
    client.rset()
    code, text = client.mail("" if case.sender == NOBODY else case.sender)
    if code == 250:
        code, text = client.rcpt(case.recipient)
    return "" if code == 250 else f"{code} {text.decode()}"


@attrs.define
class Sessions:
    """Open sessions by client, login and port; each is left before Postfix slows it down.

    It does so after ten errors: `smtpd_soft_error_limit` in postconf(5).
    """

    place: Site
    clients: dict[tuple[str, str, int], smtplib.SMTP] = attrs.field(factory=dict)
    errors: int = 0

    def answer(self, case: Case) -> str:
        """Give the refusal of a message, or nothing."""
        key = (case.client, case.login, case.port)
        client = self.clients.pop(key, None) or session(self.place, case)
        refusal = answer_of(client, case)
        self.errors += bool(refusal)
        self.clients[key] = client
        if self.errors == FEW:
            self.close()
        return refusal

    def close(self) -> None:
        """Leave all."""
        for client in self.clients.values():
            client.quit()
        self.clients.clear()
        self.errors = 0


def test_every_answer_is_foretold(place: Site, ask: Any) -> None:
    """Code and text, for senders, recipients, clients, logins and ports."""
    sessions = Sessions(place)
    wrong = []
    for case in CASES:
        found = ask(*case.words)
        real = sessions.answer(case)
        verdict = {"": "accepted", "4": "deferred", "5": "refused"}[real[:1]]
        if (found["reply"], found["verdict"], found["unforeseen"]) != (real, verdict, []):
            wrong.append((case, real, found["verdict"], found["reply"], found["unforeseen"]))
    sessions.close()
    assert wrong == []


def test_mail_arrives_where_it_is_foretold(place: Site, ask: Any) -> None:
    """Aliases, groups, copies, default mailboxes, people elsewhere; nobody else gets any."""
    foretold: dict[str, set[str]] = {}
    with place.sandbox.smtp() as client:
        for recipient in ARRIVING:
            subject = uuid4().hex
            found = ask("trace", FRIEND, recipient, "--client", STRANGER)
            foretold[subject] = {item["account"] or item["address"] for item in found["deliveries"]}
            client.send_message(message(FRIEND, recipient, subject), to_addrs=[recipient])

    def arrived() -> dict[str, set[str]]:
        boxes = {name: place.sandbox.subjects(name) for name in (ADA, GRACE, ALAN)}
        boxes[FRIEND] = place.outside.messages()
        boxes[ROOT] = [place.sandbox.path("/var/mail/root").read_text()]
        return {
            subject: {name for name, texts in boxes.items() if any(subject in t for t in texts)}
            for subject in foretold
        }

    def missing() -> object:
        found = arrived()
        return {name: (found[name], who) for name, who in foretold.items() if found[name] != who}

    wait_until(lambda: arrived() == foretold, state=missing)


def test_a_copy_of_what_is_sent_is_foretold(ask: Any) -> None:
    """By the catch-all's own address, with who hears of it when it bounces."""
    found = ask("trace", ALAN, FRIEND, "--auth", ALAN)
    assert {item["address"] for item in found["deliveries"]} == {FRIEND, GRACE}
    (copy,) = (step for step in found["steps"] if step["about"] == "copy")
    assert copy["says"] == f"a blind copy goes to {GRACE}; {ALAN} is told if it bounces"
    assert "sqlite/catch_all.cf" in copy["behind"]


def test_an_extension_is_foretold_to_go_along(place: Site, ask: Any) -> None:
    """Through an alias, to the address elsewhere that Postfix gives to the next server."""
    found = ask("trace", FRIEND, "moved+lists@example.org", "--client", STRANGER)
    (foretold,) = (item["address"] for item in found["deliveries"])
    subject = uuid4().hex
    with place.sandbox.smtp() as client:
        text = message(FRIEND, "moved+lists@example.org", subject)
        client.send_message(text, to_addrs=["moved+lists@example.org"])

    def arrived() -> list[str]:
        return [text for text in place.outside.messages() if subject in text]

    wait_until(lambda: arrived() != [])
    assert f"X-Rcpt-Args: <{foretold}>" in arrived()[0]


def test_a_circle_of_aliases_is_foretold_to_put_mail_off(
    place: Site, ask: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two domains that were not both ours when the aliases were made."""
    first, second = "a@first.example", "b@second.example"
    do("domain", "add", "first.example")
    do("save")
    do("alias", "add", first, "--external", second)
    do("settings", "unset", "mail_smtp.domains", "first.example")
    do("settings", "set", "mail_smtp.domains", "second.example")
    do("save")
    do("alias", "add", second, "--external", first)
    do("settings", "set", "mail_smtp.domains", "first.example")
    do("save")
    capsys.readouterr()
    found = ask("trace", FRIEND, first, "--client", STRANGER)
    with place.sandbox.smtp() as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.send_message(message(FRIEND, first), to_addrs=[first])
    real = f"{refused.value.smtp_code} {refused.value.smtp_error.decode()}"  # type: ignore[union-attr]
    assert (found["verdict"], found["reply"]) == ("deferred", real)


def test_reasons_have_a_setting_or_map_behind_them(place: Site, ask: Any) -> None:
    """And the text says the verdict in the end."""
    found = ask("trace", FRIEND, "info@example.net", "--client", STRANGER)
    by_about = {step["about"]: step for step in found["steps"]}
    assert by_about["alias"]["says"] == "info@example.net leads to ada@example.org"
    assert "sqlite/aliases.cf" in by_about["alias"]["behind"]
    assert by_about["delivery"]["behind"] == "virtual_transport"
    assert by_about["quota"]["says"].startswith("ada@example.org holds ")
    done = place.sandbox.run("trace", FRIEND, "moved@elsewhere.example")
    assert done.stdout.splitlines()[-1].startswith("refused: 554 5.7.1")


def test_size_and_login_are_foretold(place: Site, ask: Any) -> None:
    """In the words a client hears."""
    found = ask("trace", FRIEND, ADA, "--size", "3M")
    with place.sandbox.smtp() as client:
        client.ehlo()
        code, text = client.mail(FRIEND, [f"SIZE={3 << 20}"])
    assert found["reply"] == f"{code} {text.decode()}"
    with place.sandbox.smtp(465) as client, pytest.raises(smtplib.SMTPAuthenticationError) as no:
        client.login(CARL, PASSWORD)
    refused = f"{no.value.smtp_code} {no.value.smtp_error.decode()}"  # type: ignore[union-attr]
    assert ask("trace", CARL, ADA, "--auth", CARL)["reply"] == refused
    assert ask("trace", ADA, ADA, "--auth", ADA, "--port", "25")["reply"].startswith("503 ")


def test_looking_leaves_the_lookups_to_postfix(place: Site, ask: Any) -> None:
    """Root's own look would take away SQLite's log, and Postfix could not read any more."""
    log = place.sandbox.path("/var/lib/mailstead/lookup/mail.db-wal")
    ask("trace", FRIEND, ADA)
    assert log.exists()
    with session(place, Case(FRIEND, ADA)) as client:
        assert answer_of(client, Case(FRIEND, ADA)) == ""


@pytest.mark.parametrize(
    ("words", "field"),
    [(("a b", ADA), "trace.from"), ((ADA, "-x"), "trace.to"), ((ADA, "ada\n@example.org"),
     "trace.to"), ((ADA, ADA, "--client", "here"), "trace.client"),
     ((ADA, ADA, "--auth", "ada"), "trace.auth"), ((ADA, ADA, "--size", "big"), "trace.size")],
)  # fmt: skip
def test_bad_words_are_refused_by_name(
    place: Site, words: tuple[str, ...], field: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """With the field's name, before anything is asked."""
    monkeypatch.setenv("MAILSTEAD_INSTANCE", str(place.sandbox.folder))
    options, arguments = words[2:], words[:2]
    assert run(["trace", *options, "--", *arguments]) == 2
    assert field in capsys.readouterr().err
