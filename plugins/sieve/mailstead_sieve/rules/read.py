"""From Sieve back to rules, by sievelib's parser.

What is read is believed only when `mailstead_sieve.rules.build` makes the same text of it: so what
a rule cannot say is never lost, and never edited.
"""

from __future__ import annotations

from typing import Any

from mailstead.plugin import InvalidValue
from mailstead_sieve.rules.build import (
    RECIPIENT,
    RECIPIENT_HEADERS,
    SIEVE_NAMES,
    build_rule,
    build_vacation,
)
from mailstead_sieve.rules.model import SIZE, Action, Condition, Rule, Vacation

KNOWN = "fileinto", "mailbox", "reject", "vacation", "date", "relational"
_KINDS = {sieve: kind for kind, sieve in SIEVE_NAMES.items()}


def read_rule(name: str, text: str) -> Rule | None:
    """Give the rule that a text is, if it is one as they are made here."""
    try:
        rule = _rule(name, _single(text))
        return rule if build_rule(rule) == text else None
    except (InvalidValue, LookupError, ValueError):
        return None


def read_vacation(text: str) -> Vacation | None:
    """Give the vacation that a text is, if it is one as they are made here."""
    try:
        vacation = _vacation(_single(text))
        return vacation if build_vacation(vacation) == text else None
    except (InvalidValue, LookupError, ValueError):
        return None


def _single(text: str) -> Any:
    """Give the one command of a text. Raises ValueError."""
    from sievelib.parser import Parser

    parser = Parser()
    words = ", ".join(f'"{name}"' for name in KNOWN)
    if not parser.parse(f"require [{words}];\n{text}"):
        raise ValueError(parser.error)
    _, command = parser.result
    return command


def _rule(name: str, command: Any) -> Rule:
    is_on, command = _switched(command)
    match, tests = _tests(command["test"])
    conditions = tuple(map(_condition, tests))
    actions = tuple(map(_action, command.children))
    return Rule(name, conditions, actions, "any" if match == "anyof" else "all", is_on)


def _vacation(command: Any) -> Vacation:
    is_on, command = _switched(command)
    _, tests = _tests(command["test"])
    days = {_unquote(test.extra_arguments["match-type"]): _unquote(test["key-list"])
            for test in tests}  # fmt: skip
    (answer,) = command.children
    more = answer.extra_arguments
    return Vacation(
        text=_unquote(answer["reason"]),
        subject=_unquote(more["subject"]) if "subject" in more else "",
        days=int(more["days"]),
        start=days.get("ge", ""),
        end=days.get("le", ""),
        addresses=tuple(map(_unquote, more.get("addresses", ()))),
        is_on=is_on,
    )


def _switched(command: Any) -> tuple[bool, Any]:
    is_off = command["test"].name == "false"
    return (False, command.children[0]) if is_off else (True, command)


def _tests(test: Any) -> tuple[str, list[Any]]:
    return ("allof", []) if test.name == "true" else (test.name, test["tests"])


def _condition(test: Any) -> Condition:
    negated = test.name == "not"
    if negated:
        test = test["test"]
    if test.name == SIZE:
        return Condition(SIZE, test["comparator"].removeprefix(":"), test["limit"])
    headers = test["header-list" if test.name == "address" else "header-names"]
    names = tuple(map(_unquote, headers)) if isinstance(headers, list) else (_unquote(headers),)
    field = RECIPIENT if names == RECIPIENT_HEADERS else names[0]
    word = test["match-type"].removeprefix(":")
    return Condition(field, f"not-{word}" if negated else word, _unquote(test["key-list"]))


def _action(command: Any) -> Action:
    kind = _KINDS.get(command.name, command.name)
    places = {"file": "mailbox", "forward": "address", "reject": "text"}
    return Action(kind, _unquote(command[places[kind]]) if kind in places else "")


def _unquote(text: Any) -> str:
    from sievelib.tools import unquote

    if not isinstance(text, str):
        raise ValueError("a list where a text belongs")
    return str(unquote(text))
