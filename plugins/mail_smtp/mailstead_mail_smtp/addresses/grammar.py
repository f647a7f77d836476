"""How addresses of this server, and targets elsewhere, are written.

Narrower than RFC 5321. Ours become names of folders, and "+" begins an address extension; a
target must mean an address to every server it may cross, never a program, a file or a route.
"""

from __future__ import annotations

import re

from mailstead.plugin import InvalidValue, types
from mailstead_mail_smtp.addresses.lookups import COPIES

LOCAL_PART = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9_-])?")
TARGET = re.compile(r"[a-z0-9_][a-z0-9._+=#~-]*")
SMALLEST_MAILBOX = 64 << 10  # bytes: RFC 5321 section 4.5.3.1.7 wants any message of 64K taken
MAIL_ADDRESS = types.field_type_of(types.MailAddress)
OURS = "accepted: letters a-z, digits, dots, dashes and underscores, then @ and a domain"
THEIRS = "accepted: an address such as ann@example.org, without quotes and without | / ! % :"


def split_address(address: str, where: str = "account.address") -> tuple[str, str]:
    """Give local part and domain in canonical form. Raises InvalidValue."""
    local, domain = _parse(address, where, OURS)
    if not LOCAL_PART.fullmatch(local):
        raise InvalidValue(f"{local!r} cannot be the name of a mailbox", where=where, hint=OURS)
    return local, domain


def parse_target(address: str, where: str) -> tuple[str, str]:
    """Give local part and domain of an address elsewhere. Raises InvalidValue."""
    local, domain = _parse(address, where, THEIRS)
    if not TARGET.fullmatch(local):
        problem = f"{local!r} is more than the name of a mailbox to some server"
        raise InvalidValue(problem, where=where, hint=THEIRS)
    if f".{domain}".endswith(f".{COPIES}"):
        problem = f"{domain} is how copies for catch-alls are addressed within this server"
        raise InvalidValue(problem, where=where, hint="give the address that the mail shall reach")
    return local, domain


def _parse(address: str, where: str, hint: str) -> tuple[str, str]:
    try:
        local, domain = MAIL_ADDRESS.parse(address).split("@")
    except ValueError as error:
        raise InvalidValue(str(error), where=where, hint=hint) from None
    return local, domain
