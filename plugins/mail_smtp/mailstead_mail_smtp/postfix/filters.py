"""What mail passes through between reception and delivery: FILTER_README, after the queue.

A content filter gets each message by SMTP and gives it back on a port of its own, where it is
queued again and not filtered twice. Aliases and blind copies are worked out after that, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from mailstead.plugin import Context, Listen, Problem
from mailstead_mail_smtp.hooks import collect_filters
from mailstead_mail_smtp.hookspecs import MailFilter, Parameter, Service
from mailstead_mail_smtp.postfix.passes import (
    ONLY_THEM,
    SEND,
    bracketed,
    filtered_before,
    network,
    place,
    take_from,
)
from mailstead_mail_smtp.postfix.sockets import is_own_socket, own_listens
from mailstead_mail_smtp.settings import Filter

NONE, CUSTOM = "none", "custom"
TRANSPORT = "mailfilter"
RETURN = "mail filter return"
AT_ONCE = "10"  # messages a filter works on: each side of it holds that many processes
FORM = "mail_smtp.filter"
NO_TRANSPORT = "mail transport unavailable"  # qmgr(8), of a service that master.cf has no more


def chosen_filter(context: Context) -> MailFilter | None:
    """Give the filter in use."""
    form = context.settings.form(Filter)
    if form.use == CUSTOM:
        return MailFilter(CUSTOM, "a server of your own", form.address, form.port, form.return_port)
    return next((item for item in collect_filters(context) if item.name == form.use), None)


def filter_parameters(context: Context) -> Iterator[Parameter]:
    """Give the parameters of the filter in use."""
    chosen = chosen_filter(context)
    if chosen is None:
        return
    yield from chosen.parameters
    if chosen.port:
        there = f"{TRANSPORT}:[{chosen.address}]:{chosen.port}"
        yield Parameter("content_filter", there, f"mail filter: {chosen.title}")
        yield Parameter("receive_override_options", "no_address_mappings", "done after the filter")


def probe_hint(context: Context) -> str:
    """Tell whoever speaks with smtpd(8) in vain of a milter: without it STARTTLS is put off."""
    chosen = chosen_filter(context)
    if chosen is None or all(item.name != "smtpd_milters" for item in chosen.parameters):
        return ""
    return (
        f"454 says that the mail filter, {chosen.title}, does not answer: "
        "see `mailstead status`, start it, and save again"
    )


def filter_services(context: Context) -> Iterator[Service]:
    """Give the services of the filter in use."""
    chosen = chosen_filter(context)
    if chosen is None:
        return
    yield from chosen.services
    if chosen.port:
        yield Service(TRANSPORT, "unix", "smtp", maxproc=AT_ONCE, options=SEND)
        for socket in filter_listens(context):
            options = _take_back(chosen.address)
            yield Service(place(socket), "inet", "smtpd", private="n", options=options)


def filter_listens(context: Context) -> tuple[Listen, ...]:
    """Give the sockets on which filtered mail comes back; a near filter finds a near socket."""
    chosen = chosen_filter(context)
    if chosen is None or not chosen.port:
        return ()
    address = ip_address(chosen.address)
    near = ("::1",) if address.version == 6 else ("127.0.0.1",)  # noqa: PLR2004 - IPv6
    everywhere = context.instance.addresses or ("",)
    is_near = address.is_loopback and not context.instance.is_sandbox
    return tuple(
        Listen(RETURN, chosen.return_port, found) for found in (near if is_near else everywhere)
    )


def notes(running: Context, target: Context) -> Iterator[str]:
    """Tell of mail that waits for a filter that is left: its queue file names the filter."""
    old = chosen_filter(running)
    if old is None or not old.port or _place_of(old) == _place_of(chosen_filter(target)):
        return
    yield (
        f"Mail that still waits for the mail filter at {_place_of(old)} goes on waiting for it and "
        "is sent back after five days, unless it is taken in anew. After the save run "
        f"`mailstead queue list --reason '[{old.address}]'`, and `mailstead queue requeue` with "
        f"the same words; what was tried in between has the reason '{NO_TRANSPORT}'."
    )


def _place_of(chosen: MailFilter | None) -> str:
    return f"{bracketed(chosen.address)}:{chosen.port}" if chosen and chosen.port else ""


def problems(context: Context) -> Iterator[Problem]:
    """Give problems with the choice and its ports."""
    form = context.settings.form(Filter)
    names = [item.name for item in collect_filters(context)]
    for name in {NONE, CUSTOM} & set(names):
        problem = f"a module registers a mail filter by the name {name}, which is taken"
        yield Problem(f"{FORM}.use", problem, "disable that module")
    if form.use not in (NONE, CUSTOM, *names):
        problem = f"there is no mail filter {form.use}"
        hint = f"choose one of {', '.join((NONE, CUSTOM, *names))}, or enable its module"
        yield Problem(f"{FORM}.use", problem, hint)
    if form.use == CUSTOM:
        yield from _port_problems(context, form)


def _port_problems(context: Context, form: Filter) -> Iterator[Problem]:
    """Give problems with where a custom filter is, and where its mail comes back."""
    if form.port == form.return_port:
        problem = "the filter and Postfix cannot both have this port"
        yield Problem(f"{FORM}.return_port", problem, "give two different ports")
    if is_own_socket(context, form.address, form.port):
        there = f"{bracketed(form.address)}:{form.port}"
        problem = f"{there} is this server itself, so mail would go round in a circle"
        yield Problem(f"{FORM}.port", problem, "give the port that the filter receives on")
    taken = next((it for it in own_listens(context) if it.port == form.return_port), None)
    if taken is not None:
        problem = f"this server has its service {taken.service} at port {taken.port}"
        yield Problem(f"{FORM}.return_port", problem, "give another port")


def _take_back(address: str) -> dict[str, str]:
    host = network(address)
    return {
        **take_from(host, "filtered"),
        **filtered_before(host),
        "smtpd_recipient_restrictions": ONLY_THEM,
    }
