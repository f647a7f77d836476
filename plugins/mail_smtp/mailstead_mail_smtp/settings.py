"""What an admin can set about mail transport."""

from __future__ import annotations

from typing import Annotated

from mailstead.plugin import field, form, table, types


@table(title="Mail domains", key=("name",))
class Domains:
    """A domain this server receives mail for; effective after saving."""

    name: types.DomainName = field(help="the part of an address after the @")
    comment: types.Text = field(default="", help="for people")


@table(title="Relay policy", name="relay", key=("object",))
class RelayPolicy:
    """A network object whose members may send mail anywhere without a password."""

    object: Annotated[str, types.reference("network.objects")] = field(help="the object")
    allow: bool = field(default=True, help="false keeps the row but denies the object")


@form(title="TLS certificate")
class Tls:
    """Certificate and key files; with neither, a self-signed certificate is used."""

    certificate: types.FilePath | None = field(
        default=None, help="PEM file: the certificate, then the intermediate ones"
    )
    key: types.FilePath | None = field(default=None, help="PEM file: the key, without passphrase")


@form(title="Mail accounts of new users", name="user_template")
class UserTemplate:
    """What a new user gets."""

    mail_account: bool = field(default=True, help="whether a new user gets a mail account")
    default_domain: Annotated[str, types.reference("mail_smtp.domains")] | None = field(
        default=None, help="its domain; unset: the only domain there is"
    )
