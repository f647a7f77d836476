"""Dovecot as a daemon: how it is controlled, and what proves that it serves."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Check, Context, Conversation, Daemon, Native, Probe, Say
from mailstead_mail_retrieval.hooks import collect_listeners
from mailstead_mail_retrieval.ports import listens, open_ports
from mailstead_mail_smtp.places import QUEUE
from mailstead_mail_smtp.postfix.filters import probe_hint
from mailstead_mail_smtp.postfix.sockets import SUBMISSION, SUBMISSIONS
from mailstead_network.addresses import probe_address
from mailstead_network.names import fqdn
from mailstead_users.places import DATABASE

LMTP = f"{QUEUE}/private/dovecot-lmtp"  # where it takes mail; for Postfix and root
TURNS = {
    "imap": (Say(None, "* OK"), Say("a STARTTLS", "a OK"), Say("b LOGOUT", "b OK")),
    "imaps": (Say(None, "* OK"), Say("a LOGOUT", "a OK")),
    "pop3": (Say(None, "+OK"), Say("STLS", "+OK"), Say("QUIT", "+OK")),
    "pop3s": (Say(None, "+OK"), Say("QUIT", "+OK")),
}


def daemon() -> Daemon:
    """Give the daemon: dovecot(1), doveadm(1). A reload opens and closes ports as well."""
    admin = ("doveadm", "-c", "{/etc/dovecot/dovecot.conf}")
    return Daemon(
        "dovecot",
        unit="dovecot",
        native=Native(
            start=("dovecot", "-c", "{/etc/dovecot/dovecot.conf}"),
            stop=(*admin, "stop"),
            reload=(*admin, "reload"),
            pid_file="/run/dovecot/master.pid",
        ),
        reads=("/etc/dovecot", "/etc/mailstead/tls", DATABASE),
        probes=probes,
        listens=listens,
    )


def checks() -> tuple[Check, ...]:
    """Give the check of the staged files: doveconf(1). It does not open certificates."""
    argv = ("doveconf", "-n", "-c", "{staged:/etc/dovecot/dovecot.conf}")
    return (Check("doveconf reads dovecot.conf", argv, refuse_output=("doveconf: ",)),)


def probes(context: Context) -> Iterator[Probe]:
    """Give what must answer: each open port, LMTP, and Postfix's submission inside TLS.

    Submission is proven here since Postfix's smtpd(8) there lives on Dovecot's authentication.
    """
    for port in open_ports(context):
        conversation = Conversation(
            address=probe_address(context, port.service),
            port=port.port,
            tls=port.service.endswith("s"),
            turns=TURNS[port.service],
        )
        yield Probe(f"{port.service} answers", conversation)
    yield from _contributed(context)
    yield _lmtp(context)
    yield from _submission(context)


def _contributed(context: Context) -> Iterator[Probe]:
    for item in collect_listeners(context):
        address = next(iter(item.addresses), probe_address(context, item.service))
        conversation = Conversation(address=address, port=item.port, turns=tuple(item.turns))
        yield Probe(f"{item.service} answers", conversation)


def _lmtp(context: Context) -> Probe:
    turns = (Say(None, "220"), Say(f"LHLO {fqdn(context)}", "250"), Say("QUIT", "221"))
    return Probe("LMTP answers", Conversation(socket=str(context.path(LMTP)), turns=turns))


def _submission(context: Context) -> Iterator[Probe]:
    hello, bye = Say(f"EHLO {fqdn(context)}", "250"), Say("QUIT", "221")
    clear = (Say(None, "220"), hello, Say("STARTTLS", "220"), hello, bye)
    for (name, standard), turns in ((SUBMISSION, clear), (SUBMISSIONS, (Say(None, "220"), bye))):
        conversation = Conversation(
            address=probe_address(context, name),
            port=context.instance.port(name, standard),
            tls=name == "submissions",
            turns=turns,
        )
        yield Probe(f"{name} takes logins", conversation, probe_hint(context))
