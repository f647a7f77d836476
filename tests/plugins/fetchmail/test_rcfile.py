"""What Fetchmail is told, as the real one understands it."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import Any

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailstead.machine.values import Path
from mailstead.plugin import types
from mailstead_fetchmail.accounts import ExternalAccount
from mailstead_fetchmail.rcfile import Delivery, rcfile

ACCOUNT = ExternalAccount(
    7, "ada", 1, "ada@work", "imap.work.example", "imaps", 993,
    keep=False, fetch_read=False, verify_tls=True, changed=0.0,
)  # fmt: skip
DELIVERY = Delivery("ada@example.org", Path("/srv/box/lmtp"), Path("/srv/box/state/7"))


def understood(text: str) -> str:
    """Give Fetchmail's own dump of what it was told."""
    argv = ["setpriv", "--reuid=fetchmail", "--regid=nogroup", "--clear-groups", "--reset-env",
            "fetchmail", "-f", "-", "--configdump"]  # fmt: skip
    done = subprocess.run(
        argv, input=text, capture_output=True, text=True, check=False, errors="replace"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def options(**values: Any) -> dict[str, str]:
    """Give what Fetchmail understands of an account, by the name of the option."""
    account = attrs.evolve(ACCOUNT, **values)
    dump = understood(rcfile(account, types.Secret("secret"), DELIVERY))
    return dict(re.findall(r"""^\s*['"](\w+)['"]: ?(.*),$""", dump, re.MULTILINE))


def test_an_account_is_understood() -> None:
    """Where mail comes from and goes to; what is refused stays there, and nobody is told."""
    found = options()
    expected = {
        "pollname": '"imap.work.example"', "protocol": '"IMAP"', "service": '"993"',
        "remote": '"ada@work"', "password": '"secret"', "localnames": '["ada@example.org"]',
        "smtphunt": '["/srv/box/lmtp"]', "lmtp": "TRUE", "bouncemail": "FALSE",
        "softbounce": "TRUE", "spambounce": "FALSE", "badheader": "TRUE", "rewrite": "FALSE",
        "mimedecode": "FALSE", "keep": "FALSE", "flush": "FALSE", "mda": "None",
        "idfile": '"/srv/box/state/7.ids"', "ssl": "TRUE", "sslcertck": "TRUE",
        "poll_interval": "0",
    }  # fmt: skip
    assert expected == {name: found[name] for name in expected}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ("IMAP", "FALSE", "FALSE", "FALSE")),
        ({"fetch_read": True}, ("IMAP", "FALSE", "TRUE", "FALSE")),
        ({"keep": True}, ("IMAP", "TRUE", "FALSE", "FALSE")),
        ({"protocol": "pop3"}, ("POP3", "FALSE", "TRUE", "FALSE")),
        ({"protocol": "pop3s", "keep": True}, ("POP3", "TRUE", "FALSE", "TRUE")),
    ],
)
def test_what_is_fetched_and_what_stays(values: dict[str, Any], expected: tuple[str, ...]) -> None:
    """What is kept on a POP3 server is known by its UID, never fetched again."""
    found = options(**values)
    names = ("protocol", "keep", "fetchall", "uidl")
    assert expected == tuple(found[name].strip('"') for name in names)


@pytest.mark.parametrize(
    ("protocol", "verify_tls", "expected"),
    [
        ("imaps", True, ("TRUE", '"auto"', "TRUE")),
        ("imap", True, ("FALSE", '"auto"', "TRUE")),
        ("imaps", False, ("TRUE", "None", "FALSE")),
        ("pop3", False, ("FALSE", "None", "FALSE")),
    ],
)
def test_tls(protocol: str, verify_tls: bool, expected: tuple[str, ...]) -> None:
    """Required and verified unless it is switched off; then used where it is offered."""
    found = options(protocol=protocol, verify_tls=verify_tls)
    assert expected == tuple(found[name] for name in ("ssl", "sslproto", "sslcertck"))


def test_further_authorities_are_named() -> None:
    """By their file."""
    text = rcfile(ACCOUNT, types.Secret("x"), attrs.evolve(DELIVERY, ca="/srv/box/ca.pem"))
    assert '"sslcertfile":"/srv/box/ca.pem"' in understood(text)


@settings(max_examples=60, deadline=None)
@given(
    login=st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1),
    password=st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1),
)
@example(login='u" there with password "x" mda "id', password='"\\')
@example(login="u\\", password="' # poll x")
@example(login="ü", password="\\x41\\101\\n{{7*7}}:; \"'")
def test_no_text_becomes_a_command(login: str, password: str) -> None:
    """Every character arrives as it is, in one account of one server."""
    account = attrs.evolve(ACCOUNT, login=login)
    text = rcfile(account, types.Secret(password), DELIVERY)
    assert text.isascii()
    assert rcfile(ACCOUNT, types.Secret("x"), DELIVERY).count("\n") == text.count("\n")
    dump = understood(text)
    assert dump.count('"remote"') == dump.count('"pollname"') == 1
    assert '"mda":None' in dump
    # The dump itself writes what is not ASCII in a way of its own.
    for name, given_text in (("remote", login), ("password", password)):
        if given_text.isascii():
            (found,) = re.findall(rf'"{name}":(".*"),\n', dump)
            assert given_text == _undumped(found)


def _undumped(found: str) -> str:
    return str(ast.literal_eval(found))
