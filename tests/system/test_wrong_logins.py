"""Who guesses passwords gets none, and does not lock the user out."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from tests.system.conftest import Site
from tests.system.sandbox import PASSWORD, Sandbox, trust, wait_until

GUESSER = "127.0.0.99"
ADA = "ada@example.org"
AT_ONCE, EACH = 40, 70
Attempt = Callable[[Sandbox, str], bool]


def by_smtp(sandbox: Sandbox, password: str) -> bool:
    """Tell whether SMTP took it."""
    with sandbox.smtp(465, source=GUESSER) as client:
        return _took(lambda: client.login(ADA, password))


def by_imap(sandbox: Sandbox, password: str) -> bool:
    """Tell whether IMAP took it."""
    with imaplib.IMAP4_SSL(sandbox.address, sandbox.port(993), ssl_context=trust()) as client:
        return _took(lambda: client.login(ADA, password))


def by_pop3(sandbox: Sandbox, password: str) -> bool:
    """Tell whether POP3 took it."""
    place = (sandbox.address, sandbox.port(995))
    with closing(poplib.POP3_SSL(*place, context=trust(), timeout=60)) as client:
        client.user(ADA)
        return _took(lambda: client.pass_(password))


PROTOCOLS = (by_smtp, by_imap, by_pop3)


def _took(log_in: Callable[[], object]) -> bool:
    try:
        log_in()
    except (smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto, OSError):
        return False
    return True


def _guess(protocol: Attempt, sandbox: Sandbox, password: str) -> bool:
    try:
        return protocol(sandbox, password)
    except (OSError, smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto):
        return False  # not even connected


def test_hundreds_of_wrong_logins_lock_nobody_out(site: Site) -> None:
    """None is taken; meanwhile and afterwards the user logs in, by all three protocols."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [
            pool.submit(_guess, protocol, site.sandbox, f"{PASSWORD}{number}")
            for number in range(EACH)
            for protocol in PROTOCOLS
        ]
        wait_until(lambda: sum(item.done() for item in running) > AT_ONCE, 60)
        assert _gets_in(site.sandbox)
        assert not all(item.done() for item in running), "the user came too late to prove it"
        assert not any(item.result() for item in running)
    assert _gets_in(site.sandbox)


def test_the_guessers_address_is_let_in_with_the_right_password(site: Site) -> None:
    """A colleague behind the same NAT still reads mail."""
    for number in range(4):
        assert not by_imap(site.sandbox, f"wrong{number}")
    assert by_imap(site.sandbox, PASSWORD)
    assert by_pop3(site.sandbox, PASSWORD)


def _gets_in(sandbox: Sandbox) -> bool:
    return sandbox.taken_logins(ADA) == ["smtp", "imap", "pop3"]
