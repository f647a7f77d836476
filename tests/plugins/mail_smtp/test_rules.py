"""What a draft must obey, and what a change of main.cf asks of Postfix."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mailstead.context import Context
from mailstead.instance import Instance
from mailstead.machine.values import Path as SystemPath
from mailstead.module import Problem
from mailstead_mail_smtp import module, tls
from mailstead_mail_smtp.postfix.daemon import restart_reason
from tests.plugins.contexts import SYSTEM, bench
from tests.plugins.mail_smtp.postfix.test_rendering import relay_for

MAIN_CF = "/etc/postfix/main.cf"
ANYONE = [
    ("0.0.0.0/0",), ("::/0",), ("0.0.0.0/1", "128.0.0.0/1"), ("2000::/3",),
    ("1.0.0.0-200.0.0.0",),
]  # fmt: skip


def problems(context: Context) -> list[Problem]:
    """Give the module's problems."""
    assert module.validate is not None
    return list(module.validate(context))


@pytest.mark.parametrize("members", ANYONE)
def test_an_object_that_is_anyone_may_not_relay(tmp_path: Path, members: tuple[str, ...]) -> None:
    """Also in pieces."""
    with bench(tmp_path) as made:
        relay_for(made, *members)
        assert [item.where for item in problems(made.context())] == [
            "mail_smtp.relay[office].object"
        ]


def test_an_office_may_relay(tmp_path: Path) -> None:
    """10.0.0.0/8 is the widest."""
    with bench(tmp_path) as made:
        relay_for(made, "10.0.0.0/8", "2001:db8::/32")
        assert problems(made.context()) == []


def test_a_domain_may_not_be_the_server_itself(tmp_path: Path) -> None:
    """It would be in mydestination and virtual_mailbox_domains."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="mail.example.net")
        assert [item.where for item in problems(made.context(SYSTEM))] == [
            "mail_smtp.domains[mail.example.net].name"
        ]


@pytest.mark.parametrize(
    ("postmaster", "is_circle"),
    [("abuse@mail.example.net", True), ("postmaster+x@mail.example.net", True),
     ("hostmaster@local.example", True), ("root@mail.example.net", False),
     ("abuse@example.org", False)],
)  # fmt: skip
def test_the_postmaster_is_nobody_whose_mail_the_postmaster_gets(
    tmp_path: Path, postmaster: str, is_circle: bool
) -> None:
    """Names of the machine itself that are aliases of it; in a domain, the lookup ends it."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.org")
        made.set("mail_smtp.options", postmaster=postmaster, mailname="local.example")
        found = [item.where for item in problems(made.context(SYSTEM))]
    assert found == ["mail_smtp.options.postmaster"] * is_circle


def test_certificate_and_key_come_together(tmp_path: Path) -> None:
    """And hold no character that Postfix splits at."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.tls", certificate="/etc/ssl/mail cert.pem")
        found = [item.where for item in problems(made.context())]
    assert found == ["mail_smtp.tls.key", "mail_smtp.tls.certificate"]


def test_a_prefix_that_is_too_long_or_odd(tmp_path: Path) -> None:
    """Sockets and configuration lines could not hold it."""
    with bench(tmp_path) as made:
        for prefix in ("/srv/" + "x" * 70, "/srv/a b", "/srv/a$b"):
            instance = Instance(prefix=SystemPath(prefix), kind="sandbox")
            assert [item.where for item in problems(made.context(instance))] == ["instance"]


def test_the_made_certificate_matches_its_key_and_names_the_server(tmp_path: Path) -> None:
    """As openssl reads it; the check an admin's files would get passes too."""
    with bench(tmp_path) as made:
        pem = tmp_path / "mail.pem"
        pem.write_bytes(tls.make(made.context()))
        made.set("mail_smtp.tls", certificate=str(pem), key=str(pem))
        (check,) = tls.checks(made.context())
        assert tls.chain_files(made.context()) == str(pem)
    assert pem.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert subprocess.run(check.argv, check=False, capture_output=True).returncode == 0
    words = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(pem)]
    shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert "DNS:mail.sandbox.test" in shown


def test_only_few_parameters_need_a_restart() -> None:
    """A reload is enough for the rest, ports included."""
    old, new = b"inet_protocols = all\nbiff = no\n", b"inet_protocols = ipv4\nbiff = no\n"
    assert restart_reason({MAIN_CF: (old, new)}) == "inet_protocols changed"
    assert restart_reason({MAIN_CF: (old, old.replace(b"no", b"yes"))}) == ""
    assert restart_reason({"/etc/postfix/master.cf": (b"a", b"b")}) == ""
    assert restart_reason({MAIN_CF: (None, new)}) == ""
