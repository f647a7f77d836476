"""Postfix as a daemon: how it is controlled, when a reload is not enough, what proves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mailstead.plugin import Check, Context, Conversation, Daemon, Native, Probe, Say
from mailstead_mail_smtp import tls
from mailstead_mail_smtp.postfix.filters import probe_hint
from mailstead_mail_smtp.postfix.services import listens
from mailstead_mail_smtp.postfix.sockets import SMTP, SUBMISSION, has_authentication
from mailstead_network.addresses import probe_address
from mailstead_network.names import fqdn

DAEMON = "postfix"
MAIN_CF = "/etc/postfix/main.cf"
# postconf(5) and master(8): these take a stop and a start. Ports are not among them: master(8)
# opens and closes what master.cf lists at a reload.
RESTART = ("data_directory", "inet_interfaces", "inet_protocols", "queue_directory")
WARNINGS = ("postconf: warning", "postconf: fatal")


def daemon() -> Daemon:
    """Give the daemon: postfix(1)."""
    command = ("postfix", "-c", "{/etc/postfix}")
    return Daemon(
        DAEMON,
        unit="postfix",
        main_unit="postfix@-",
        native=Native(
            start=(*command, "start"),
            stop=(*command, "stop"),
            reload=(*command, "reload"),
            pid_file="/var/spool/postfix/pid/master.pid",
        ),
        reads=("/etc/postfix", "/etc/mailstead/tls"),
        restart_when=restart_reason,
        probes=probes,
        listens=listens,
    )


def checks(context: Context) -> tuple[Check, ...]:
    """Give the checks of the staged files: postconf(1).

    `postconf -n` reads master.cf as well, to know which parameters its services use; what it says
    of it is what ``-M`` and ``-P`` say (a test holds it to that).
    `postfix check` is not among them: it looks at (and makes folders in) the live queue.
    """
    words = ("postconf", "-c", "{staged:/etc/postfix}")
    return (
        Check("postconf reads main.cf and master.cf", (*words, "-n"), refuse_output=WARNINGS),
        *tls.checks(context),
    )


def restart_reason(changed: Mapping[str, tuple[bytes | None, bytes | None]]) -> str:
    """Give why a reload is not enough, or ""."""
    old, new = changed.get(MAIN_CF, (None, None))
    if old is None or new is None:
        return ""
    before, after = _values(old), _values(new)
    moved = [name for name in RESTART if before.get(name) != after.get(name)]
    return f"{', '.join(moved)} changed" if moved else ""


def probes(context: Context) -> Iterator[Probe]:
    """Give what must answer.

    Submission is only greeted here: inside TLS smtpd(8) needs its authentication service, and
    who gives that proves it (Postfix is started before it).
    """
    hello = (Say(None, "220"), Say(f"EHLO {fqdn(context)}", "250"))
    in_tls = (Say("STARTTLS", "220"), Say(f"EHLO {fqdn(context)}", "250"))
    yield _probe(context, SMTP, (*hello, *in_tls, Say("QUIT", "221")))
    if has_authentication(context):
        yield _probe(context, SUBMISSION, (*hello, Say("QUIT", "221")))


def _probe(context: Context, service: tuple[str, int], turns: tuple[Say, ...]) -> Probe:
    name, standard = service
    conversation = Conversation(
        address=probe_address(context, name),
        port=context.instance.port(name, standard),
        turns=turns,
    )
    return Probe(f"{name} answers", conversation, probe_hint(context))


def _values(content: bytes) -> dict[str, str]:
    lines = content.decode(errors="replace").splitlines()
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
