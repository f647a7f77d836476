"""The command ``vacation``: what is answered while somebody is away."""

from __future__ import annotations

import attrs
import click

from mailstead.cli.app import App, pass_app
from mailstead_sieve.cli.scripts import script_text, scripts_of
from mailstead_sieve.rules.editing import Rules
from mailstead_sieve.rules.model import Vacation

ADDRESS = click.argument("address")


@click.group("vacation")
def vacation_group() -> None:
    """Answers while somebody is away; changes take effect at once."""


@vacation_group.command("set")
@ADDRESS
@click.argument("file", default="-")
@click.option("--subject", default="", help="Subject of the answer; else that of the mail.")
@click.option("--from", "start", default="", metavar="DAY", help="First day, such as 2026-12-24.")
@click.option("--until", "end", default="", metavar="DAY", help="Last day.")
@click.option("--days", default=7, show_default=True, help="Days until a sender is told again.")
@pass_app
def set_vacation(
    app: App, address: str, file: str, subject: str, start: str, end: str, days: int
) -> None:
    """Answer mail for ADDRESS with the text in FILE (or standard input)."""
    rules = Rules(scripts_of(app, address))
    owner = rules.scripts.owner
    text = script_text(app, file)
    rules.set_vacation(Vacation(text, subject, days, start, end, owner.aliases))
    app.note("vacation set", owner.address)
    app.say(f"mail for {owner.address} is answered {_when(start, end)}")


@vacation_group.command("show")
@ADDRESS
@pass_app
def show(app: App, address: str) -> None:
    """Show what is answered for ADDRESS."""
    found = Rules(scripts_of(app, address)).vacation()
    record = {
        "on": found.is_on, "from": found.start, "until": found.end, "days": found.days,
        "addresses": found.addresses, "subject": found.subject, "text": found.text,
    }  # fmt: skip
    app.print_record(f"Vacation of {address}", record)


@vacation_group.command("on")
@ADDRESS
@pass_app
def switch_on(app: App, address: str) -> None:
    """Answer mail for ADDRESS again, with the text there is."""
    _switch(app, address, is_on=True)


@vacation_group.command("off")
@ADDRESS
@pass_app
def switch_off(app: App, address: str) -> None:
    """Answer no mail for ADDRESS, and keep the text."""
    _switch(app, address, is_on=False)


@vacation_group.command("remove")
@ADDRESS
@pass_app
def remove(app: App, address: str) -> None:
    """Answer no mail for ADDRESS, and forget the text."""
    rules = Rules(scripts_of(app, address))
    rules.remove_vacation()
    app.note("vacation remove", rules.scripts.owner.address)
    app.say(f"mail for {rules.scripts.owner.address} is not answered")


def _switch(app: App, address: str, *, is_on: bool) -> None:
    rules = Rules(scripts_of(app, address))
    owner = rules.scripts.owner
    found = rules.change_vacation(
        lambda found: attrs.evolve(found, is_on=is_on, addresses=owner.aliases)
    )
    app.note(f"vacation {'on' if is_on else 'off'}", owner.address)
    how = f"is answered {_when(found.start, found.end)}" if is_on else "is not answered"
    app.say(f"mail for {owner.address} {how}")


def _when(start: str, end: str) -> str:
    first = f"from {start}" if start else "from now on"
    return f"{first} until {end}" if end else first
