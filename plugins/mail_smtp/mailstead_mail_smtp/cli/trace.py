"""The command ``trace``: what would become of a message. Nothing is sent or changed."""

from __future__ import annotations

import attrs
import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InvalidValue, types
from mailstead_mail_smtp.cli.account import opened
from mailstead_mail_smtp.hookspecs import TraceQuestion
from mailstead_mail_smtp.postfix.identity import mailname
from mailstead_mail_smtp.trace.logins import why_no_login
from mailstead_mail_smtp.trace.trace import Trace, trace

STRANGER = "192.0.2.1"  # RFC 5737: nobody's
NOBODY = ("", "<>")
WITH_LOGIN, WITHOUT = 587, 25


@click.command("trace")
@click.argument("sender", metavar="FROM")
@click.argument("recipient", metavar="TO")
@click.option(
    "--client",
    default=STRANGER,
    show_default=True,
    metavar="IP",
    help="Address it comes from; the default is a stranger's.",
)
@click.option("--auth", default="", metavar="LOGIN", help="Who is logged in.")
@click.option(
    "--port",
    type=click.Choice(["25", "587", "465"]),
    help="Port it comes to; 587 with --auth, otherwise 25.",
)
@click.option("--size", default="0", metavar="SIZE", help="Its size, such as 20M.")
@pass_app
def trace_command(
    app: App, sender: str, recipient: str, client: str, auth: str, port: str | None, size: str
) -> None:
    """Tell what would become of a message from FROM to TO, and why; nothing is sent.

    FROM may be <> for a notification. The exit status is 0 whatever the verdict is.
    """
    if recipient.lower() == "postmaster":  # RFC 5321 section 4.5.1: also without a domain
        recipient = f"{recipient}@{mailname(app.engine.context('running'))}"
    question = TraceQuestion(
        sender="" if sender in NOBODY else _address("from", sender),
        recipient=_address("to", recipient),
        client=_parse("client", types.IPAddress, client),
        login=_parse("auth", types.MailAddress, auth) if auth else "",
        port=int(port or (WITH_LOGIN if auth else WITHOUT)),
        size=int(_parse("size", types.Size, size)) if size != "0" else 0,
    )
    no_login = ""
    with opened(app) as directory:
        if question.login:
            with directory.read() as connection:
                no_login = why_no_login(connection, question.login)
    found = trace(app.engine.context("running"), app.engine.machine, question, no_login)
    _tell_stopped(app)
    _show(app, question, found)


def _tell_stopped(app: App) -> None:
    doing = next((item.doing for item in app.engine.status() if item.id == "mail_smtp"), "")
    if doing == "stopped":
        app.warn("Postfix is stopped: nothing is received until `mailstead start mail_smtp`")


def _parse(name: str, hint: object, text: str) -> str:
    try:
        return str(types.field_type_of(hint).parse(text))
    except ValueError as error:
        raise InvalidValue(str(error), where=f"trace.{name}") from None


def _address(name: str, text: str) -> str:
    """Give an address as it was written, since a reply repeats it so; IDNs as they are sent."""
    found = _parse(name, types.MailAddress, text)
    return text if text.lower() == found else found


def _show(app: App, question: TraceQuestion, found: Trace) -> None:
    if app.json:
        asked = attrs.asdict(question)
        del asked["mailboxes"]
        app.emit({"question": asked, **attrs.asdict(found)})
        return
    columns = ("About", "What happens", "Because of")
    title = f"From {question.sender or '<>'} to {question.recipient}"
    app.print_table(title, columns, ((s.about, s.says, s.behind) for s in found.steps))
    for text in found.unforeseen:
        app.say(f"cannot be foretold: {text}")
    app.say(f"{found.verdict}: {found.reply}" if found.reply else found.verdict)
