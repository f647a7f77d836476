"""All mail for others goes through a smarthost: another real server, asked as it demands."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import attrs
import pytest

from tests.system.conftest import Site, new_site
from tests.system.sandbox import OFFICE, Sandbox, message, wait_until
from tests.system.watch import digests, refusal_of

ADA, FRIEND = "ada@example.org", "friend@elsewhere.example"
GRACE, COPIED = "grace@example.org", "x@copied.example"
USER = "relay@provider.example"
SECRET = "p:a ss\"w'ö$rd#"


@attrs.frozen
class Pair:
    """Ours, and the provider with the outside behind it."""

    ours: Sandbox
    provider: Site
    ca: Path

    def route(self, port: int) -> str:
        """Give the provider's port as a smarthost."""
        return f"[{self.provider.sandbox.address}]:{self.provider.sandbox.port(port)}"

    def set(self, **values: str) -> None:
        """Set the smarthost and save."""
        words = [f"{name}={value}" for name, value in values.items()]
        self.ours.run("settings", "unset", "mail_smtp.smarthost")
        self.ours.run("settings", "set", "mail_smtp.smarthost", *words)
        self.ours.run("save")

    def send(self) -> str:
        """Send from a client of ours to the world."""
        subject = uuid4().hex
        with self.ours.smtp(source=OFFICE) as client:
            client.send_message(message(ADA, FRIEND, subject))
        return subject

    def arrived(self, subject: str) -> bool:
        """Tell whether a message got through the provider."""
        return any(subject in text for text in self.provider.outside.messages())

    def reason(self, subject: str) -> str:
        """Wait for a message to be put off; gives why."""
        log = self.ours.path("/var/log/mail.log")

        def lines() -> list[str]:
            return [it for it in log.read_text().splitlines() if "status=deferred" in it]

        before = len(lines())
        wait_until(lambda: len(lines()) > before or bool(before), 30)
        assert not self.arrived(subject)
        return lines()[-1]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Make both."""
    folder = tmp_path_factory.mktemp("tls")
    with new_site() as provider:
        certificate = make_certificate(folder, provider.sandbox.address)
        run = provider.sandbox.run
        run("domain", "add", "provider.example")
        run("settings", "set", "mail_smtp.tls", f"certificate={certificate}",
            f"key={folder / 'key.pem'}")  # fmt: skip
        run("save")
        run("settings", "set", "mail_smtp.user_template", "default_domain=provider.example")
        run("save")
        provider.sandbox.add_user("relay", SECRET)
        with new_site() as ours:
            ours.sandbox.run("domain", "add", "copied.example", "--catch-all", GRACE)
            ours.sandbox.run("save")
            ours.sandbox.run("alias", "add", "x@example.org", "--account", ADA)
            ours.sandbox.run("alias", "add", COPIED, "--account", ADA)
            yield Pair(ours.sandbox, provider, certificate)


def make_certificate(folder: Path, address: str) -> Path:
    """Make a certificate for an address, as name and as number."""
    names = f"subjectAltName=DNS:{address},IP:{address}"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", f"/CN={address}", "-addext", names,
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]  # fmt: skip
    subprocess.run(argv, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.mark.parametrize(("port", "tls"), [(587, "required"), (465, "implicit")])
def test_mail_goes_by_verified_tls_and_login(pair: Pair, port: int, tls: str) -> None:
    """The provider relays for nobody else; the password is one of the awkward kind."""
    login = {"user": USER, "password": SECRET, "ca": str(pair.ca)}
    pair.set(host=pair.route(port), tls=tls, **login)
    # The provider takes our users' addresses only from their owner; an alias would not do.
    steps = pair.ours.json("smarthost", "test")
    assert [step["done"] for step in steps] == [True] * len(steps)
    assert any("log in" in step["step"] for step in steps)
    assert SECRET not in str(steps)
    subject = uuid4().hex
    with pair.ours.smtp(source=OFFICE) as client:
        client.send_message(message(USER, FRIEND, subject))
        client.send_message(message(FRIEND, COPIED, f"copy {subject}"))
    wait_until(lambda: pair.arrived(subject))
    wait_until(lambda: f"copy {subject}" in pair.ours.subjects(GRACE))  # within this server
    path = pair.ours.path("/etc/postfix/sasl_passwd")
    assert (path.stat().st_mode & 0o777, path.stat().st_uid) == (0o600, 0)


def test_a_certificate_that_is_not_trusted_keeps_the_mail_here(pair: Pair) -> None:
    """It waits; the test says why."""
    pair.set(host=pair.route(587), tls="required", user=USER, password=SECRET)
    done = pair.ours.run("smarthost", "test", status=1)
    assert "not trusted" in done.stdout
    subject = pair.send()
    assert "certificate" in pair.reason(subject).lower()


def test_a_wrong_password_is_told_in_the_servers_words(pair: Pair) -> None:
    """535; it is not shown."""
    wrong = "wrong horse"
    pair.set(host=pair.route(587), tls="required", user=USER, password=wrong, ca=str(pair.ca))
    done = pair.ours.run("smarthost", "test", status=1)
    assert "535" in done.stdout
    assert wrong not in done.stdout + done.stderr


@pytest.mark.parametrize("address", ["bad", "a b@x.example", "a@x.example,b@x.example", "<a@x.y>"])
def test_a_message_is_tried_with_an_address_only(pair: Pair, address: str) -> None:
    """Nobody is connected to before."""
    pair.set(host=pair.route(25))
    told = pair.ours.run("smarthost", "test", "--to", address, status=2)
    assert told.stdout == ""
    assert "smarthost.to" in told.stderr


def test_a_server_that_is_not_there_is_told(pair: Pair) -> None:
    """Connection refused."""
    pair.set(host=f"[{pair.provider.sandbox.address}]:9")
    assert "refused" in pair.ours.run("smarthost", "test", status=1).stdout


def test_without_login_the_outside_is_reached_as_it_is(pair: Pair) -> None:
    """Opportunistic TLS or none; the smarthost takes the place of the sandbox's outside."""
    outside = pair.provider.outside.route
    for tls in ("none", "opportunistic"):
        pair.set(host=outside, tls=tls)
        wait_until(partial(pair.arrived, pair.send()))
    pair.ours.run("settings", "unset", "mail_smtp.smarthost")
    pair.ours.run("save")


REFUSED = [
    (("host=[h]:25\nvictim.example relay:[evil]:25",), "mail_smtp.smarthost.host"),
    (("host=h:25 -o smtpd_x=y",), "mail_smtp.smarthost.host"),
    (("host=h:99999",), "mail_smtp.smarthost.host"),
    (("host=h:-1",), "mail_smtp.smarthost.host"),
    (("host=${x}",), "mail_smtp.smarthost.host"),
    (("host=h.example", "user=u"), "mail_smtp.smarthost.password"),
    (("host=h.example", "password=p"), "mail_smtp.smarthost.user"),
    (("user=u", "password=p"), "mail_smtp.smarthost.host"),
    (("host=h.example", "user=a:b", "password=p", "tls=required"), "mail_smtp.smarthost.user"),
    (("host=h.example", "user=u", "password=p ", "tls=required"), "mail_smtp.smarthost.password"),
    (("host=h.example", "user=u", "password=p\nx", "tls=required"), "mail_smtp.smarthost.password"),
    (("host=h.example", "user=u", "password=p", "tls=none"), "mail_smtp.smarthost.tls"),
    (("host=h.example", "tls=perhaps"), "mail_smtp.smarthost.tls"),
    (("host=h.example", "tls=required", "ca=/etc/a,b"), "mail_smtp.smarthost.ca"),
]


@pytest.mark.parametrize(("words", "field"), REFUSED)
def test_what_cannot_be_a_smarthost_is_named(
    pair: Pair, words: tuple[str, ...], field: str
) -> None:
    """At once or by the plan; nothing is saved."""
    before = digests(pair.ours)
    assert field in refusal_of(pair.ours, "settings", "set", "mail_smtp.smarthost", *words)
    assert digests(pair.ours) == before


def test_ours_cannot_be_its_own_smarthost(pair: Pair) -> None:
    """All mail for others would come back to where it started."""
    host = f"host=[{pair.ours.address}]:{pair.ours.port(25)}"
    told = refusal_of(pair.ours, "settings", "set", "mail_smtp.smarthost", host)
    assert "mail_smtp.smarthost.host" in told
    assert "this server itself" in told
