"""The restrictions of smtpd(8) that Mailstead's configuration uses: postconf(5).

What a restriction would say is worked out for one message. One that is not in the table here,
such as an admin's own or one that asks the network, is never guessed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

import attrs

from mailstead_mail_smtp.trace.addresses import (
    TABLES,
    Class,
    class_of,
    find_address,
    is_rewritten,
    is_unlisted,
)
from mailstead_mail_smtp.trace.answers import NEXT, Outcome, permit, reject, unknown
from mailstead_mail_smtp.trace.delivery import route
from mailstead_mail_smtp.trace.live import Live, LookupFailed

DSN_TEXT = re.compile(r"(?:([245]\.[0-9]+\.[0-9]+) +)?(.*)")
ROUTING = "@%!"
REPLY = re.compile(r"([45][0-9]{2})(?: +([45]\.[0-9]+\.[0-9]+))?(?: +(.*))?")


@attrs.frozen
class Asked:
    """What restrictions look at: a message for one recipient.

    ``sender`` is empty for a notification; ``login`` where the client is not logged in.
    ``foretell`` asks other modules about a restriction that is not in the table here.
    """

    live: Live
    client: str
    login: str
    sender: str
    recipient: str
    foretell: Callable[[str], Outcome]


Restriction = Callable[[Asked], Outcome]


def in_mynetworks(asked: Asked) -> bool | None:
    """Tell whether the client is in `mynetworks`; the first pattern that fits decides.

    ``None`` where an exception, a file or a map comes before: these are not looked at.
    """
    address = ipaddress.ip_address(asked.client)
    for word in asked.live.words("mynetworks"):
        try:
            network = ipaddress.ip_network(word.replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            return None
        if address.version == network.version and address in network:
            return True
    return False


def is_ours(kind: Class) -> bool:
    """Tell whether this server is responsible for a class of addresses."""
    return kind != "elsewhere"


def _permit_mynetworks(asked: Asked) -> Outcome:
    found = in_mynetworks(asked)
    if found is None:
        return unknown("whether mynetworks has the client", "mynetworks")
    return permit(f"{asked.client} may relay", "mynetworks") if found else NEXT


def _permit_sasl_authenticated(asked: Asked) -> Outcome:
    return permit(f"logged in as {asked.login}") if asked.login else NEXT


def _reject_unauth_destination(asked: Asked) -> Outcome:
    if is_ours(class_of(asked.live, asked.recipient)) and not _is_routed(asked):
        return NEXT
    code = asked.live.value("relay_domains_reject_code") or asked.live.value(
        "access_map_reject_code"
    )
    return reject(
        f"{code} 5.7.1 <{asked.recipient}>: Relay access denied",
        f"{asked.client} may not send through this server to a domain that is not its own",
        "mynetworks",
    )


def _is_routed(asked: Asked) -> bool:
    """Tell whether the sender wrote a way to another server: `allow_untrusted_routing`."""
    user = asked.recipient.rpartition("@")[0]
    return not asked.live.is_on("allow_untrusted_routing") and any(char in user for char in ROUTING)


def _reject(asked: Asked) -> Outcome:
    code = asked.live.value("reject_code")
    reply = f"{code} 5.7.1 <{asked.recipient}>: Recipient address rejected: Access denied"
    return reject(reply, "nobody else may send here")


def _owners(asked: Asked) -> tuple[str, ...] | None:
    kind = class_of(asked.live, asked.sender)
    found = find_address(asked.live, "smtpd_sender_login_maps", asked.sender, kind)
    return None if found is None else tuple(re.split(r"[,\s]+", found.value.lower()))


def _login_mismatch(asked: Asked) -> Outcome:
    if not asked.sender or not asked.login:
        return NEXT
    if asked.login.lower() in (_owners(asked) or ()):
        return NEXT
    rejected = f"553 5.7.1 <{asked.sender}>: Sender address rejected"
    reply = f"{rejected}: not owned by user {asked.login}"
    return reject(reply, f"{asked.login} does not own this sender", "smtpd_sender_login_maps")


def _not_logged_in(asked: Asked) -> Outcome:
    if not asked.sender or asked.login or _owners(asked) is None:
        return NEXT
    reply = f"553 5.7.1 <{asked.sender}>: Sender address rejected: not logged in"
    return reject(reply, "somebody owns this sender and must log in", "smtpd_sender_login_maps")


def _sender_login_mismatch(asked: Asked) -> Outcome:
    return _login_mismatch(asked) if asked.login else _not_logged_in(asked)


def _non_fqdn(address: str, what: str, asked: Asked) -> Outcome:
    if not address or "." in address.rpartition("@")[2]:
        return NEXT
    code = asked.live.value("non_fqdn_reject_code")
    rejected = f"{code} 5.5.2 <{address}>: {what} address rejected"
    return reject(f"{rejected}: need fully-qualified address", f"{address} has no full domain")


def unlisted_recipient(asked: Asked) -> Outcome:
    """Refuse a recipient that nobody of ours is, or to whom nothing can go: error(8)."""
    kind = class_of(asked.live, asked.recipient)
    if kind == "elsewhere" and not is_rewritten(asked.live, asked.recipient, kind):
        return _undeliverable(asked)
    if not is_unlisted(asked.live, asked.recipient, kind):
        return NEXT
    code = asked.live.value("unknown_virtual_mailbox_reject_code") or "550"
    rejected = f"{code} 5.1.1 <{asked.recipient}>: Recipient address rejected"
    return reject(f"{rejected}: User unknown in {TABLES[kind]}", "nobody has this address")


def _undeliverable(asked: Asked) -> Outcome:
    found = route(asked.live, asked.sender, asked.recipient)
    if not found.error:
        return NEXT
    status, text = DSN_TEXT.findall(found.error)[0]
    reply = f"550 {status or '5.1.1'} <{asked.recipient}>: Recipient address rejected: {text}"
    return reject(reply, text, found.behind)


def unlisted_sender(asked: Asked) -> Outcome:
    """Refuse a sender in a domain of ours that nobody is."""
    if not asked.sender:
        return NEXT
    kind = class_of(asked.live, asked.sender)
    if not is_unlisted(asked.live, asked.sender, kind):
        return NEXT
    rejected = f"550 5.1.0 <{asked.sender}>: Sender address rejected"
    reply = f"{rejected}: User unknown in {TABLES[kind]}"
    return reject(reply, "the sender is in a domain of ours, and nobody has it")


def _unknown_sender_domain(asked: Asked) -> Outcome:
    if not asked.sender or is_ours(class_of(asked.live, asked.sender)):
        return NEXT
    return unknown("whether DNS knows the sender's domain when it comes")


def _passes(_: Asked) -> Outcome:
    return NEXT  # a client that keeps to the protocol and has a proper name passes


TABLE: dict[str, Restriction] = {
    "permit": lambda _: permit("everything else"),
    "reject": _reject,
    "permit_mynetworks": _permit_mynetworks,
    "permit_sasl_authenticated": _permit_sasl_authenticated,
    "reject_unauth_destination": _reject_unauth_destination,
    "reject_sender_login_mismatch": _sender_login_mismatch,
    "reject_authenticated_sender_login_mismatch": _login_mismatch,
    "reject_unauthenticated_sender_login_mismatch": _not_logged_in,
    "reject_non_fqdn_sender": lambda asked: _non_fqdn(asked.sender, "Sender", asked),
    "reject_non_fqdn_recipient": lambda asked: _non_fqdn(asked.recipient, "Recipient", asked),
    "reject_unlisted_recipient": unlisted_recipient,
    "reject_unlisted_sender": unlisted_sender,
    "reject_unknown_sender_domain": _unknown_sender_domain,
    "reject_invalid_helo_hostname": _passes,
    "reject_unauth_pipelining": _passes,
}
ACCESS = {
    "check_recipient_access": ("recipient", "Recipient address"),
    "check_sender_access": ("sender", "Sender address"),
}


def take_access(asked: Asked, name: str, table: str) -> Outcome:
    """Give what a table of access(5) says; its actions are replies, OK, REJECT and DUNNO."""
    if name == "check_helo_access":
        return NEXT  # a client's own name is assumed
    field, what = ACCESS[name]
    address = getattr(asked, field)
    if not address:
        return NEXT
    found = asked.live.find((table,), access_keys(address))
    return NEXT if found is None else action(found.value, f"<{address}>: {what} rejected", table)


def restrictions_named(asked: Asked, name: str, table: str) -> tuple[str, Sequence[str]]:
    """Give the restrictions that a table of access(5) leads to, and the setting they stand in.

    A result is one of ``smtpd_restriction_classes``, or a restriction that needs no table.
    """
    address = getattr(asked, ACCESS[name][0]) if name in ACCESS else ""
    found = asked.live.find((table,), access_keys(address)) if address else None
    if found is None:
        return "", ()
    if found.value in asked.live.words("smtpd_restriction_classes"):
        return found.value, asked.live.words(found.value)
    return (table, (found.value,)) if found.value in TABLE else ("", ())


def access_keys(address: str) -> tuple[str, ...]:
    """Give the keys of access(5) for an address: itself, its domain, the parents, its user."""
    user, _, domain = address.lower().rpartition("@")
    labels = domain.split(".")
    parents = (".".join(labels[n:]) for n in range(len(labels)))
    plain = user.partition("+")[0]
    return (f"{user}@{domain}", f"{plain}@{domain}", *parents, f"{user}@", f"{plain}@")


def action(value: str, subject: str, table: str) -> Outcome:
    """Give what a result of access(5) means for an address."""
    word, _, text = value.partition(" ")
    replied = REPLY.fullmatch(value)
    if replied:
        code, status, text = replied[1], replied[2] or f"{replied[1][0]}.7.1", replied[3] or ""
        return reject(f"{code} {status} {subject}: {text or 'Access denied'}", text, table)
    if word.upper() == "REJECT":
        return reject(f"554 5.7.1 {subject}: {text or 'Access denied'}", text, table)
    if word.upper() == "OK" or word.isdigit():
        return permit("it is listed", table)
    return NEXT if word.upper() == "DUNNO" else unknown(f"what {word} does", table)


def lookup_failed(error: LookupFailed, address: str) -> Outcome:
    """Give what Postfix answers when a map cannot be asked."""
    reply = f"451 4.3.0 <{address}>: Temporary lookup failure"
    return reject(reply, f"a map cannot be asked: {error.problem}", error.where)
