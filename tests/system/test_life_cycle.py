"""Modules and daemons from day to day: on, off, killed, reloaded, restored, with mail flowing."""

from __future__ import annotations

import os
import poplib
import signal
import smtplib
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from tests.system.conftest import Site
from tests.system.sandbox import PASSWORD, Sandbox, message, processes_below, trust, wait_until
from tests.system.watch import digests, pids, reloads, times

FRIEND = "friend@elsewhere.example"
RETRIEVAL = {"pop3": 110, "imap": 143, "pop3s": 995, "imaps": 993}


def send(sandbox: Sandbox, recipient: str, subject: str) -> None:
    """Send a message from outside; raises when the server refuses it."""
    with sandbox.smtp() as client:
        client.send_message(message(FRIEND, recipient, subject))


def answer_to(sandbox: Sandbox, recipient: str) -> int:
    """Give the reply code to a recipient, without sending."""
    with sandbox.smtp() as client:
        client.ehlo()
        client.mail(FRIEND)
        return client.rcpt(recipient)[0]


def on_disk(sandbox: Sandbox, subject: str) -> list[Path]:
    """Give the Maildir files with this subject."""
    files = sandbox.path("/var/vmail").glob("*/*/Maildir/[nc][eu][wr]/*")
    return [path for path in files if f"Subject: {subject}\n" in path.read_text()]


def logs_in(sandbox: Sandbox, login: str, password: str = PASSWORD) -> bool:
    """Tell whether SMTP and IMAP take this password; both must say the same."""
    with sandbox.smtp(465) as client:
        try:
            client.login(login, password)
            by_smtp = True
        except smtplib.SMTPAuthenticationError:
            by_smtp = False
    pop3 = poplib.POP3_SSL(sandbox.address, sandbox.port(995), context=trust(), timeout=20)
    try:
        pop3.user(login)
        pop3.pass_(password)
        by_pop3 = True
    except poplib.error_proto:
        by_pop3 = False
    finally:
        pop3.close()
    assert by_smtp == by_pop3
    return by_smtp


def open_ports(sandbox: Sandbox) -> set[str]:
    """Give the retrieval services whose ports answer."""
    return {name for name, port in RETRIEVAL.items() if sandbox.is_open(port)}


def test_mail_is_received_with_and_without_retrieval_in_the_same_maildir(sandbox: Sandbox) -> None:
    """Postfix delivers alone, then by LMTP when Dovecot comes, then alone again."""
    sandbox.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
    sandbox.run("enable", "mail_smtp", "--yes")
    sandbox.run("domain", "add", "example.org")
    sandbox.run("save")
    sandbox.add_user("ada")
    assert not any(sandbox.is_open(port) for port in (587, 465, *RETRIEVAL.values()))
    with sandbox.smtp() as client:
        client.starttls()
        client.ehlo()
        assert not client.has_extn("auth")
    send(sandbox, "ada@example.org", "alone")
    wait_until(lambda: len(on_disk(sandbox, "alone")) == 1)
    folder = on_disk(sandbox, "alone")[0].parents[1]

    sandbox.run("enable", "mail_retrieval", "--yes")
    sandbox.run("save")
    assert sandbox.subjects("ada@example.org") == ["alone"]
    send(sandbox, "ada@example.org", "by LMTP")
    wait_until(lambda: sandbox.subjects("ada@example.org") == ["alone", "by LMTP"])
    assert on_disk(sandbox, "by LMTP")[0].parents[1] == folder
    assert "dovecot-lmtp" in sandbox.path("/var/log/mail.log").read_text()

    sandbox.run("disable", "mail_retrieval", "--yes")
    sandbox.run("save")
    assert not any(sandbox.is_open(port) for port in (587, 465, *RETRIEVAL.values()))
    send(sandbox, "ada@example.org", "alone again")
    wait_until(lambda: len(on_disk(sandbox, "alone again")) == 1)
    assert on_disk(sandbox, "alone again")[0].parents[1] == folder

    sandbox.run("enable", "mail_retrieval", "--yes")
    sandbox.run("save")
    found = sandbox.subjects("ada@example.org")
    assert sorted(found) == ["alone", "alone again", "by LMTP"]


@pytest.mark.parametrize("names", ["imap", "pop3 pop3s", "pop3 imap imaps"])
def test_a_service_that_is_switched_off_has_its_port_closed(site: Site, names: str) -> None:
    """Exactly these ports close at Save, and open again when they are switched on."""
    sandbox, off = site.sandbox, set(names.split())
    assert open_ports(sandbox) == set(RETRIEVAL)
    try:
        words = [f"{name}={'no' if name in off else 'yes'}" for name in RETRIEVAL]
        sandbox.run("settings", "set", "mail_retrieval.services", *words)
        assert open_ports(sandbox) == set(RETRIEVAL)
        sandbox.run("save")
        assert open_ports(sandbox) == set(RETRIEVAL) - off
    finally:
        sandbox.run("settings", "unset", "mail_retrieval.services")
        sandbox.run("save")
    assert open_ports(sandbox) == set(RETRIEVAL)


def test_stop_start_and_restart_do_what_they_say(site: Site) -> None:
    """Of one module and of all; a stopped daemon makes status end with 3."""
    sandbox = site.sandbox
    before = pids(sandbox)
    assert set(before) == {"postfix", "dovecot"}
    try:
        sandbox.run("stop", "mail_retrieval", "--yes")
        assert pids(sandbox, status=3) == {"postfix": before["postfix"]}
        assert not sandbox.is_open(993)
        sandbox.run("start", "mail_retrieval")
        assert pids(sandbox)["postfix"] == before["postfix"]
        sandbox.run("restart")
        after = pids(sandbox)
        assert set(after.values()) & set(before.values()) == set()
        sandbox.run("stop", "--yes")
        assert pids(sandbox, status=3) == {}
        assert not any(sandbox.is_open(port) for port in (25, 587, 465, *RETRIEVAL.values()))
    finally:
        sandbox.run("start")
    assert set(pids(sandbox)) == {"postfix", "dovecot"}


@pytest.mark.parametrize(
    ("daemon", "module"), [("postfix", "mail_smtp"), ("dovecot", "mail_retrieval")]
)
def test_a_killed_daemon_is_seen_and_restart_repairs_it(
    site: Site, daemon: str, module: str
) -> None:
    """SIGKILL leaves a stale pid file and orphans; they hinder nothing."""
    sandbox = site.sandbox
    killed = pids(sandbox)[daemon]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{killed}").exists())
    try:
        assert daemon not in pids(sandbox, status=3)
    finally:
        sandbox.run("restart", module)
    assert pids(sandbox)[daemon] != killed
    send(sandbox, "grace@example.org", f"after {daemon} was killed")
    wait_until(lambda: f"after {daemon} was killed" in sandbox.subjects("grace@example.org"))


def test_a_save_without_changes_touches_nothing(site: Site) -> None:
    """No file, no process, no line in a log."""
    sandbox = site.sandbox
    before = times(sandbox), pids(sandbox), reloads(sandbox)
    assert sandbox.json("save")["outcome"] == "nothing to do"
    assert (times(sandbox), pids(sandbox), reloads(sandbox)) == before


def test_a_new_domain_receives_at_once_what_was_refused_before(site: Site) -> None:
    """The same address; no file is written, no daemon starts anew."""
    sandbox = site.sandbox
    before = times(sandbox), pids(sandbox)
    sandbox.run("domain", "add", "new.example")
    try:
        assert answer_to(sandbox, "dora@new.example") == 554
        assert sandbox.json("save")["outcome"] == "committed"
        sandbox.add_user("dora")
        sandbox.run("account", "add", "dora", "dora@new.example")
        assert answer_to(sandbox, "dora@new.example") == 250
        send(sandbox, "dora@new.example", "to a new domain")
        wait_until(lambda: sandbox.subjects("dora@new.example") == ["to a new domain"])
        assert (times(sandbox), pids(sandbox)) == before
        told = reloads(sandbox)
    finally:
        sandbox.run("domain", "remove", "new.example", "--force", "--yes")
        sandbox.run("save")
        sandbox.run("user", "delete", "dora", "--yes")
    assert answer_to(sandbox, "dora@new.example") == 550  # remembered; 554 of a new process
    assert answer_to(sandbox, "anybody@new.example") == 554
    assert (times(sandbox), pids(sandbox), reloads(sandbox)) == (*before, told)


def test_disabling_with_restore_puts_back_what_stood_there_before(sandbox: Sandbox) -> None:
    """Bytes, mode and owner of the foreign files; files of ours are gone; nothing runs."""
    folder = sandbox.path("/etc/postfix")
    folder.mkdir(parents=True)
    foreign = {"main.cf": (b"# by hand\xff\r\n", 0o640), "master.cf": (b"", 0o600)}
    for name, (content, mode) in foreign.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)
        os.chown(folder / name, 8, 12)
    untouched = folder / "dynamicmaps.cf.mine"
    untouched.write_text("mine\n")
    before = {path: digest for path, digest in digests(sandbox).items() if "/etc/postfix" in path}

    sandbox.run("enable", "mail_smtp", "--yes")
    sandbox.run("save")
    assert sandbox.is_open(25)
    assert (folder / "main.cf").read_bytes() != foreign["main.cf"][0]
    sandbox.run("disable", "mail_smtp", "--restore", "--yes")
    sandbox.run("save")
    after = {path: digest for path, digest in digests(sandbox).items() if "/etc/postfix" in path}
    assert after == before
    assert not sandbox.is_open(25)
    assert processes_below(sandbox.folder) == []


def test_a_user_made_again_does_not_see_the_mail_of_the_one_before(site: Site) -> None:
    """The same name, the same address, another mailbox."""
    sandbox = site.sandbox
    sandbox.add_user("eve")
    try:
        send(sandbox, "eve@example.org", "for the first eve")
        wait_until(lambda: sandbox.subjects("eve@example.org") == ["for the first eve"])
        sandbox.run("user", "delete", "eve", "--yes")
        assert answer_to(sandbox, "eve@example.org") == 550
        sandbox.add_user("eve", "another long password")
        assert not logs_in(sandbox, "eve@example.org")
        with sandbox.imap("eve@example.org", "another long password") as client:
            assert client.select("INBOX")[1] == [b"0"]
    finally:
        sandbox.run("user", "delete", "eve", "--yes")


def test_a_disabled_user_cannot_log_in_but_still_receives(site: Site) -> None:
    """At once, and back at once."""
    sandbox = site.sandbox
    sandbox.add_user("mona")
    try:
        assert logs_in(sandbox, "mona@example.org")
        sandbox.run("user", "change", "mona", "--disabled")
        assert not logs_in(sandbox, "mona@example.org")
        send(sandbox, "mona@example.org", "while disabled")
        wait_until(lambda: len(on_disk(sandbox, "while disabled")) == 1)
        sandbox.run("user", "change", "mona", "--enabled")
        assert sandbox.subjects("mona@example.org") == ["while disabled"]
    finally:
        sandbox.run("user", "delete", "mona", "--yes")


@pytest.mark.parametrize("password", ["ä€%\"'\\ {}$1 long", " leading and trailing ", "x" * 128])
def test_a_new_password_counts_at_once_everywhere(site: Site, password: str) -> None:
    """Whatever letters it holds; the old one is refused from then on."""
    sandbox = site.sandbox
    sandbox.add_user("nora")
    try:
        assert accepts_plain(sandbox, "nora@example.org", PASSWORD)
        sandbox.run("user", "password", "nora", "--password-stdin", typed=f"{password}\n")
        assert not accepts_plain(sandbox, "nora@example.org", PASSWORD)
        assert accepts_plain(sandbox, "nora@example.org", password)
        client = poplib.POP3_SSL(sandbox.address, sandbox.port(995), context=trust(), timeout=20)
        client.encoding = "UTF-8"
        with closing(client):
            client.user("nora@example.org")
            assert client.pass_(password).startswith(b"+OK")
    finally:
        sandbox.run("user", "delete", "nora", "--yes")


def accepts_plain(sandbox: Sandbox, login: str, password: str) -> bool:
    """Log in by AUTH PLAIN with a password in UTF-8, which smtplib cannot send."""
    import base64

    word = base64.b64encode(f"\0{login}\0{password}".encode()).decode()
    with sandbox.smtp(465) as client:
        client.ehlo()
        return client.docmd("AUTH PLAIN", word)[0] == 235


def test_mail_waits_in_the_queue_while_dovecot_is_stopped(site: Site) -> None:
    """Accepted, kept, delivered once after the start."""
    sandbox = site.sandbox
    config = str(sandbox.path("/etc/postfix"))

    def queue() -> str:
        words = ["/usr/sbin/postqueue", "-c", config, "-p"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    sandbox.run("stop", "mail_retrieval", "--yes")
    try:
        send(sandbox, "ada@example.org", "queued meanwhile")
        wait_until(lambda: "dovecot-lmtp" in queue())
    finally:
        sandbox.run("start", "mail_retrieval")
    subprocess.run(["/usr/sbin/postqueue", "-c", config, "-f"], check=True)
    wait_until(lambda: "queued meanwhile" in sandbox.subjects("ada@example.org"))
    wait_until(lambda: "ada@example.org" not in queue())
    assert sandbox.subjects("ada@example.org").count("queued meanwhile") == 1


@attrs.frozen
class Certificates:
    """Files made by openssl(1) in a sandbox."""

    folder: Path

    def make(self, name: str, *words: str) -> None:
        """Make NAME.key and NAME.pem."""
        argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "30",
                "-subj", f"/CN={name}.example", *(words or ("-nodes",)),
                "-keyout", f"{name}.key", "-out", f"{name}.pem"]  # fmt: skip
        subprocess.run(argv, cwd=self.folder, check=True, capture_output=True)

    def der(self, name: str) -> bytes:
        """Give the certificate as a peer sees it."""
        return ssl.PEM_cert_to_DER_cert((self.folder / f"{name}.pem").read_text())

    def use(self, sandbox: Sandbox, certificate: str, key: str) -> None:
        """Set them in the draft."""
        words = (f"certificate={self.folder}/{certificate}", f"key={self.folder}/{key}")
        sandbox.run("settings", "set", "mail_smtp.tls", *words)


@pytest.fixture
def certificates(site: Site) -> Iterator[Certificates]:
    """Give a folder with a certificate of the admin's own; afterwards the made one is back."""
    folder = site.sandbox.path("/own-tls")
    folder.mkdir(mode=0o700)
    made = Certificates(folder)
    made.make("own")
    try:
        yield made
    finally:
        site.sandbox.run("settings", "unset", "mail_smtp.tls")
        site.sandbox.run("save")
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def presented(sandbox: Sandbox, port: int) -> bytes:
    """Give the certificate a port with TLS presents."""
    if port in (25, 587):
        with sandbox.smtp(port) as client:
            client.starttls(context=trust())
            assert isinstance(client.sock, ssl.SSLSocket)
            return client.sock.getpeercert(binary_form=True) or b""
    place = (sandbox.address, sandbox.port(port))
    with socket.create_connection(place, timeout=20) as link, trust().wrap_socket(link) as inner:
        return inner.getpeercert(binary_form=True) or b""


def test_the_admins_own_certificate_is_presented(site: Site, certificates: Certificates) -> None:
    """By STARTTLS and inside TLS, by Postfix and by Dovecot; and a later one after it."""
    sandbox = site.sandbox
    made = presented(sandbox, 25)
    certificates.use(sandbox, "own.pem", "own.key")
    sandbox.run("save")
    for port in (25, 587, 465, 993, 995):
        assert presented(sandbox, port) == certificates.der("own")
    sandbox.run("settings", "unset", "mail_smtp.tls")
    sandbox.run("save")
    assert {presented(sandbox, port) for port in (25, 993)} == {made}


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("own.pem", "other.key", "No cert"),
        ("missing.pem", "own.key", "No such file"),
        ("own.pem", "missing.key", "No such file"),
        ("own.pem", "locked.key", "Could not"),
        ("own.key", "own.key", "Could not"),
        ("own.pem", "own.pem", "Could not"),
        ("junk.pem", "junk.pem", "Could not"),
        ("own.pem", "", "belong together"),
    ],
)
def test_an_unusable_certificate_is_refused_in_the_plan(
    site: Site, certificates: Certificates, certificate: str, key: str, words: str
) -> None:
    """In openssl's words; the daemons keep the one they have."""
    sandbox = site.sandbox
    certificates.make("other")
    certificates.make("locked", "-passout", "pass:secret")
    (certificates.folder / "junk.pem").write_bytes(b"\0junk\n" * 1000)
    before = digests(sandbox), pids(sandbox), presented(sandbox, 25)
    if key:
        certificates.use(sandbox, certificate, key)
    else:
        place = f"certificate={certificates.folder}/{certificate}"
        sandbox.run("settings", "set", "mail_smtp.tls", place)
    for command in ("plan", "save"):
        done = sandbox.run(command, status=2)
        assert words in done.stderr
    assert (digests(sandbox), pids(sandbox), presented(sandbox, 25)) == before


def test_a_sandbox_without_an_outside_takes_no_mail_for_others(sandbox: Sandbox) -> None:
    """Refused with the reason, as foretold; what an alias sends there comes back with it."""
    sandbox.furnish()
    sandbox.run("alias", "add", "out@example.org", "--external", FRIEND)
    ada = "ada@example.org"
    with sandbox.smtp(465) as client:
        client.login(ada, PASSWORD)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.send_message(message(ada, FRIEND, "far"))
        client.send_message(message(ada, "out@example.org", "by an alias"))
    ((code, words),) = refused.value.recipients.values()
    found = sandbox.json("trace", ada, FRIEND, "--auth", ada)
    assert found["reply"] == f"{code} {words.decode()}"
    assert "this sandbox has no outside" in found["reply"]
    bounce = "Undelivered Mail Returned to Sender"
    wait_until(lambda: sandbox.subjects(ada) == [bounce])
    assert "this sandbox has no outside" in on_disk(sandbox, bounce)[0].read_text()
    assert sandbox.json("queue", "list") == []
