"""Rules become Sieve and come back the same; what is none of ours stays, letter for letter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailstead.errors import InvalidValue
from mailstead_sieve.rules.model import OPERATORS, SIZES, Action, Condition, Rule, Vacation
from mailstead_sieve.rules.script import Block, Foreign, RuleScript, parse_script

HARD = st.sampled_from(
    ['"', "\\", ".", "\n.\n", "${x}", "#", "/*", "text:", ":", ";", "{", "}", "ü", "\U0001f600",
     "# Filter: y", "# Vacation", "\n# Filter: z\n", "*/", "[", ",", "'", " ", "\t"]
)  # fmt: skip
LETTERS = st.characters(categories=("L", "N", "P", "S"))
LINE = st.lists(HARD | LETTERS, min_size=1, max_size=12).map("".join).filter(
    lambda text: text.strip() and not set(text) & set("\n\t")
)  # fmt: skip
LINES = st.lists(HARD | LETTERS, min_size=1, max_size=20).map("".join).filter(str.strip)
NAMES = LINE.map(str.strip)
FOLDERS = st.sampled_from(["Lists", "Lists/böse Wörter", "a:b", "x'y", "${x}", "#1", "text:"])
ADDRESSES = st.sampled_from(["grace@example.org", "a+b@x.example", "${x}#*@y.example"])
WORDS = st.builds(
    Condition,
    st.sampled_from(["from", "to", "recipient", "subject", "list-id", "x-spam", "stop", "true"]),
    st.sampled_from([item for item in OPERATORS if item not in SIZES]),
    LINE,
)
LARGER = st.builds(
    Condition, st.just("size"), st.sampled_from(SIZES), st.integers(0, 2**31 - 1).map(str)
)
ACTIONS = st.one_of(
    st.lists(
        st.one_of(
            st.builds(Action, st.just("file"), FOLDERS),
            st.builds(Action, st.just("forward"), ADDRESSES),
            st.just(Action("keep")),
        ),
        min_size=1, max_size=4, unique=True,
    ),
    st.builds(Action, st.just("reject"), LINES).map(lambda item: [item]),
    st.just([Action("discard")]),
)  # fmt: skip
RULES = st.builds(
    Rule,
    NAMES,
    st.lists(WORDS | LARGER, max_size=4).map(tuple),
    st.builds(
        lambda found, stops: (*found, *([Action("stop")] if stops else [])), ACTIONS, st.booleans()
    ),
    st.sampled_from(["all", "any"]),
    st.booleans(),
)
DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2039, 1, 1)).map(dt.date.isoformat) | st.just("")
VACATIONS = st.builds(
    Vacation,
    LINES, LINE | st.just(""), st.integers(1, 365), DAYS, st.just("2039-12-31") | st.just(""),
    st.lists(ADDRESSES, max_size=2).map(tuple), st.booleans(),
)  # fmt: skip
OTHERS = st.sampled_from(
    [
        "# Filter: by hand\nif true { discard; stop; # mine\n}\n",
        "# Filter: longer\nif header :is \"subject\" \"x\" {\n  keep;\n}\nkeep;\n\n",
        "# Filter: text\nif true {\n    reject text:\n# Filter: not one\n.\n;\n}\n",
        "# Vacation\nif true { vacation :handle \"x\" \"y\"; }\n",
        "# Filter: unknown\nif duplicate { discard; }\r\n",
    ]
)  # fmt: skip


def unique(blocks: Sequence[object]) -> bool:
    """Tell whether no name is there twice."""
    names = [block.name for block in blocks if isinstance(block, Rule)]
    return len(set(names)) == len(names)


@example([Rule("# Vacation", (), (Action("keep"),))], Vacation("x"))
@settings(max_examples=150, deadline=None)
@given(st.lists(RULES, max_size=4).filter(unique), VACATIONS | st.none())
def test_what_was_made_here_comes_back_the_same(
    rules: list[Rule], vacation: Vacation | None
) -> None:
    """Whatever is in names, values and texts; and making it again gives the same bytes."""
    blocks: tuple[Block, ...] = (*([vacation] if vacation else []), *rules)
    text = RuleScript(blocks).text()
    found = parse_script(text)
    assert blocks == found.blocks
    assert text == found.text()
    assert text == parse_script(text.replace("\n", "\r\n")).text()


@settings(max_examples=100, deadline=None)
@given(st.lists(RULES | OTHERS, max_size=5).filter(unique), RULES)
def test_what_is_not_made_here_stays_where_it_is(parts: list[Rule | str], rule: Rule) -> None:
    """Letter for letter, whatever is added before or after it."""
    made = [RuleScript((part,)).text() if isinstance(part, Rule) else part for part in parts]
    body = "".join(part.partition("\n\n")[2] if part.startswith("require") else part
                   for part in made)  # fmt: skip
    head = 'require ["fileinto", "mailbox", "reject", "vacation", "duplicate"];\n'
    script = parse_script(head + body)
    assert [part for part in parts if isinstance(part, Rule)] == list(script.rules)
    assert [part for part in parts if isinstance(part, str)] == [it.text for it in script.foreign]
    rule = attrs.evolve(rule, name="one that is new")
    text = attrs.evolve(script, blocks=(rule, *script.blocks, attrs.evolve(rule, name="n2"))).text()
    again = parse_script(text)
    assert (rule, *script.blocks) == again.blocks[:-1]
    if script.foreign:
        assert '"duplicate"' in text.partition(";")[0]


@pytest.mark.parametrize(
    "text",
    [
        "text:a\n" * 20_000,
        "keep;", "# a note\nkeep;\n", 'require "fileinto";\nfileinto "x";', "\x7f not Sieve at all",
        'require "fileinto";\n# Filter: x\nif true {\n  fileinto "x";\n}\n', "",
        '# Filter: x\nif true {\n    keep;\n}\n\n# Filter: x\nif true {\n    discard;\n}\n\n',
    ],
)  # fmt: skip
def test_a_script_of_another_hand_is_kept(text: str) -> None:
    """Only its first require is written anew, and a line end at its end."""
    script = parse_script(text)
    first, _, rest = text.partition(";\n")
    body = rest if first.startswith("require") else text
    assert script.text().endswith(body if body.endswith("\n") or not body else f"{body}\n")
    assert parse_script(script.text()).text() == script.text()


def test_the_second_of_two_rules_with_a_name_is_left_alone() -> None:
    """A command could not tell which is meant."""
    rule = RuleScript((Rule("x", (), (Action("keep"),)),)).text()
    first, second = parse_script(rule * 2).blocks
    assert isinstance(first, Rule)
    assert isinstance(second, Foreign)
    assert second.name == "x"


@pytest.mark.parametrize("extension", ["variables", "encoded-character"])
def test_a_text_that_would_be_expanded_is_refused(extension: str) -> None:
    """And one that is there already is not taken for what it says."""
    head = f'require "{extension}";\nkeep;\n'
    rule = Rule("x", (), (Action("reject", "${hex:41} and ${name}"),))
    script = parse_script(head)
    with pytest.raises(InvalidValue, match="variables"):
        attrs.evolve(script, blocks=(*script.blocks, rule)).text()
    assert not parse_script(head + RuleScript((rule,)).text()).rules
    plain = attrs.evolve(rule, actions=(Action("reject", "$5 {really}"),))
    text = attrs.evolve(script, blocks=(*script.blocks, plain)).text()
    assert parse_script(text).rules == (plain,)
