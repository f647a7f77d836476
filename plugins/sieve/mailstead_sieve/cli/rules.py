"""The command ``rule``: what is done to the mail of an account, one rule at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs
import click

from mailstead.cli.app import App, pass_app
from mailstead_sieve.cli.scripts import scripts_of
from mailstead_sieve.rules.editing import SCRIPT, Rules
from mailstead_sieve.rules.model import OPERATORS, Action, Condition, Rule, Vacation
from mailstead_sieve.rules.script import Foreign, RuleScript

ADDRESS, NAME = click.argument("address"), click.argument("name")
_CONTENT = (
    click.option(
        "--if", "conditions", nargs=3, multiple=True, metavar="FIELD OPERATOR VALUE",
        help=f"A header, recipient or size, and one of: {', '.join(OPERATORS)}.",
    ),
    click.option("--any", "match_any", is_flag=True, help="One condition is enough."),
    click.option("--always", is_flag=True, help="For all mail, without a condition."),
    click.option("--file", multiple=True, metavar="FOLDER", help="Put it into a folder."),
    click.option("--forward", multiple=True, metavar="ADDRESS", help="Send it on; see --keep."),
    click.option("--keep", is_flag=True, help="Keep it in INBOX as well."),
    click.option("--discard", is_flag=True, help="Throw it away without a word."),
    click.option("--reject", default="", metavar="TEXT", help="Tell the sender why not."),
    click.option("--stop", is_flag=True, help="Look at no further rule."),
)  # fmt: skip


def content(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what a rule does."""
    for option in reversed(_CONTENT):
        command = option(command)
    return command


@click.group("rule")
def rule_group() -> None:
    """Rules for the mail of an account; changes take effect at once."""


@rule_group.command("list")
@ADDRESS
@pass_app
def list_rules(app: App, address: str) -> None:
    """List the rules of ADDRESS in the order they are applied."""
    rules = Rules(scripts_of(app, address))
    script = rules.load()
    blocks = [block for block in script.blocks if not isinstance(block, Vacation)]
    rows = [(at, *_row(block)) for at, block in enumerate(blocks, 1)]
    app.print_table(f"Rules of {address}", ("Position", "Rule", "State", "When", "What"), rows)
    _warn(app, rules, script)


@rule_group.command("show")
@ADDRESS
@NAME
@pass_app
def show(app: App, address: str, name: str) -> None:
    """Show the rule NAME of ADDRESS."""
    rule = Rules(scripts_of(app, address)).get(name)
    record = {
        "name": rule.name, "on": rule.is_on, "match": rule.match,
        "conditions": [_words(item) for item in rule.conditions],
        "actions": [_done(item) for item in rule.actions],
    }  # fmt: skip
    app.print_record(f"Rule {name} of {address}", attrs.asdict(rule) if app.json else record)


@rule_group.command("add")
@ADDRESS
@NAME
@content
@click.option("--first", is_flag=True, help="Before all other rules.")
@pass_app
def add(app: App, /, address: str, name: str, first: bool, **given: Any) -> None:
    """Add the rule NAME to those of ADDRESS."""
    rules = Rules(scripts_of(app, address))
    rules.add(_rule(name, **given), first=first)
    _tell(app, rules, "rule add", f"rule {name} added", name)


@rule_group.command("change")
@ADDRESS
@NAME
@content
@click.option("--rename", default="", help="Give it another name.")
@pass_app
def change(app: App, /, address: str, name: str, rename: str, **given: Any) -> None:
    """Give the rule NAME of ADDRESS other conditions and actions in its place."""
    rules = Rules(scripts_of(app, address))
    rule = _rule(rename or name, **given)
    rules.change(name, lambda found: attrs.evolve(rule, is_on=found.is_on))
    _tell(app, rules, "rule change", f"rule {name} changed", name)


@rule_group.command("remove")
@ADDRESS
@NAME
@pass_app
def remove(app: App, address: str, name: str) -> None:
    """Remove the rule NAME of ADDRESS."""
    rules = Rules(scripts_of(app, address))
    rules.remove(name)
    _tell(app, rules, "rule remove", f"rule {name} removed", name)


@rule_group.command("move")
@ADDRESS
@NAME
@click.argument("position", type=int)
@pass_app
def move(app: App, address: str, name: str, position: int) -> None:
    """Put the rule NAME of ADDRESS at POSITION, counted from 1."""
    rules = Rules(scripts_of(app, address))
    rules.move(name, position)
    _tell(app, rules, "rule move", f"rule {name} is at position {position} now", name)


@rule_group.command("enable")
@ADDRESS
@NAME
@pass_app
def enable(app: App, address: str, name: str) -> None:
    """Apply the rule NAME of ADDRESS again."""
    _switch(app, address, name, is_on=True)


@rule_group.command("disable")
@ADDRESS
@NAME
@pass_app
def disable(app: App, address: str, name: str) -> None:
    """Keep the rule NAME of ADDRESS without applying it."""
    _switch(app, address, name, is_on=False)


def _switch(app: App, address: str, name: str, *, is_on: bool) -> None:
    rules = Rules(scripts_of(app, address))
    rules.change(name, lambda found: attrs.evolve(found, is_on=is_on))
    word = "enable" if is_on else "disable"
    _tell(app, rules, f"rule {word}", f"rule {name} is {'on' if is_on else 'off'} now", name)


def _rule(
    name: str, *, conditions: tuple[tuple[str, str, str], ...], match_any: bool, always: bool,
    file: tuple[str, ...], forward: tuple[str, ...], reject: str, **switches: bool,
) -> Rule:  # fmt: skip
    if bool(conditions) == always:
        raise click.UsageError("give --if, or --always")
    actions = [
        *(Action("file", folder) for folder in file),
        *(Action("forward", address) for address in forward),
        *([Action("reject", reject)] if reject else []),
        *(Action(kind) for kind in ("keep", "discard", "stop") if switches[kind]),
    ]
    match: Literal["all", "any"] = "any" if match_any else "all"
    return Rule(name, tuple(Condition(*item) for item in conditions), tuple(actions), match)


def _row(block: Rule | Foreign) -> tuple[str, str, str, str]:
    if isinstance(block, Foreign):
        return block.name, "not made here", "", "left as it is"
    joined = f" {'and' if block.match == 'all' else 'or'} ".join(map(_words, block.conditions))
    what = ", ".join(map(_done, block.actions))
    return block.name, "on" if block.is_on else "off", joined or "always", what


def _words(condition: Condition) -> str:
    return f"{condition.field} {condition.operator.replace('-', ' ')} {condition.value!r}"


def _done(action: Action) -> str:
    return f"{action.kind} {action.value!r}" if action.value else action.kind


def _tell(app: App, rules: Rules, event: str, words: str, name: str) -> None:
    address = rules.scripts.owner.address
    app.note(event, f"{name} of {address}")
    app.say(f"{words} for {address}")


def _warn(app: App, rules: Rules, script: RuleScript) -> None:
    active = rules.scripts.active()
    if active not in (None, SCRIPT):
        app.warn(f"these rules do not run: the script {active} is active, and was not made here")
    elif active is None and script.blocks:
        app.warn(f"these rules do not run: no script is active, not even {SCRIPT}")
