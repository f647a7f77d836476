"""Nobody may send mail through the server who is neither authenticated nor in an allowed object."""

from __future__ import annotations

import base64
import imaplib
import poplib
import shutil
import smtplib
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.system.conftest import Site
from tests.system.outside import Outside
from tests.system.raw import Raw
from tests.system.sandbox import OFFICE, PASSWORD, STRANGER, Sandbox, free_place, trust, wait_until

EXTERNAL = "stranger@elsewhere.example"
SENDERS = [
    f"<{EXTERNAL}>",
    "<>",
    "<postmaster>",
    "<postmaster@mail.example.org>",
    "<ada@example.org>",
    "<root@localhost>",
]
RECIPIENTS = [
    "<user@elsewhere.example>",
    "<user@elsewhere.example.>",
    "<user%elsewhere.example>",
    "<user%elsewhere.example@example.org>",
    "<user%elsewhere.example@mail.example.org>",
    "<user%elsewhere.example@[127.0.0.1]>",
    "<user@elsewhere.example@example.org>",
    "<user@elsewhere.example@mail.example.org>",
    "<@example.org:user@elsewhere.example>",
    "<@mail.example.org:user@elsewhere.example>",
    "<@example.org,@mail.example.org:user@elsewhere.example>",
    '<"user@elsewhere.example">',
    '<"user@elsewhere.example"@example.org>',
    '<"user@elsewhere.example"@mail.example.org>',
    '<"user%elsewhere.example"@mail.example.org>',
    "<elsewhere.example!user>",
    "<elsewhere.example!user@example.org>",
    "<elsewhere.example!user@mail.example.org>",
    "<user@[127.0.0.1]>",
    "<ada@[127.0.0.1]>",
    "<user@[192.0.2.1]>",
    "<user@[IPv6:::1]>",
    "<user@[elsewhere.example]>",
    "<ada+user=elsewhere.example@elsewhere.example>",
    "<user@example.org.elsewhere.example>",
    "<user@elsewhere.example\0@example.org>",
    "<|/bin/sh@mail.example.org>",
    "<|/bin/sh>",
    "<:include:/etc/passwd@mail.example.org>",
    "</tmp/x@mail.example.org>",
    "<root@mail.example.org>.elsewhere.example",
]
LOGIN = base64.b64encode(f"\0ada@example.org\0{PASSWORD}".encode())


def relayed(sandbox: Sandbox, sender: str, recipient: str, source: str) -> str:
    """Try to send; give the reply when it was not refused for good, or nothing."""
    with Raw.to(sandbox, 25, source) as client:
        assert client.reply()[:3] == b"220"
        client.ask(b"EHLO client.example")
        first = client.ask(f"MAIL FROM:{sender}".encode())
        second = client.ask(f"RCPT TO:{recipient}".encode())
        third = client.ask(b"DATA")
    if (first[:1] == b"5" or second[:1] == b"5") and third[:1] == b"5":
        return ""
    return f"{sender} {recipient}: {first!r} {second!r} {third!r}"


def hangs_up(client: Raw) -> bool:
    """Go on inside TLS; tell whether the server ends the connection instead."""
    try:
        client.start_tls()
    except OSError:
        return True
    return False


@pytest.fixture(scope="module")
def six() -> Iterator[Sandbox]:
    """Give a server on the IPv6 loopback address; it has an outside, or it would relay nothing."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"there is no IPv6 loopback here: {error}")
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
    folder.chmod(0o755)
    sandbox = Sandbox(folder / "i", "::1", free_place()[1])
    outside = Outside.start()
    try:
        sandbox.run("init", "--sandbox", "--address", "::1", "--port-offset",
                    str(sandbox.offset), "--soak", "0.3", "--outside", outside.route)  # fmt: skip
        sandbox.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
        sandbox.run("enable", "mail_retrieval", "--yes")
        sandbox.run("domain", "add", "example.org")
        sandbox.run("save")
        sandbox.add_user("ada")
        yield sandbox
    finally:
        if sandbox.folder.exists():
            sandbox.destroy()
        else:
            shutil.rmtree(folder)
        outside.stop()


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_a_stranger_relays_by_no_form_of_address(site: Site, recipient: str) -> None:
    """Percent and bang hacks, source routes, quotes, literals, with each kind of sender."""
    found = [relayed(site.sandbox, sender, recipient, STRANGER) for sender in SENDERS]
    assert [item for item in found if item] == []


def test_the_servers_own_address_may_not_relay(site: Site) -> None:
    """A proxy or NAT on this machine does not make strangers trusted."""
    own = site.sandbox.address
    found = [relayed(site.sandbox, SENDERS[0], item, own) for item in RECIPIENTS[:6]]
    assert [item for item in found if item] == []


def test_nobody_relays_over_ipv6(six: Sandbox) -> None:
    """The same list at ::1; mail for its own user is received there."""
    found = [relayed(six, sender, item, "::1") for sender in SENDERS for item in RECIPIENTS]
    assert [item for item in found if item] == []
    with six.smtp(source="::1") as client:
        client.sendmail(EXTERNAL, ["ada@example.org"], "Subject: by IPv6\r\n\r\nx\r\n")
    wait_until(lambda: six.subjects("ada@example.org") == ["by IPv6"])


def test_an_object_with_an_ipv6_address_relays_only_while_it_is_allowed(six: Sandbox) -> None:
    """The policy counts over IPv6 as over IPv4, and ends with the next save."""
    six.run("object", "add", "office")
    six.run("object", "add-member", "office", "::1")
    six.run("save")
    assert relayed(six, SENDERS[0], RECIPIENTS[0], "::1") == ""
    six.run("relay", "allow", "office")
    six.run("save")
    assert "354" in relayed(six, SENDERS[0], RECIPIENTS[0], "::1")
    six.run("relay", "deny", "office")
    six.run("save")
    assert relayed(six, SENDERS[0], RECIPIENTS[0], "::1") == ""


@pytest.mark.parametrize(
    "claim",
    [
        b"XCLIENT ADDR=" + OFFICE.encode(),
        b"XCLIENT ADDR=" + OFFICE.encode() + b" LOGIN=ada@example.org",
        b"XFORWARD ADDR=" + OFFICE.encode(),
        b"PROXY TCP4 " + OFFICE.encode() + b" 127.0.0.1 25000 25",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x4d\x7f\0\0\x01\x61\xa8\0\x19",
    ],
    ids=["xclient-address", "xclient-login", "xforward", "proxy-1", "proxy-2"],
)
def test_a_stranger_cannot_claim_another_address(site: Site, claim: bytes) -> None:
    """XCLIENT, XFORWARD and PROXY are refused, before and after EHLO."""
    for hello in (b"", b"EHLO client.example"):
        with Raw.to(site.sandbox, 25) as client:
            client.reply()
            if hello:
                client.ask(hello)
            assert client.ask(claim)[:1] in (b"5", b"4", b"")
    with Raw.to(site.sandbox, 25) as client:
        client.send(claim + b"\r\n")
        replies = [client.reply()]
        for command in (b"EHLO c.example", b"MAIL FROM:<a@elsewhere.example>"):
            replies.append(client.ask(command) if replies[-1] else b"")
        client.send(b"RCPT TO:<user@elsewhere.example>\r\nDATA\r\nQUIT\r\n")
        rest = [client.line() for _ in range(8)]
    assert not any(line.startswith((b"250 2.1.5", b"354")) for line in (*replies, *rest))


@pytest.mark.parametrize("port", [25, 587])
def test_smtp_takes_no_password_outside_tls(site: Site, port: int) -> None:
    """AUTH is neither offered nor taken in the clear, even a right password."""
    with Raw.to(site.sandbox, port) as client:
        client.reply()
        client.ask(b"EHLO client.example")
        assert client.ask(b"AUTH PLAIN " + LOGIN)[:1] == b"5"
        client.ask(b"MAIL FROM:<ada@example.org>")
        assert client.ask(b"RCPT TO:<user@elsewhere.example>")[:1] == b"5"


@pytest.mark.parametrize(
    ("port", "password"),
    [(587, "wrong"), (587, ""), (465, PASSWORD.upper()), (465, f"{PASSWORD} ")],
)
def test_submission_refuses_a_wrong_password(site: Site, port: int, password: str) -> None:
    """535, and no relay after it."""
    with site.sandbox.smtp(port) as client:
        if port == 587:
            client.starttls()
        client.ehlo()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ada@example.org", password)
        client.mail("ada@example.org")
        assert client.rcpt("user@elsewhere.example")[0] // 100 == 5


@pytest.mark.parametrize("port", [587, 465])
def test_submission_takes_nothing_from_who_is_not_logged_in(site: Site, port: int) -> None:
    """Neither mail to outside, nor to a local user, nor from the allowed object."""
    with site.sandbox.smtp(port, source=OFFICE) as client:
        if port == 587:
            client.starttls()
        client.ehlo()
        for recipient in ("user@elsewhere.example", "ada@example.org"):
            client.rset()
            client.mail(EXTERNAL)
            assert client.rcpt(recipient)[0] // 100 == 5


def test_imap_and_pop3_refuse_a_wrong_password(site: Site) -> None:
    """Also one that differs only in case."""
    place = site.sandbox.address
    for password in ("wrong", PASSWORD.upper()):
        imap = imaplib.IMAP4_SSL(place, site.sandbox.port(993), ssl_context=trust())
        with imap, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            imap.login("ada@example.org", password)
        with closing(poplib.POP3_SSL(place, site.sandbox.port(995), context=trust())) as pop3:
            pop3.user("ada@example.org")
            with pytest.raises(poplib.error_proto, match="Authentication failed"):
                pop3.pass_(password)


def test_imap_takes_no_password_outside_tls(site: Site) -> None:
    """LOGINDISABLED is said and meant."""
    with Raw.to(site.sandbox, 143) as client:
        assert b"LOGINDISABLED" in client.line()
        for command in (f'b LOGIN ada@example.org "{PASSWORD}"', "b AUTHENTICATE PLAIN"):
            client.send(command.encode() + b"\r\n")
            line = client.line()
            while line.startswith(b"*"):
                line = client.line()
            assert line.startswith((b"b NO", b"b BAD"))


def test_pop3_takes_no_password_outside_tls(site: Site) -> None:
    """USER, PASS and AUTH are all refused."""
    with Raw.to(site.sandbox, 110) as client:
        client.line()
        commands = (b"USER ada@example.org", b"PASS " + PASSWORD.encode(), b"AUTH PLAIN " + LOGIN)
        for command in commands:
            client.send(command + b"\r\n")
            assert client.line().startswith(b"-ERR")


@pytest.mark.parametrize("port", [25, 587])
def test_smtp_drops_what_is_pipelined_before_tls(site: Site, port: int) -> None:
    """A sender injected after STARTTLS does not exist inside TLS (CVE-2011-0411)."""
    with Raw.to(site.sandbox, port) as client:
        client.reply()
        client.ask(b"EHLO client.example")
        client.send(
            b"STARTTLS\r\nEHLO injected.example\r\nMAIL FROM:<injected@elsewhere.example>\r\n"
        )
        said = client.line()
        if not said.startswith(b"220"):
            assert said[:1] in (b"5", b"4", b"")
            return
        assert client.pending == b""
        client.start_tls()
        assert client.ask(b"RCPT TO:<ada@example.org>")[:3] in (b"503", b"530")
        assert client.ask(b"EHLO client.example")[:3] == b"250"
        assert client.ask(b"RCPT TO:<ada@example.org>")[:3] in (b"503", b"530")


def test_imap_drops_what_is_pipelined_before_tls(site: Site) -> None:
    """The injected command gets no answer inside TLS."""
    with Raw.to(site.sandbox, 143) as client:
        client.line()
        client.send(b"a STARTTLS\r\ninjected NOOP\r\n")
        assert client.line().startswith(b"a OK")
        assert client.pending == b""
        if not hangs_up(client):
            client.send(b"c NOOP\r\n")
            assert client.line().startswith(b"c ")


def test_pop3_drops_what_is_pipelined_before_tls(site: Site) -> None:
    """The injected command gets no answer inside TLS."""
    with Raw.to(site.sandbox, 110) as client:
        client.line()
        client.send(b"STLS\r\nCAPA\r\n")
        assert client.line().startswith(b"+OK")
        assert client.pending == b""
        if not hangs_up(client):
            client.send(b"NOSUCH\r\n")
            assert client.line().startswith(b"-ERR")


def test_tls_older_than_1_2_is_not_spoken(site: Site) -> None:
    """RFC 8996, on every port with implicit TLS."""
    import ssl

    for port in (465, 993, 995):
        context = trust()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        place = (site.sandbox.address, site.sandbox.port(port))
        with socket.create_connection(place, timeout=20) as link, pytest.raises(OSError):  # noqa: PT011
            context.wrap_socket(link)


def test_nobody_can_ask_which_addresses_exist(site: Site) -> None:
    """VRFY and EXPN tell nothing, of a user or of nobody."""
    with Raw.to(site.sandbox, 25) as client:
        client.reply()
        client.ask(b"EHLO client.example")
        for command in (b"VRFY", b"EXPN"):
            answers = {client.ask(command + b" " + who)[:3] for who in (b"ada@example.org", b"no")}
            assert answers <= {b"500", b"502", b"252"}
            assert len(answers) == 1


def test_mail_needs_a_greeting_first(site: Site) -> None:
    """503 without HELO or EHLO."""
    with Raw.to(site.sandbox, 25) as client:
        client.reply()
        assert client.ask(b"MAIL FROM:<a@elsewhere.example>")[:3] == b"503"


def test_an_overlong_command_is_refused_and_the_server_lives(site: Site) -> None:
    """A hundred thousand letters in an address, a greeting and an IMAP command."""
    long = b"a" * 100_000
    with Raw.to(site.sandbox, 25) as client:
        client.reply()
        client.ask(b"EHLO " + long)
        client.ask(b"MAIL FROM:<a@elsewhere.example>")
        assert client.ask(b"RCPT TO:<ada@example.org>")[:1] in (b"5", b"4", b"")
    for command in (b"RCPT TO:<" + long + b"@example.org>", b"NOSUCH " + long):
        with Raw.to(site.sandbox, 25) as client:
            client.reply()
            client.ask(b"EHLO client.example")
            client.ask(b"MAIL FROM:<a@elsewhere.example>")
            assert client.ask(command)[:1] in (b"5", b"4", b"")
    with Raw.to(site.sandbox, 143) as client:
        client.line()
        client.send(b"a NOSUCH " + long + b"\r\n")
        assert b"OK" not in client.line()[:6]
    site.sandbox.subjects("ada@example.org")


def test_an_overlong_line_in_a_message_arrives_whole(site: Site) -> None:
    """Longer than any buffer; nothing of it becomes a command."""
    text = "x" * 200_000
    with site.sandbox.smtp() as client:
        client.sendmail(EXTERNAL, ["grace@example.org"], f"Subject: long line\r\n\r\n{text}\r\n")
    wait_until(lambda: "long line" in site.sandbox.subjects("grace@example.org"))
    with site.sandbox.imap("grace@example.org") as client:
        client.select("INBOX", readonly=True)
        _, found = client.search(None, "SUBJECT", '"long line"')
        _, parts = client.fetch(found[0].split()[-1].decode(), "(BODY.PEEK[TEXT])")
    assert isinstance(parts[0], tuple)
    assert parts[0][1].replace(b"\r\n", b"").replace(b" ", b"") == text.encode()
