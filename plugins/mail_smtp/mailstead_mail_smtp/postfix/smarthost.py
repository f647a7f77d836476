"""The server that all mail for others goes through: `relayhost`, SASL_README, TLS_README."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from mailstead.plugin import Context, Problem
from mailstead_mail_smtp.hookspecs import Parameter
from mailstead_mail_smtp.postfix.sockets import is_own_socket
from mailstead_mail_smtp.settings import Smarthost

PASSWORDS = "/etc/postfix/sasl_passwd"
SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt"
IMPLICIT_PORT = 465
RELAY_PORT = 25
VERIFIED = ("required", "implicit")
FORM = "mail_smtp.smarthost"


@attrs.frozen
class Place:
    """Where the smarthost is. ``name`` is without brackets; ``is_exact`` asks for no MX."""

    name: str
    port: int
    is_exact: bool

    @property
    def nexthop(self) -> str:
        """Give it as transport(5) has it."""
        return f"[{self.name}]:{self.port}" if self.is_exact else f"{self.name}:{self.port}"


def place_of(smarthost: Smarthost) -> Place | None:
    """Give where the smarthost is, with the port that goes without saying."""
    if not smarthost.host:
        return None
    host, colon, port = smarthost.host.rpartition(":")
    if not colon or port.endswith("]") or not port.isdigit():
        host, port = smarthost.host, ""
    standard = IMPLICIT_PORT if smarthost.tls == "implicit" else RELAY_PORT
    return Place(host.strip("[]"), int(port or standard), host.startswith("["))


def smarthost_parameters(context: Context) -> Iterator[Parameter]:
    """Give the parameters of smtp(8) for it; none when there is no smarthost."""
    smarthost = context.settings.form(Smarthost)
    place = place_of(smarthost)
    if place is None:
        yield Parameter("smtp_tls_security_level", "may")
        return
    yield Parameter("relayhost", place.nexthop)
    yield from _tls(smarthost)
    if smarthost.user:
        yield from _authentication(context, smarthost)


def password_line(context: Context) -> Mapping[str, str]:
    """Give what the template of `PASSWORDS` sees."""
    smarthost = context.settings.form(Smarthost)
    place = place_of(smarthost)
    password = smarthost.password.reveal() if smarthost.password else ""
    return {"nexthop": place.nexthop if place else "", "login": f"{smarthost.user}:{password}"}


def password_template(context: Context) -> str | None:
    """Give the template of `PASSWORDS`; there is no such file without a login."""
    smarthost = context.settings.form(Smarthost)
    return "sasl_passwd.j2" if smarthost.host and smarthost.user else None


def problems(context: Context) -> Iterator[Problem]:
    """Give problems that the fields do not show one by one."""
    smarthost = context.settings.form(Smarthost)
    for missing, there in (("password", smarthost.user), ("user", smarthost.password)):
        if there and not getattr(smarthost, missing):
            problem = "user and password belong together"
            yield Problem(f"{FORM}.{missing}", problem, "set both, or neither")
    if smarthost.user and not smarthost.host:
        yield Problem(f"{FORM}.host", "a login without a smarthost", "set it, or unset the user")
    place = place_of(smarthost)
    if place is not None and is_own_socket(context, place.name.lower(), place.port):
        problem = f"{smarthost.host} is this server itself, so mail would go round in a circle"
        yield Problem(f"{FORM}.host", problem, "give the server of your provider, or unset it")
    yield from _login_problems(smarthost)
    if smarthost.ca and any(char in smarthost.ca for char in " ,$<{}\"'"):
        problem = f"{smarthost.ca} holds a character that Postfix would not take in a path"
        yield Problem(f"{FORM}.ca", problem, "rename the file or a folder")


def _login_problems(smarthost: Smarthost) -> Iterator[Problem]:
    """Give problems with what stands in one line: a key, blanks, user, a colon, password."""
    user = smarthost.user or ""
    password = smarthost.password.reveal() if smarthost.password else ""
    if ":" in user or user != user.strip():
        problem = "a colon, or a blank at an end, cannot be told from what follows in the map"
        yield Problem(f"{FORM}.user", problem, "ask the provider for another name")
    if password != password.rstrip() or not password.isprintable():
        problem = "Postfix would not read the blank at its end, or a control character in it"
        yield Problem(f"{FORM}.password", problem, "choose a password without them")
    if user and smarthost.tls == "none" and not smarthost.clear_password:
        problem = "the password would cross the network in the clear"
        hint = "set tls to required or implicit; clear_password=yes lets it happen"
        yield Problem(f"{FORM}.tls", problem, hint)


def _tls(smarthost: Smarthost) -> Iterator[Parameter]:
    if smarthost.tls in VERIFIED:
        yield Parameter("smtp_tls_security_level", "secure", "no TLS, or no trust: no mail")
        # Not by "hostname": an MX record that is forged would name who may read the mail.
        yield Parameter("smtp_tls_secure_cert_match", "nexthop")
        yield Parameter("smtp_tls_CAfile", smarthost.ca or SYSTEM_CAS)
        for name in ("smtp_tls_protocols", "smtp_tls_mandatory_protocols"):
            yield Parameter(name, ">=TLSv1.2")
    else:
        yield Parameter("smtp_tls_security_level", "none" if smarthost.tls == "none" else "may")
    if smarthost.tls == "implicit":
        yield Parameter("smtp_tls_wrappermode", "yes")


def _authentication(context: Context, smarthost: Smarthost) -> Iterator[Parameter]:
    yield Parameter("smtp_sasl_auth_enable", "yes")
    yield Parameter("smtp_sasl_password_maps", f"texthash:{context.path(PASSWORDS)}")
    if smarthost.clear_password:
        comment = "the password may cross without TLS: clear_password"
        yield Parameter("smtp_sasl_security_options", "noanonymous", comment)
    else:
        hidden = "noanonymous, noplaintext"
        yield Parameter("smtp_sasl_security_options", hidden, "no password before TLS")
    yield Parameter("smtp_sasl_tls_security_options", "noanonymous")
