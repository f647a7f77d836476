"""What an admin can set about mail transport."""

from __future__ import annotations

from typing import Annotated, Literal

from mailstead.plugin import field, form, table, types
from mailstead_mail_smtp.addresses.rules import check_alias, check_domain, domain_of

# An address here or elsewhere: were a domain of ours to go, its mail would be sent to strangers.
Address = Annotated[
    types.MailAddress,
    types.Mentions(("mail_smtp.domains", "mail_smtp.domain_aliases"), domain_of),
]


@table(title="Mail domains", key=("name",), check=check_domain)
class Domains:
    """A domain this server receives mail for; effective after saving."""

    name: types.DomainName = field(help="the part of an address after the @")
    catch_all: Address | None = field(
        default=None, help="gets a blind copy of all mail to and from the domain and its aliases"
    )
    default_mailbox: Address | None = field(
        default=None, help="account that gets mail for unknown recipients; unset: it is refused"
    )
    comment: types.Text = field(default="", help="for people")


@table(title="Aliases of domains", name="domain_aliases", key=("name",), check=check_alias)
class DomainAliases:
    """Another name of a domain: each address in one is also an address in the other."""

    name: types.DomainName = field(help="the other name")
    domain: Annotated[str, types.reference("mail_smtp.domains")] = field(help="the domain")


@table(title="Relay policy", name="relay", key=("object",))
class RelayPolicy:
    """A network object whose members may send mail anywhere without a password."""

    object: Annotated[str, types.reference("network.objects")] = field(help="the object")
    allow: bool = field(default=True, help="false keeps the row but denies the object")
    open_relay: bool = field(
        default=False, help="yes, anyone in an object this wide may send mail in our name"
    )


@form(title="Mail options")
class Options:
    """Names and limits of the mail server."""

    mailname: types.DomainName | None = field(
        default=None, help="domain of mail that local programs send; unset: the full host name"
    )
    postmaster: Address | None = field(
        default=None, help="gets mail for postmaster and abuse; unset: root of this machine"
    )
    message_size: types.Size | None = field(
        default=None, help="largest message accepted, as it crosses the wire; unset: no limit"
    )


@form(title="Authentication")
class Authentication:
    """What programs that send mail must do on the submission ports."""

    require_tls: bool = field(
        default=True, help="no mail before TLS on submission; a password never crosses before it"
    )
    require_authentication: bool = field(
        default=True, help="false: submission also takes what port 25 takes without a password"
    )


@form(title="Smarthost")
class Smarthost:
    """The server that all mail for others goes through."""

    host: types.HostPort | None = field(
        default=None, help="host or host:port; [host] is used as it is, without looking up MX"
    )
    user: types.Text | None = field(default=None, help="name to log in with; unset: no login")
    password: types.Secret | None = field(default=None, help="its password")
    ca: types.FilePath | None = field(
        default=None, help="PEM file of who may sign its certificate; unset: those of Debian"
    )
    clear_password: bool = field(
        default=False, help="the password may cross without TLS, for all to read"
    )
    tls: Literal["none", "opportunistic", "required", "implicit"] = field(
        default="opportunistic",
        help="required: STARTTLS with a verified certificate; implicit: verified TLS from the "
        "first byte, port 465; the certificate must have the name given as host",
    )


@form(title="Mail filter")
class Filter:
    """What all mail passes through between its reception and its delivery."""

    use: types.Name = field(
        default="none", help="none, custom, or the name of a filter that a module registers"
    )
    address: types.IPAddress = field(default="127.0.0.1", help="where the custom filter is")
    port: types.Port = field(default=10024, help="port the custom filter receives on, by SMTP")
    return_port: types.Port = field(
        default=10025, help="port on which Postfix takes mail back, from the filter only"
    )


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


SECTIONS = (
    Domains, DomainAliases, RelayPolicy, Options, Authentication, Smarthost, Filter, Tls,
    UserTemplate,
)  # fmt: skip
