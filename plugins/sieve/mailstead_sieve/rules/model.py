"""What a rule and a vacation are, as people make them; each refuses what it cannot mean."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal, get_args

import attrs

from mailstead.plugin import InvalidValue, types
from mailstead_mail_retrieval.folders import FOLDER
from mailstead_sieve.rules.fields import checked, parsed, text_of

Operator = Literal[
    "contains", "is", "matches", "not-contains", "not-is", "not-matches", "over", "under"
]
Kind = Literal["file", "forward", "keep", "discard", "reject", "stop"]
OPERATORS: tuple[str, ...] = get_args(Operator)
KINDS: tuple[str, ...] = get_args(Kind)
SIZE = "size"
SIZES = ("over", "under")
WITH_VALUE = ("file", "forward", "reject")
ALONE = ("discard", "reject")  # no rule keeps what these throw away or give back: they stop
LONGEST_VALUE, LONGEST_REASON, LONGEST_ANSWER = 500, 2000, 20_000
MOST = 50  # conditions, or actions, of one rule

NAME = types.text(100, r"\S(.*\S)?", "a name on one line")
HEADER = types.text(76, r"[A-Za-z0-9][A-Za-z0-9_-]*", "the name of a header such as List-Id")
SIZE_TYPE = types.field_type_of(types.Size)
ADDRESS = types.field_type_of(types.MailAddress)
DAYS = types.field_type_of(Annotated[int, types.integer(1, 365)])
LARGEST_SIZE = (1 << 31) - 1  # RFC 5228 section 2.4.1
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@attrs.frozen
class Condition:
    """One thing that must hold for a message.

    Attributes:
        field: the name of a header such as ``subject``; ``recipient`` for To and Cc; ``size``.
        operator: ``contains``, ``is``, ``matches`` (with ``*`` and ``?``), each with ``not-``
            before it, for a text; ``over`` and ``under`` for the size. Case does not count.
        value: the text, or the size in bytes.
    """

    field: str
    operator: str
    value: str

    def __attrs_post_init__(self) -> None:
        """Raise InvalidValue for what no condition is; bring it to its canonical form."""
        if self.operator not in OPERATORS:
            hint = f"one of {', '.join(OPERATORS)}"
            problem = f"{self.operator!r} is no operator"
            raise InvalidValue(problem, where="rule.operator", hint=hint)
        field = str(checked(HEADER, self.field, "rule.field")).lower()
        if (field == SIZE) != (self.operator in SIZES):
            hint = "a size is over or under; a text contains, is, or matches"
            problem = f"{field} cannot be asked with {self.operator}"
            raise InvalidValue(problem, where="rule.operator", hint=hint)
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "value", self._value())

    def _value(self) -> str:
        if self.operator not in SIZES:
            return text_of(self.value, LONGEST_VALUE, "rule.value", lines=False)
        size = int(checked(SIZE_TYPE, self.value, "rule.value"))
        if not 0 <= size <= LARGEST_SIZE:
            raise InvalidValue(f"{size} is too large", where="rule.value", hint="less than 2G")
        return str(size)


@attrs.frozen
class Action:
    """One thing that is done to a message.

    Attributes:
        kind: ``file`` into a folder, ``forward`` to an address, ``keep`` in INBOX, ``discard``
            without a word, ``reject`` with a reason, ``stop`` looking at further rules, which the
            two before it do anyway.
        value: the folder, address or reason.
    """

    kind: str
    value: str = ""

    def __attrs_post_init__(self) -> None:
        """Raise InvalidValue for what no action is; bring it to its canonical form."""
        if self.kind not in KINDS:
            hint = f"one of {', '.join(KINDS)}"
            raise InvalidValue(f"{self.kind!r} is no action", where="rule.action", hint=hint)
        if self.value and self.kind not in WITH_VALUE:
            raise InvalidValue(f"{self.kind} takes no value", where=f"rule.{self.kind}")
        object.__setattr__(self, "value", self._value())

    def _value(self) -> str:
        where = f"rule.{self.kind}"
        if self.kind == "file":
            return str(checked(FOLDER, self.value, where))
        if self.kind == "forward":
            return str(checked(ADDRESS, self.value, where))
        return text_of(self.value, LONGEST_REASON, where) if self.kind == "reject" else ""


@attrs.frozen
class Rule:
    """Under which conditions what is done; without conditions it is done to all mail.

    Attributes:
        match: whether ``all`` conditions must hold, or ``any``.
    """

    name: str
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    match: Literal["all", "any"] = "all"
    is_on: bool = True

    def __attrs_post_init__(self) -> None:
        """Raise InvalidValue for what makes no sense together."""
        object.__setattr__(self, "name", str(checked(NAME, self.name, "rule.name")))
        if not self.actions:
            raise InvalidValue("it does nothing", where="rule.action", hint="give an action")
        if max(len(self.conditions), len(self.actions)) > MOST:
            raise InvalidValue(f"it has more than {MOST} parts", where="rule", hint="make two")
        if len(set(self.actions)) < len(self.actions):
            raise InvalidValue("an action is there twice", where="rule.action")
        kinds = [item.kind for item in self.actions]
        if "stop" in kinds[:-1]:
            raise InvalidValue("nothing is done after stop", where="rule.stop")
        alone = next((kind for kind in kinds if kind in ALONE), "")
        if alone and set(kinds) - {alone, "stop"}:
            hint = "make a rule of its own"
            raise InvalidValue("it goes with no other action", where=f"rule.{alone}", hint=hint)
        if alone and "stop" not in kinds:
            object.__setattr__(self, "actions", (*self.actions, Action("stop")))
        if not self.conditions and self.match != "all":
            object.__setattr__(self, "match", "all")


@attrs.frozen
class Vacation:
    """What is answered while somebody is away, to each sender once in so many days.

    Attributes:
        addresses: further addresses of the account; mail that names none of them is not answered.
        start, end: the first and the last day, as YYYY-MM-DD by the server's clock; empty: none.
    """

    text: str
    subject: str = ""
    days: int = 7
    start: str = ""
    end: str = ""
    addresses: tuple[str, ...] = ()
    is_on: bool = True

    def __attrs_post_init__(self) -> None:
        """Raise InvalidValue for what is none; bring it to its canonical form."""
        text = text_of(self.text, LONGEST_ANSWER, "vacation.text")
        subject = text_of(self.subject, 200, "vacation.subject", lines=False, empty=True)
        start, end = _day(self.start, "vacation.from"), _day(self.end, "vacation.until")
        if start and end and end < start:
            raise InvalidValue(f"{end} is before {start}", where="vacation.until")
        found = (checked(ADDRESS, item, "vacation.address") for item in self.addresses)
        addresses = tuple(dict.fromkeys(map(str, found)))
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "subject", subject)
        object.__setattr__(self, "days", int(checked(DAYS, self.days, "vacation.days")))
        object.__setattr__(self, "addresses", addresses)


def _day(text: str, where: str) -> str:
    if not text:
        return ""

    def parse(raw: str) -> str:
        if not DATE.fullmatch(raw):
            raise ValueError(f"{raw[:40]!r} is not a day such as 2026-12-24")
        return dt.date.fromisoformat(raw).isoformat()

    return str(parsed(parse, text, where))
