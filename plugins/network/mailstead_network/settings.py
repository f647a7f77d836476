"""What an admin can set about the network."""

from __future__ import annotations

from typing import Annotated

from mailstead.plugin import field, form, table, types
from mailstead_network.members import refuse_overlap


@form(title="Host")
class Host:
    """Name and domain of this machine, as other mail servers see it."""

    hostname: types.HostName | None = field(
        default=None, help="short name; unset: the machine's own host name"
    )
    domain: types.DomainName | None = field(
        default=None, help="domain the short name is in; unset: the machine's own"
    )


@table(title="Objects", key=("name",))
class Objects:
    """A named group of addresses."""

    name: types.Name = field(help="name other modules refer to")
    comment: types.Text = field(default="", help="for people")


@table(title="Members of objects", key=("object", "name"), check=refuse_overlap)
class Members:
    """One address, network or range in an object."""

    object: Annotated[str, types.reference("network.objects")] = field(help="the object")
    name: types.Name = field(help="name of this member in the object")
    address: types.MemberAddress = field(help="address, network or range, IPv4 or IPv6")


@table(title="Addresses of services", key=("service",))
class ServiceAddresses:
    """The addresses a service listens on; a service without a row listens on all."""

    service: types.Name = field(help="name of the service, such as smtp or imaps")
    addresses: tuple[types.IPAddress, ...] = field(min_items=1, help="IPv4 or IPv6 addresses")
