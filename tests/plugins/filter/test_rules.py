"""What is refused, and by which name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.errors import InvalidValue
from mailstead.machine.fake import FakeMachine
from mailstead_filter.facts import SIGNATURES, has_signatures
from mailstead_filter.grammar import PATTERN
from mailstead_filter.rules import problems
from tests.plugins.contexts import ACTOR, MODULES, SYSTEM, Bench, bench


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Bench]:
    """Give a draft with a mail domain."""
    with bench(tmp_path, (*MODULES, "filter")) as found:
        found.add("mail_smtp.domains", name="example.org")
        yield found


def wheres(made: Bench, **facts: Any) -> list[str]:
    """Give the places of all problems on a system."""
    return [item.where for item in problems(made.context(SYSTEM, **facts))]


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("spam", {"tag": "-1"}),
        ("spam", {"tag": "0"}),
        ("spam", {"reject": "0.00"}),
        ("spam", {"greylist": "000"}),
        ("learning", {"spam_score": "0"}),
        ("spam", {"tag": "6; reject = 0"}),
        ("spam", {"reject": "1e9"}),
        ("spam", {"subject_tag": "x\nBcc: eve@evil.example"}),
        ("policies", {"spam": "bounce"}),
        ("policies", {"virus": "accept"}),
        ("learning", {"ham_score": "5"}),
        ("attachments", {"extensions": [".exe"]}),
        ("attachments", {"extensions": ['exe"]; lua = "/x']}),
        ("attachments", {"mime_types": ["*/*"]}),
        ("attachments", {"mime_types": ["video"]}),
        ("options", {"failing": "discard"}),
        ("options", {"notify": "root"}),
        ("options", {"signatures": "sigs -x"}),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(
    made: Bench, form: str, values: dict[str, Any]
) -> None:
    """At once."""
    with pytest.raises(InvalidValue, match=rf"^filter\.{form}\.{next(iter(values))}"):
        made.set(f"filter.{form}", **values)


@pytest.mark.parametrize(
    "entry",
    [
        "/(a+)+$/", "/^(.*)*@x$/", "(a|a)*@example.org", "*a*a*a@example.org", "a@b{1,99}",
        "a\n@example.org", "a$CURDIR@example.org", 'a"@example.org', "a}@example.org", "ada",
        "Ada@example.org", "a@" + "b" * 300, "a = REJECT@x", "@...", "@-x", "@x-", "@.example.org",
        "@example.org.", "a@example..org", "@a.-b", "@" + "b" * 64 + ".org", "@", "a@", "a@b@c",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("table", "key"), [("senders", "sender"), ("recipients", "recipient")])
def test_a_list_takes_no_regular_expression_and_nothing_hostile(
    made: Bench, table: str, key: str, entry: str
) -> None:
    """So none can run for ever, and none becomes anything else in a file."""
    with pytest.raises(InvalidValue, match=rf"filter\.{table}.*{key}"):
        made.add(f"filter.{table}", **{key: entry, "action": "deny"})


@given(st.text())
def test_what_a_list_takes_has_few_stars_and_no_quotes(text: str) -> None:
    """Whatever is tried."""
    try:
        taken = PATTERN.parse(text)
    except ValueError:
        return
    assert taken.count("*") <= 2
    assert not set(taken) & set('"\\${}()[]|\n\r\t =;,')


@pytest.mark.parametrize(
    ("form", "values", "says"),
    [
        ("spam", {"tag": "-1"}, "'-1' is not accepted: expected a number above 0"),
        ("learning", {"ham_score": "5"}, "expected a number from 0 down to -99.99"),
        (
            "attachments",
            {"extensions": [".exe"]},
            "expected an extension in small letters, without the dot",
        ),
        ("attachments", {"mime_types": ["video"]}, "expected a MIME type such as video/mp4"),
    ],
)
def test_a_refusal_says_what_was_expected(
    made: Bench, form: str, values: dict[str, Any], says: str
) -> None:
    """In words of what the field is."""
    with pytest.raises(InvalidValue) as error:
        made.set(f"filter.{form}", **values)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "entry", ["ada@example.org", "@example.org", "@a-b.example.org", "a..b@x.example", "@7.example"]
)
@pytest.mark.parametrize(("table", "key"), [("senders", "sender"), ("recipients", "recipient")])
def test_a_list_takes_addresses_and_domains(made: Bench, table: str, key: str, entry: str) -> None:
    """What is before the @ is whatever somebody writes there."""
    made.add(f"filter.{table}", **{key: entry, "action": "deny"})


@pytest.mark.parametrize("entry", ["*@*.evil.example", "@*", "*@x.*", "a*@*-b.example"])
def test_a_sender_may_have_stars(made: Bench, entry: str) -> None:
    """Also in its domain; a recipient may not."""
    made.add("filter.senders", sender=entry, action="deny")
    with pytest.raises(InvalidValue, match=r"filter\.recipients.*recipient"):
        made.add("filter.recipients", recipient=entry, action="deny")


def test_a_mark_above_the_refusal_is_named(made: Bench) -> None:
    """For all, and for a domain whose own score meets that of all; at it, nothing is marked."""
    made.set("filter.spam", tag="16")
    assert wheres(made) == ["filter.spam.tag"]
    made.set("filter.spam", tag="6")
    made.add("filter.domains", domain="example.org", reject="5")
    assert wheres(made) == ["filter.domains[example.org].tag"]
    made.editor.change_row("filter.domains", "example.org", {"tag": "5"}, ACTOR)
    assert wheres(made) == []


def test_a_greylist_needs_redis_and_a_score_below_the_refusal(made: Bench) -> None:
    """The problem names the package."""
    made.set("filter.spam", greylist="4")
    (problem,) = problems(made.context(SYSTEM))
    assert (problem.where, "redis-server" in problem.hint) == ("filter.spam.greylist", True)
    assert wheres(made, redis_version="7") == []
    made.set("filter.spam", greylist="20")
    assert wheres(made, redis_version="7") == ["filter.spam.greylist"]


def test_a_scanner_without_signatures_is_refused(made: Bench) -> None:
    """Once ClamAV is there and to be asked; before that the plan installs it."""
    assert wheres(made, has_signatures=False) == []
    made.set("mail_smtp.filter", use="mailstead")
    assert wheres(made, has_signatures=None) == []
    assert wheres(made, has_signatures=True) == []
    (problem,) = problems(made.context(SYSTEM, has_signatures=False))
    assert (problem.where, "`freshclam`" in problem.hint) == ("filter.options.virus", True)
    made.set("filter.options", offline=True)
    (problem,) = problems(made.context(SYSTEM, has_signatures=False))
    assert (problem.where, "`freshclam`" in problem.hint) == ("filter.options.virus", False)
    made.set("filter.options", virus=False)
    assert wheres(made, has_signatures=False) == []
    made.add("filter.domains", domain="example.org", virus=True)
    assert wheres(made, has_signatures=False) == ["filter.domains[example.org].virus"]
    made.set("filter.options", signatures="/srv/signatures")
    assert wheres(made, has_signatures=False) == []


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), False), (("freshclam.dat", "bytecode.cvd"), False), (("daily.cld",), True),
        (("main.cvd", "bytecode.cvd"), True), (("own.ndb",), True),
    ],
)  # fmt: skip
def test_signatures_are_files_that_know_viruses(names: tuple[str, ...], found: bool) -> None:
    """Before ClamAV is installed nobody knows."""
    machine = FakeMachine()
    assert has_signatures(machine) is None
    machine.packages["clamav-daemon"] = "1.0"
    for name in names:
        machine.add_file(SIGNATURES / name, b"")
    assert has_signatures(machine) is found


def test_learning_that_nothing_uses_is_named(made: Bench) -> None:
    """Automatic learning without Bayes."""
    made.set("filter.learning", bayes=False, automatic=True)
    assert wheres(made) == ["filter.learning.automatic"]
