"""Tests of `mailstead.transaction.environment`."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from mailstead.guard import Nonsense
from mailstead.transaction.additions import Override
from mailstead.transaction.environment import LARGEST, BoundedEnvironment

HUGE = 1 << 30
SOURCES = {
    "times": f"{{{{ 'x' * {HUGE} }}}}",
    "times, the other way": f"{{{{ {HUGE} * 'x' }}}}",
    "times, of a list": f"{{{{ ([1] * {HUGE}) | length }}}}",
    "power": "{{ 2 ** 1000000000 }}",
    "powers of powers": "{{ 2 ** (9 ** 9) }}",
    "product of large numbers": "{% set ns = namespace(n=3 ** 40000) %}{{ ns.n * ns.n }}",
    "doubling": "{% set ns = namespace(t='x' * 1000000) %}"
                "{% for _ in range(10) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}",
    "many words": "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'x' * 999 }}"
                  "{% endfor %}{% endfor %}",
    "many words in a block": "{% set t %}{% for a in range(9999) %}{{ 'x' * 999999 }}"
                             "{% endfor %}{% endset %}{{ t }}",
    "many words in a macro": "{% macro m() %}{% for a in range(9999) %}{{ 'x' * 999999 }}"
                             "{% endfor %}{% endmacro %}{{ m() }}",
}  # fmt: skip
FINE = {
    "{{ 'ab' * 3 }}": b"ababab",
    "{{ 3 * 4 }} {{ 2 ** 16 }} {{ 1.5 * 2 }} {{ 2 ** -1 }} {{ 1 + 2.5 }}": b"12 65536 3.0 0.5 3.5",
    "{{ 'a' + 'b' }}{{ [1] + [2] }}{{ (0,) * 2 }}": b"ab[1, 2](0, 0)",
    "{% set t %}a{{ 1 }}{% endset %}{{ t }}": b"a1",
    "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m('y') }}": b"<y>",
}


def render(source: str) -> bytes:
    """Render a template's text."""
    overrides = {"page": Override("/etc/mailstead/templates/odd/page", source)}
    return BoundedEnvironment(Path("/nowhere"), overrides).generate("page", {})[0]


@pytest.mark.parametrize("name", SOURCES)
def test_what_would_be_huge_is_refused_before_it_is(name: str) -> None:
    """A gigabyte is not there for a moment."""
    tracemalloc.start()
    try:
        with pytest.raises(Nonsense, match="is larger than 16 MiB"):
            render(SOURCES[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * LARGEST


@pytest.mark.parametrize("source", FINE)
def test_what_files_need_is_made(source: str) -> None:
    """As without bounds."""
    assert render(source) == FINE[source]


def test_a_file_of_the_largest_size_is_made() -> None:
    """And not a byte more."""
    assert len(render(f"{{{{ 'x' * {LARGEST} }}}}")) == LARGEST
    with pytest.raises(Nonsense):
        render(f"{{{{ 'x' * {LARGEST} }}}}y")
    with pytest.raises(Nonsense):
        render(f"{{{{ 'ä' * {LARGEST // 2} }}}}y")


def test_a_control_character_is_named_and_the_value_is_not() -> None:
    """It may be a secret."""
    with pytest.raises(Nonsense) as caught:
        render("{{ 'hunter2\\n' }}")
    assert str(caught.value) == r"a value holds a control character: '\n'"
