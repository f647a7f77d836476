"""Change the rules of an account: they are one script of its own, named `SCRIPT`.

Who changes rules reads the whole script and writes it anew, so one at a time does it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from mailstead.plugin import AlreadyExists, InvalidValue, NotFound
from mailstead_sieve.rules.model import Action, Rule, Vacation
from mailstead_sieve.rules.script import Block, Foreign, RuleScript, parse_script
from mailstead_sieve.scripts.accounts import is_managed
from mailstead_sieve.scripts.storage import Scripts
from mailstead_sieve.settings import Options

SCRIPT = "mailstead"


@attrs.frozen
class Rules:
    """The rules and the vacation of one account. Each method may raise MachineError.

    Whatever changes something raises InvalidValue while another script is active (mail would not
    pass through the rules), and Locked when others change rules for longer than one waits.
    """

    scripts: Scripts

    def load(self) -> RuleScript:
        """Give the rules as they are stored; none where there is no such script."""
        names = {script.name for script in self.scripts.list()}
        return parse_script(self.scripts.read(SCRIPT)) if SCRIPT in names else RuleScript()

    def get(self, name: str) -> Rule:
        """Give a rule. Raises NotFound, InvalidValue for one that was not made here."""
        return _find(self.load(), name)

    def add(self, rule: Rule, *, first: bool = False) -> None:
        """Add a rule at the end, or before all others. Raises AlreadyExists, InvalidValue."""

        def change(blocks: list[Block]) -> None:
            _refuse_taken(blocks, rule.name)
            place = next((at for at, it in enumerate(blocks) if not isinstance(it, Vacation)), 0)
            blocks.insert(place if first else len(blocks), rule)

        self._refuse_too_much(rule.actions)
        self._change(change)

    def change(self, name: str, made: Callable[[Rule], Rule]) -> None:
        """Put what is made of a rule in its place. Raises NotFound, AlreadyExists, InvalidValue."""

        def change(blocks: list[Block]) -> None:
            found = _find(RuleScript(tuple(blocks)), name)
            rule, at = made(found), blocks.index(found)
            self._refuse_too_much(rule.actions)
            _refuse_taken([*blocks[:at], *blocks[at + 1 :]], rule.name)
            blocks[at] = rule

        self._change(change)

    def remove(self, name: str) -> None:
        """Remove a rule. Raises NotFound, InvalidValue."""
        self._change(lambda blocks: blocks.remove(_find(RuleScript(tuple(blocks)), name)))

    def move(self, name: str, position: int) -> None:
        """Put a rule at a position among all rules, from 1. Raises NotFound, InvalidValue."""

        def change(blocks: list[Block]) -> None:
            rule = _find(RuleScript(tuple(blocks)), name)
            blocks.remove(rule)
            places = [at for at, it in enumerate(blocks) if not isinstance(it, Vacation)]
            if not 1 <= position <= len(places) + 1:
                problem = f"the position is one of 1 to {len(places) + 1}"
                raise InvalidValue(problem, where="rule.position")
            blocks.insert([*places, len(blocks)][position - 1], rule)

        self._change(change)

    def set_vacation(self, vacation: Vacation) -> None:
        """Answer mail so from now on. Raises InvalidValue."""
        self._change(lambda blocks: _put_vacation(blocks, vacation))

    def change_vacation(self, made: Callable[[Vacation], Vacation]) -> Vacation:
        """Answer mail as is made of the vacation there is; gives it. Raises NotFound."""
        changed: list[Vacation] = []

        def change(blocks: list[Block]) -> None:
            changed.append(made(_vacation_of(RuleScript(tuple(blocks)))))
            _put_vacation(blocks, *changed)

        self._change(change)
        return changed[0]

    def remove_vacation(self) -> None:
        """Answer no mail, and forget what was answered. Raises NotFound."""
        self._change(lambda blocks: blocks.remove(_vacation_of(RuleScript(tuple(blocks)))))

    def vacation(self) -> Vacation:
        """Give the vacation, on or off. Raises NotFound."""
        return _vacation_of(self.load())

    def _change(self, change: Callable[[list[Block]], None]) -> None:
        with self.scripts.alone() as scripts:
            Rules(scripts)._change_alone(change)

    def _change_alone(self, change: Callable[[list[Block]], None]) -> None:
        active = self.scripts.active()
        if active not in (None, SCRIPT):
            hint = f"run `mailstead sieve deactivate {self.scripts.owner.address}` first"
            problem = f"the script {active} is active, and it was not made here"
            raise InvalidValue(problem, where="rule", hint=hint)
        script = self.load()
        blocks = list(script.blocks)
        change(blocks)
        if blocks:
            text = attrs.evolve(script, blocks=tuple(blocks)).text()
            self.scripts.put(SCRIPT, text, activate=True)
        elif script.blocks:
            self.scripts.deactivate()
            self.scripts.delete(SCRIPT)

    def _refuse_too_much(self, actions: Sequence[Action]) -> None:
        options = self.scripts.context.settings.form(Options)
        if sum(item.kind != "stop" for item in actions) > options.actions:
            hint = "the limit is sieve.options.actions"
            problem = f"more than {options.actions} actions"
            raise InvalidValue(problem, where="rule.action", hint=hint)
        forwards = [item.value for item in actions if item.kind == "forward"]
        if len(forwards) > options.redirects:
            hint = "the limit is sieve.options.redirects"
            problem = f"more than {options.redirects} addresses"
            raise InvalidValue(problem, where="rule.forward", hint=hint)
        for address in forwards:
            self._refuse_forward(address, options.forwarding)

    def _refuse_forward(self, address: str, policy: str) -> None:
        where, hint = "rule.forward", "sieve.options.forwarding decides"
        owner = self.scripts.owner
        if address in (owner.address, *owner.aliases):
            raise InvalidValue("it would come back here", where=where, hint="use keep")
        if policy == "never":
            raise InvalidValue("rules may not forward mail", where=where, hint=hint)
        if policy == "own" and not is_managed(self.scripts.context, address):
            problem = f"{address} is not in a managed domain"
            raise InvalidValue(problem, where=where, hint=hint)


def _put_vacation(blocks: list[Block], vacation: Vacation) -> None:
    blocks[:] = [vacation, *(item for item in blocks if not isinstance(item, Vacation))]


def _find(script: RuleScript, name: str) -> Rule:
    for rule in script.rules:
        if rule.name == name:
            return rule
    if any(part.name == name for part in script.foreign):
        hint = f"edit the script {SCRIPT} as text: `mailstead sieve show`, `put`"
        problem = f"{name!r} was not made here and can only be left as it is"
        raise InvalidValue(problem, where="rule.name", hint=hint)
    hint = "see `mailstead rule list`"
    raise NotFound(f"there is no rule {name!r}", where="rule.name", hint=hint)


def _vacation_of(script: RuleScript) -> Vacation:
    if script.vacation is None:
        hint = "set one with `mailstead vacation set`"
        raise NotFound("there is no vacation", where="vacation", hint=hint)
    return script.vacation


def _refuse_taken(blocks: Sequence[Block], name: str) -> None:
    names = {item.name for item in blocks if isinstance(item, Rule | Foreign)}
    if name in names:
        hint = "choose another, or change that one"
        raise AlreadyExists(f"there is a rule {name!r} already", where="rule.name", hint=hint)
