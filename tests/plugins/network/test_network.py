"""Names, addresses and objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.errors import InvalidValue, PlanError
from mailstead_network import module
from mailstead_network.addresses import has_ipv6, listen_addresses, probe_address
from mailstead_network.names import fqdn
from mailstead_network.objects import object_networks
from tests.plugins.contexts import SYSTEM, Bench, bench

PAIRS = [
    ("192.0.2.0/24", "192.0.2.9"),
    ("192.0.2.1-192.0.2.9", "192.0.2.9-192.0.2.20"),
    ("2001:db8::/32", "2001:db8:1::1"),
]


def with_members(made: Bench, *addresses: str) -> None:
    """Make the object office with members."""
    made.add("network.objects", name="office")
    for number, address in enumerate(addresses):
        made.add("network.members", object="office", name=f"m{number}", address=address)


@pytest.mark.parametrize("pair", PAIRS)
def test_overlapping_members_are_refused_naming_the_other(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    """Over IPv4 and IPv6, networks and ranges."""
    with bench(tmp_path, ["network"]) as made, pytest.raises(InvalidValue, match="member m0"):
        with_members(made, *pair)


def test_members_in_postfix_form(tmp_path: Path) -> None:
    """A range becomes networks; IPv6 stands in brackets."""
    with bench(tmp_path, ["network"]) as made:
        with_members(made, "192.0.2.1-192.0.2.3", "198.51.100.0/24", "2001:db8::/32", "::1")
        found = object_networks(made.context(), "office")
    assert found == (
        "192.0.2.1", "192.0.2.2/31", "198.51.100.0/24", "[2001:db8::]/32", "[::1]/128"
    )  # fmt: skip


def test_full_name_from_settings_system_or_sandbox(tmp_path: Path) -> None:
    """Settings first; a sandbox always has one."""
    with bench(tmp_path, ["network"]) as made:
        assert fqdn(made.context(hostname="vm")) == "mail.sandbox.test"
        assert fqdn(made.context(SYSTEM)) == "mail.example.net"
        made.set("network.host", domain="example.org")
        assert fqdn(made.context(SYSTEM, hostname="vm")) == "vm.example.org"
        made.set("network.host", hostname="post")
        assert fqdn(made.context()) == "post.example.org"


def test_no_full_name_is_a_problem(tmp_path: Path) -> None:
    """And rendering refuses as well."""
    with bench(tmp_path, ["network"]) as made:
        context = made.context(SYSTEM, hostname="vm")
        assert module.validate is not None
        (problem,) = module.validate(context)
        assert problem.where == "network.host.domain"
        with pytest.raises(PlanError, match="has no domain"):
            fqdn(context)


def test_listen_addresses(tmp_path: Path) -> None:
    """The setting, else the instance's, else all."""
    with bench(tmp_path, ["network"]) as made:
        assert listen_addresses(made.context(), "smtp") == ("127.7.8.9",)
        assert listen_addresses(made.context(SYSTEM), "smtp") == ()
        assert probe_address(made.context(SYSTEM), "smtp") == "127.0.0.1"
        made.add("network.service_addresses", service="smtp", addresses=["192.0.2.2"])
        assert listen_addresses(made.context(), "smtp") == ("192.0.2.2",)
        assert has_ipv6(made.context())
        assert not has_ipv6(made.context(interfaces={}))
