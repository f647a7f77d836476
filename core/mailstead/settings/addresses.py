"""Addresses of the network: hosts, networks, ranges, ports. Canonical text is `ipaddress`'s."""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import attrs

from mailstead.settings.grammar import integer_of, line_of, refusal
from mailstead.settings.names import host

LONGEST = 96
LONGEST_HOST_PORT = 270
PREFIX_LENGTH = re.compile(r"[0-9]{1,3}")
HOST_PORT = re.compile(r"(\[[^\[\]]+\]|[^\[\]:]+)(?::([0-9]{1,5}))?")
PORT = (1, 65535)


@attrs.frozen
class Address:
    """An IPv4 or IPv6 address."""

    name: str = "IP address"
    accepts: str = "an IP address such as 192.0.2.1 or 2001:db8::1"
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read an address."""
        return str(_address(line_of(raw, self.name, maximum=LONGEST), self.name))

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class Cidr:
    """A network; a lone address is a network of one."""

    name: str = "network"
    accepts: str = "a network such as 192.0.2.0/24 or 2001:db8::/32"
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read a network."""
        return str(_network(line_of(raw, self.name, maximum=LONGEST), self.name))

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class Member:
    """An address, a network or a range; what covers one address is written as that address."""

    name: str = "address, network or range"
    accepts: str = "an address, a network such as 192.0.2.0/24, or 192.0.2.1-192.0.2.9"
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read a member."""
        text = line_of(raw, self.name, maximum=LONGEST)
        if "-" in text:
            return self._range(text)
        if "/" in text:
            network = _network(text, self.name)
            return str(network[0] if network.num_addresses == 1 else network)
        return str(_address(text, self.name))

    def _range(self, text: str) -> str:
        first, last = (_address(part, self.name) for part in text.split("-", 1))
        if first.version != last.version:
            raise refusal(text, self.name, "it mixes IPv4 and IPv6")
        if int(first) > int(last):
            raise refusal(text, self.name, f"{last} comes before {first}")
        return str(first) if first == last else f"{first}-{last}"

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


@attrs.frozen
class HostAndPort:
    """``host``, ``host:port``, ``[host]:port`` or ``[v6]:port``; brackets are kept.

    To Postfix brackets mean "ask for no MX record", so both spellings stay apart: transport(5).
    """

    name: str = "host and port"
    accepts: str = "a host with or without a port: host, host:25, [host]:25 or [2001:db8::1]:25"
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read a host and port."""
        text = line_of(raw, self.name, maximum=LONGEST_HOST_PORT)
        found = HOST_PORT.fullmatch(text)
        if found is None:
            raise refusal(raw, self.name, f"expected {self.accepts}")
        place = self._host(found[1])
        if found[2] is None:
            return place
        try:
            return f"{place}:{integer_of(found[2], 'port', minimum=PORT[0], maximum=PORT[1])}"
        except ValueError as error:
            raise refusal(raw, self.name, f"its port {error}") from None

    def _host(self, text: str) -> str:
        bare = text.strip("[]")
        if ":" in bare or _is_dotted(bare):
            name = str(_address(bare, self.name))
        else:
            name = host().parse(bare)
        return f"[{name}]" if text.startswith("[") else name

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


def address_span(text: str) -> tuple[int, int, int]:
    """Give IP version, first and last address, as numbers, of a `Member`'s text."""
    canonical = Member().parse(text)
    if "/" in canonical:
        network = ipaddress.ip_network(canonical)
        return network.version, int(network[0]), int(network[-1])
    first, _, last = canonical.partition("-")
    low, high = ipaddress.ip_address(first), ipaddress.ip_address(last or first)
    return low.version, int(low), int(high)


def _is_dotted(text: str) -> bool:
    return re.fullmatch(r"[0-9.]+", text) is not None


def _address(text: str, name: str) -> IPv4Address | IPv6Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise refusal(text, name) from None
    if isinstance(address, IPv6Address):
        _refuse_disguises(address, text, name)
    return address


def _refuse_disguises(address: IPv6Address, text: str, name: str) -> None:
    if address.scope_id is not None:
        raise refusal(text, name, "it names an interface")
    if address.ipv4_mapped is not None:
        raise refusal(text, name, f"write the IPv4 address itself, {address.ipv4_mapped}")


def _network(text: str, name: str) -> IPv4Network | IPv6Network:
    base, slash, length = text.partition("/")
    address = _address(base, name)
    if slash and not PREFIX_LENGTH.fullmatch(length):
        raise refusal(text, name)
    try:
        network = ipaddress.ip_network(f"{address}/{length or address.max_prefixlen}", strict=False)
    except ValueError:
        raise refusal(text, name) from None
    if network.network_address != address:
        raise refusal(text, name, f"the network that holds this address is {network}")
    return network
