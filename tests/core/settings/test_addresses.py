"""Addresses, networks, ranges, ports."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.settings.addresses import Address, Cidr, HostAndPort, Member, address_span


@pytest.mark.parametrize(
    ("grammar", "raw", "expected"),
    [
        (Address(), "192.0.2.1", "192.0.2.1"),
        (Address(), "2001:DB8:0::1", "2001:db8::1"),
        (Cidr(), "192.0.2.0/24", "192.0.2.0/24"),
        (Cidr(), "192.0.2.1", "192.0.2.1/32"),
        (Cidr(), "2001:db8::1", "2001:db8::1/128"),
        (Cidr(), "0.0.0.0/0", "0.0.0.0/0"),
        (Member(), "192.0.2.1/32", "192.0.2.1"),
        (Member(), "192.0.2.0/24", "192.0.2.0/24"),
        (Member(), "192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9"),
        (Member(), "192.0.2.1-192.0.2.1", "192.0.2.1"),
        (Member(), "2001:DB8::1-2001:db8::0F", "2001:db8::1-2001:db8::f"),
        (HostAndPort(), "Mail.Example", "mail.example"),
        (HostAndPort(), "mail.example:25", "mail.example:25"),
        (HostAndPort(), "[mail.example]:0025", "[mail.example]:25"),
        (HostAndPort(), "[2001:DB8::1]:24", "[2001:db8::1]:24"),
        (HostAndPort(), "[2001:db8::1]", "[2001:db8::1]"),
        (HostAndPort(), "127.0.0.1:10025", "127.0.0.1:10025"),
        (HostAndPort(), "[127.0.0.1]", "[127.0.0.1]"),
    ],
)
def test_an_address_has_one_canonical_text(grammar: Any, raw: str, expected: str) -> None:
    """The text is that of `ipaddress`, and is a fixed point."""
    assert expected == grammar.parse(raw)
    assert expected == grammar.parse(expected)


@pytest.mark.parametrize("grammar", [Address(), Cidr(), Member()])
@pytest.mark.parametrize(
    "raw",
    [
        "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "fe80::1%eth0", "::1%",
        "::ffff:1.2.3.4", "\u0660.1.2.3", "1.2.3.256", "a", "-", "/", "1.2.3.4/", "/24", None, 7,
        "1.2.3.4-", "-1.2.3.4", "1.2.3.4/24/24", "1.2.3.4/33", "1.2.3.4/-1",
        "1.2.3.0/255.255.255.0",
        "1.2.3.9-1.2.3.1", "1.2.3.4-::1", "1.2.3.4-5", "10.0.0.0/8-11.0.0.0/8",
        "::ffff:1.2.3.0/120",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(grammar: Any, raw: object) -> None:
    """No attack passes any of the grammars."""
    with pytest.raises(ValueError, match=r"is not an? ") as caught:
        grammar.parse(raw)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("grammar", [Cidr(), Member()])
def test_host_bits_are_refused_and_the_network_is_named(grammar: Any) -> None:
    """The message tells what was probably meant."""
    with pytest.raises(ValueError, match=r"is 192\.0\.2\.0/24$"):
        grammar.parse("192.0.2.7/24")


@pytest.mark.parametrize(
    "raw",
    [
        "", ":25", "a:", "a:0", "a:65536", "a:-1", "a:25:26", "::1", "::1:25", "[::1", "::1]", "[]",
        "[a]b", "[[a]]", "a b", "a\n", "a:2\n", "[::1]:", "[::ffff:1.2.3.4]:25", "1.2.3", "-a:25",
        "a/b:25", "a:٢٥",
    ],
)  # fmt: skip
def test_what_is_no_host_and_port_is_refused(raw: str) -> None:
    """An IPv6 address without brackets is refused too, since its port cannot be told."""
    with pytest.raises(ValueError, match="is not a "):
        HostAndPort().parse(raw)


@given(st.ip_addresses(), st.ip_addresses())
def test_a_span_is_what_a_range_covers(one: Any, other: Any) -> None:
    """First and last come back as numbers."""
    if one.version != other.version or any(getattr(ip, "ipv4_mapped", None) for ip in (one, other)):
        return
    first, last = sorted((one, other))
    assert (one.version, int(first), int(last)) == address_span(f"{first}-{last}")


@given(st.ip_addresses(), st.integers(0, 32))
def test_a_span_is_what_a_network_covers(address: Any, length: int) -> None:
    """First and last of a network come back as numbers."""
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    expected = (network.version, int(network[0]), int(network[-1]))
    assert expected == address_span(str(network))
