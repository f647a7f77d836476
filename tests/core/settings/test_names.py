"""Domain names, host names and mail addresses under attack."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailstead.settings.names import Domain, Mailbox, host

ATTACKS = (
    "", ".", "..", "com", "good.com\nevil", "good.com\n", "good.com\r", "good.com x", " good.com",
    "good.com;evil", "../evil", "./t.com", "foo/bar", "/etc/passwd", "test..com", "a.com\0.b",
    "a.com.", ".a.com", "-a.com", "a-.com", "a_b.com", "a.123", "a.0x7f", f"{'a' * 64}.com",
    ".".join(["a" * 49] * 5) + ".toolong", "xn--.com", "xn--a.com", "xn--zzzzzzzz.com",
    "a.com\u2028",
    "a\u3002\u3002com", "\u2603\ufe0f .com", "a.com\ud800", "*.a.com", "[1.2.3.4]", "1.2.3.4",
    "\uff0e\uff0e/etc.com", "good.com\uff1bevil", "a@b.com", "a.com:25", "$(id).com", "`id`.com",
)  # fmt: skip
MAIL_ATTACKS = (
    "", "@", "a@", "@b.de", "a@b@c.de", '"a b"@c.de', "-x@c.de", "a@b.c,", "a b@c.de", "a@b",
    ".a@c.de", "a.@c.de", "a..b@c.de", "a@c.de\n", "a\n@c.de", "<a@c.de>", "a@c.de>", "a,b@c.de",
    "a:b@c.de", "a;b@c.de", "a\\b@c.de", "a(b)@c.de", "o'x@c.de", "a`id`@c.de", "\u00e4@c.de",
    f"{'a' * 65}@c.de", "a@[1.2.3.4]", "a@c.de\0", "../x@c.de", "a\u212a@c.de",
    f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}",
)  # fmt: skip


@pytest.mark.parametrize("raw", [*ATTACKS, None, 1, b"a.de", ["a.de"]])
def test_a_domain_name_outside_its_grammar_is_refused(raw: object) -> None:
    """No attack passes, and the message is one line."""
    with pytest.raises(ValueError, match="is not a domain name") as caught:
        Domain().parse(raw)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("raw", MAIL_ATTACKS)
def test_a_mail_address_outside_its_grammar_is_refused(raw: str) -> None:
    """No attack passes, and the message is one line."""
    with pytest.raises(ValueError, match="is not a") as caught:
        Mailbox().parse(raw)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Example.ORG", "example.org"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.Example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("r3---sn.example.com", "r3---sn.example.com"),
        ("1.2.example", "1.2.example"),
        (f"{'a' * 63}.de", f"{'a' * 63}.de"),
    ],
)
def test_twins_of_a_domain_name_are_one(raw: str, expected: str) -> None:
    """Case and internationalised spelling do not make another domain."""
    assert expected == Domain().parse(raw)


def test_a_domain_name_may_have_253_characters() -> None:
    """254 are refused."""
    longest = ".".join(["a" * 61] * 3 + ["b" * 63, "ccc"])
    assert 253 == len(longest)
    assert longest == Domain().parse(longest)
    with pytest.raises(ValueError, match="longer than 253"):
        Domain().parse(longest + "c")


def test_a_host_name_may_be_one_label() -> None:
    """The rest of the grammar stays."""
    assert "localhost" == host().parse("LOCALHOST")
    for raw in ("", "1", "127.0.0.1", "a_b", "a/b", "-v"):
        with pytest.raises(ValueError, match="is not a host name"):
            host().parse(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Ann@Example.org", "ann@example.org"),
        ("a.b+c=d@x.de", "a.b+c=d@x.de"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_twins_of_a_mail_address_are_one(raw: str, expected: str) -> None:
    """The canonical form is lower-case on both sides."""
    assert expected == Mailbox().parse(raw)


def test_a_message_is_short_however_long_the_value() -> None:
    """A megabyte is not echoed."""
    with pytest.raises(ValueError, match="longer than") as caught:
        Domain().parse("a" * 1_000_000)
    assert len(str(caught.value)) < 200


NAMES = st.text(st.sampled_from("abzA019.-_@ \n\r\0/;,'\"üßÜ\u3002\u200d\uff21\u0130"), max_size=30)


@given(NAMES | st.text(max_size=30))
@example("a\u00adb.de")
@example("\u0130.de")
def test_what_a_domain_name_gives_is_safe_and_canonical(raw: str) -> None:
    """Whatever is accepted is plain letters, and accepted again as itself."""
    value = _accepted(Domain(), raw)
    if value is not None:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", value)
        assert ".." not in value
        assert value == Domain().parse(Domain().dump(value))


@given(NAMES | st.emails() | st.text(max_size=30))
def test_what_a_mail_address_gives_is_safe_and_canonical(raw: str) -> None:
    """Whatever is accepted has one @, no space, quote or control, and is a fixed point."""
    value = _accepted(Mailbox(), raw)
    if value is not None:
        assert not re.search(r"[\s\"'`\\,;:<>()\[\]\x00-\x20\x7f-\U0010ffff]", value)
        assert value.count("@") == 1
        assert value[0] not in "-."
        assert value == Mailbox().parse(Mailbox().dump(value))


def _accepted(grammar: Any, raw: str) -> str | None:
    try:
        return str(grammar.parse(raw))
    except ValueError as error:
        assert str(error).isprintable()
        return None
