"""What rules send: forwarded mail, answers and rejections, through a port of Postfix's own.

Dovecot gives it to that port by SMTP (`submission_host`). Where forwarding is restricted, the
port takes recipients in managed domains only, so that the policy holds for any script, however it
was uploaded. What has no sender may go outside: answers and rejections. A notification that a rule
forwards has no sender either; it is told apart by the header that Pigeonhole gives to all that is
forwarded, and goes back to the account it names, where Pigeonhole sees the loop and keeps it. Of
several such headers the last one counts to cleanup(8), so only accounts of ours may be named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailstead.plugin import Context
from mailstead_mail_smtp.hooks import collect_restrictions
from mailstead_mail_smtp.hookspecs import Service
from mailstead_mail_smtp.places import lookup
from mailstead_mail_smtp.postfix.passes import LOOPBACK, SEND, bracketed, near, take_from
from mailstead_sieve.places import FORWARDED
from mailstead_sieve.settings import Options

MILTER_NAME = "mailstead-sieve"  # by which a mail filter knows these ports: MILTER_README
SENDING = ("sieve-sending", 10028)
ANSWERS = ("sieve-answers", 10029)
PASS, CLEANUP, SORTING = "sieve-pass", "sieve-cleanup", "sieve-sorting"
# A domain's catch-all had its copy when the mail came.
COPIED_BEFORE = {"sender_bcc_maps": ""}
CLOSED = f"check_recipient_access {lookup('closed')}"
REFUSAL = "550 5.7.1 rules may not forward mail to other domains"


def place(context: Context, service: tuple[str, int]) -> tuple[str, int]:
    """Give address (IPv6 in brackets) and port of one of the two; this machine alone is served."""
    return bracketed(near(context)), context.instance.port(*service)


def is_restricted(context: Context) -> bool:
    """Tell whether rules may not forward mail to everybody."""
    return context.settings.form(Options).forwarding != "allowed"


def postfix_services(context: Context) -> tuple[Service, ...]:
    """Give the services: smtpd(8), cleanup(8)."""
    return tuple(_services(context))


def _services(context: Context) -> Iterator[Service]:
    yield Service(CLEANUP, "unix", "cleanup", private="n", maxproc="0", options=COPIED_BEFORE)
    known = ("reject_unlisted_recipient", *collect_restrictions(context), CLOSED)
    if not is_restricted(context):
        yield _smtpd(context, SENDING, (*known, "permit"), CLEANUP)
        return
    host, port = place(context, ANSWERS)
    answers = f"{PASS}:[{host.strip('[]')}]:{port}"
    has_no_sender = "check_sender_access inline:{{ {{<> = {}}} }}"
    restricted = (
        *known,
        "permit_auth_destination",
        has_no_sender.format(f"FILTER {answers}"),
        has_no_sender.format("OK"),
        f"check_recipient_access static:{{{REFUSAL}}}",
    )
    yield _smtpd(context, SENDING, restricted, CLEANUP)
    yield _smtpd(context, ANSWERS, ("permit",), SORTING)
    back = "regexp:$config_directory/" + FORWARDED.rpartition("/")[2]
    options = {"header_checks": back, "nested_header_checks": "", "mime_header_checks": ""}
    yield Service(PASS, "unix", "smtp", options=SEND)
    yield Service(SORTING, "unix", "cleanup", private="n", maxproc="0", options=options)


def _smtpd(
    context: Context, service: tuple[str, int], recipients: Sequence[str], cleanup: str
) -> Service:
    host, port = place(context, service)
    given = {
        **take_from(", ".join(dict.fromkeys((LOOPBACK, host))), service[0]),
        "smtpd_recipient_restrictions": ", ".join(recipients),
        "cleanup_service_name": cleanup,
        "smtpd_data_restrictions": "",
        "smtpd_reject_unlisted_recipient": "no",
        "milter_macro_daemon_name": MILTER_NAME,
    }
    return Service(f"{host}:{port}", "inet", "smtpd", private="n", options=given)
