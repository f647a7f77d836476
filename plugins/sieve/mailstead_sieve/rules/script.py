"""A script as a list of rules, with what is none of ours in its place, letter for letter.

A comment ``# Filter: NAME`` begins a rule, as sievelib writes it, and ``# Vacation`` a vacation;
each lasts until the next one. Only the first ``require`` is written anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from mailstead.plugin import InvalidValue
from mailstead_sieve.rules.build import build_rule, build_vacation, extensions_of
from mailstead_sieve.rules.model import Rule, Vacation
from mailstead_sieve.rules.read import read_rule, read_vacation
from mailstead_sieve.rules.split import Part, split

FILTER, VACATION = "# Filter: ", "# Vacation"
# With these a text that holds ``${`` means something else: RFC 5229, RFC 5228 section 2.4.2.4.
EXPANDING = frozenset({"variables", "encoded-character"})


@attrs.frozen
class Foreign:
    """A part of a script that no rule made here can say; ``name`` may be empty."""

    text: str
    name: str = ""


Block = Rule | Vacation | Foreign


@attrs.frozen
class RuleScript:
    """A script.

    Attributes:
        required: extensions that its first ``require`` names.
        expands: whether ``${`` begins something in its texts.
    """

    blocks: tuple[Block, ...] = ()
    required: frozenset[str] = frozenset()
    expands: bool = False

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Give the rules that were made here."""
        return tuple(block for block in self.blocks if isinstance(block, Rule))

    @property
    def vacation(self) -> Vacation | None:
        """Give the vacation that was made here."""
        return next((block for block in self.blocks if isinstance(block, Vacation)), None)

    @property
    def foreign(self) -> tuple[Foreign, ...]:
        """Give what is left untouched."""
        return tuple(block for block in self.blocks if isinstance(block, Foreign))

    def text(self) -> str:
        """Give the script. Raises InvalidValue for a text that would mean something else in it."""
        needed = self.required if self.foreign else frozenset()
        for block in self.blocks:
            if not isinstance(block, Foreign):
                needed |= extensions_of(block)
        parts = [_text(block) for block in self.blocks]
        if self.expands and any(_is_expanded(block) for block in self.blocks):
            hint = "write it without ${, or edit the script as text"
            problem = "the script uses variables, and ${ would begin one"
            raise InvalidValue(problem, where="rule", hint=hint)
        return _head(needed) + "".join(parts)


def parse_script(text: str) -> RuleScript:
    """Take a script apart; what cannot be read is `Foreign`."""
    parts = split(text, (FILTER, VACATION))
    expands = bool(EXPANDING & parts.all_required)
    blocks = tuple(_blocks(parts.parts, expands))
    return RuleScript(blocks, parts.required, expands)


def _blocks(parts: tuple[Part, ...], expands: bool) -> Iterator[Block]:
    names: set[tuple[type, str]] = set()
    for part in parts:
        block = _block(part)
        name = type(block), block.name if isinstance(block, Rule) else ""
        is_second = not isinstance(block, Foreign) and name in names
        if is_second or (expands and _is_expanded(block)):
            block = Foreign(part.text, part.marker.removeprefix(FILTER))
        elif not isinstance(block, Foreign):
            names.add(name)
        yield block


def _block(part: Part) -> Block:
    commands = part.commands.replace("\r\n", "\n").strip("\n") + "\n"
    made: Block | None = None
    if part.marker.startswith(FILTER):
        made = read_rule(part.marker.removeprefix(FILTER), commands)
    elif part.marker == VACATION:
        made = read_vacation(commands)
    return made or Foreign(part.text, part.marker.removeprefix(FILTER))


def _is_expanded(block: Block) -> bool:
    return not isinstance(block, Foreign) and "${" in _commands(block)


def _head(extensions: frozenset[str]) -> str:
    if not extensions:
        return ""
    words = ", ".join(f'"{name}"' for name in sorted(extensions))
    return f"require [{words}];\n\n"


def _text(block: Block) -> str:
    if isinstance(block, Foreign):
        return block.text if block.text.endswith("\n") else f"{block.text}\n"
    marker = VACATION if isinstance(block, Vacation) else f"{FILTER}{block.name}"
    return f"{marker}\n{_commands(block)}\n"


def _commands(block: Rule | Vacation) -> str:
    return build_vacation(block) if isinstance(block, Vacation) else build_rule(block)
