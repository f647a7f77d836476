"""The command ``smarthost``: whether the server that mail goes through takes it."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import InvalidValue, NotFound, Submission, types
from mailstead_mail_smtp.postfix.identity import postmaster
from mailstead_mail_smtp.postfix.smarthost import FORM, SYSTEM_CAS, place_of
from mailstead_mail_smtp.settings import Smarthost
from mailstead_network.names import fqdn

SECONDS = 20.0


@click.group("smarthost")
def smarthost_group() -> None:
    """The server that all mail for others goes through."""


@smarthost_group.command("test")
@click.option("--to", "recipient", default="", metavar="ADDRESS", help="Also send a message there.")
@click.option("--saved", is_flag=True, help="Try what is saved rather than the draft.")
@pass_app
def test(app: App, recipient: str, saved: bool) -> int:
    """Connect, verify, log in and perhaps send, as the settings say.

    The draft is tried, so that it can be tried before it is saved. The host is asked itself;
    where it is not in [brackets], Postfix would ask for its MX records first.
    """
    context = app.engine.context("running" if saved else "draft")
    form = context.settings.form(Smarthost)
    place = place_of(form)
    if place is None:
        raise NotFound("no smarthost is set", where=f"{FORM}.host", hint="set it first")
    recipient = _address(recipient) if recipient else ""
    steps = app.engine.machine.submit(
        Submission(
            host=place.name, port=place.port, tls=form.tls, ca=form.ca or SYSTEM_CAS,
            user=form.user or "", password=form.password.reveal() if form.password else "",
            clear_password=form.clear_password, hello=fqdn(context),
            sender=postmaster(context), recipient=recipient,
        ),
        timeout=SECONDS,
    )  # fmt: skip
    rows = [(step.title, step.is_done, step.said) for step in steps]
    app.print_table(f"Smarthost {place.nexthop}", ("Step", "Done", "Answer"), rows)
    app.note("smarthost test", place.nexthop)
    return 0 if all(step.is_done for step in steps) else 1


def _address(text: str) -> str:
    try:
        return str(types.field_type_of(types.MailAddress).parse(text))
    except ValueError as error:
        raise InvalidValue(str(error), where="smarthost.to") from None
