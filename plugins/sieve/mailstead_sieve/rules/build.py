"""From rules to Sieve, by sievelib's commands, which quote what they are given: RFC 5228."""

from __future__ import annotations

from typing import Any

import attrs

from mailstead_sieve.rules.model import SIZE, Action, Condition, Rule, Vacation

RECIPIENT = "recipient"
RECIPIENT_HEADERS = ("to", "cc")
# RFC 5228 section 5.1: these hold addresses, which `is` compares without names and comments.
ADDRESS_HEADERS = ("from", "to", "cc", "sender", "reply-to")
SIEVE_NAMES = {"file": "fileinto", "forward": "redirect"}


@attrs.frozen
class _Written:
    """What sievelib writes to."""

    parts: list[str] = attrs.field(factory=list)

    def write(self, text: str) -> None:
        """Take a part."""
        self.parts.append(text)


def build_rule(rule: Rule) -> str:
    """Give the commands of a rule."""
    test = _every(rule.match, [_condition(item) for item in rule.conditions])
    return _text(_switched(rule.is_on, _if(test, [_action(item) for item in rule.actions])))


def build_vacation(vacation: Vacation) -> str:
    """Give the commands of a vacation."""
    tests = []
    if vacation.start:
        tests.append(_on_day("ge", vacation.start))
    if vacation.end:
        tests.append(_on_day("le", vacation.end))
    return _text(_switched(vacation.is_on, _if(_every("all", tests), [_answer(vacation)])))


def extensions_of(rule: Rule | Vacation) -> frozenset[str]:
    """Give the extensions that its commands need."""
    if isinstance(rule, Vacation):
        has_days = bool(rule.start or rule.end)
        return frozenset({"vacation", "date", "relational"} if has_days else {"vacation"})
    kinds = {item.kind for item in rule.actions}
    found = {"fileinto", "mailbox"} if "file" in kinds else set()
    return frozenset(found | ({"reject"} & kinds))


def _condition(condition: Condition) -> Any:
    operator = condition.operator
    if condition.field == SIZE:
        return _command("size", ("tag", f":{operator}"), ("number", condition.value))
    word = operator.removeprefix("not-")
    is_recipient = condition.field == RECIPIENT
    headers = RECIPIENT_HEADERS if is_recipient else (condition.field,)
    is_address = word == "is" and set(headers) <= set(ADDRESS_HEADERS)
    kind, part = ("address", [("tag", ":all")]) if is_address else ("header", [])
    words = [*part, ("tag", f":{word}"), _strings(headers), _string(condition.value)]
    test = _command(kind, *words)
    return test if operator == word else _command("not", ("test", test))


def _action(action: Action) -> Any:
    words = [("tag", ":create")] if action.kind == "file" else []
    if action.value:
        words.append(_string(action.value))
    return _command(SIEVE_NAMES.get(action.kind, action.kind), *words)


def _answer(vacation: Vacation) -> Any:
    words: list[tuple[str, Any]] = []
    if vacation.subject:
        words += [("tag", ":subject"), _string(vacation.subject)]
    words += [("tag", ":days"), ("number", str(vacation.days))]
    if vacation.addresses:
        words += [("tag", ":addresses"), _strings(vacation.addresses, always=True)]
    return _command("vacation", *words, _string(vacation.text))


def _on_day(relation: str, day: str) -> Any:
    words = (("tag", ":value"), ("string", f'"{relation}"'), _string("date"), _string(day))
    return _command("currentdate", *words)


def _every(match: str, tests: list[Any]) -> Any:
    if not tests:
        return _command("true")
    return _command(f"{match}of", *(("test", test) for test in tests))


def _if(test: Any, commands: list[Any]) -> Any:
    made = _command("if", ("test", test))
    for command in commands:
        made.addchild(command)
    return made


def _switched(is_on: bool, command: Any) -> Any:
    """Give a command, or what sievelib makes of one that is off: it in an ``if false``."""
    return command if is_on else _if(_command("false"), [command])


def _command(name: str, *words: tuple[str, Any]) -> Any:
    from sievelib.commands import get_command_instance

    command = get_command_instance(name, None, checkexists=False)
    for kind, value in words:
        command.check_next_arg(kind, value, check_extension=False)
    return command


def _string(text: str) -> tuple[str, str]:
    from sievelib.tools import quote

    return "string", quote(text)


def _strings(texts: tuple[str, ...], *, always: bool = False) -> tuple[str, Any]:
    if len(texts) == 1 and not always:
        return _string(texts[0])
    return "stringlist", [_string(text)[1] for text in texts]


def _text(command: Any) -> str:
    made = _Written()
    command.tosieve(target=made)
    return "".join(made.parts)
