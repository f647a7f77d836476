"""Tests of `mailstead.hooks`."""

from __future__ import annotations

import pytest

from mailstead.errors import MailsteadError, PlanError
from mailstead.hooks import Hooks
from mailstead.machine.deadline import deadline
from mailstead.registry import Registry
from tests.core.packages import Packages

OWNER = """
from collections.abc import Sequence
from mailstead.plugin import Module, hookspec

class Specs:
    @hookspec
    def colours(self, context, tone):
        "Give colours."

    @hookspec
    def tones(self, context, tone) -> Sequence[int]:
        "Give tones."

module = Module(hookspecs=[Specs])
"""
GIVER = """
from mailstead.plugin import Module, NotFound, hookimpl
module = Module()

@hookimpl
def {name}({arguments}):
    {body}
"""


def giver(body: str, name: str = "colours", arguments: str = "tone") -> str:
    """Give the code of a module that implements a hook."""
    text = GIVER.replace("{name}", name).replace("{arguments}", arguments)
    return text.replace("{body}", body)


def registry_of(packages: Packages, **codes: str) -> Registry:
    """Give a registry of modules that all depend on the owner of the hook."""
    sources = [packages.add("owner", code=OWNER)]
    sources += [packages.add(name, 'depends = ["owner"]', code) for name, code in codes.items()]
    return Registry.discover(sources)


def test_results_come_in_order_with_their_module(packages: Packages) -> None:
    """An implementation takes the arguments it asks for."""
    registry = registry_of(packages, b=giver("return tone * 2"), a=giver("return tone"))
    collect = Hooks(registry).collector(("owner", "a", "b"))
    assert collect("colours", context=None, tone=1) == (("a", 1), ("b", 2))


def test_only_enabled_modules_are_asked(packages: Packages) -> None:
    """The rest are silent."""
    registry = registry_of(packages, a=giver("return 1"), b=giver("return 2"))
    assert Hooks(registry).collector(("b",))("colours", context=None, tone=1) == (("b", 2),)


def test_a_hook_nobody_declares_gives_nothing(packages: Packages) -> None:
    """Its owner may not be installed."""
    assert Hooks(registry_of(packages)).collector(("owner",))("unheard") == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("import sys; sys.exit(1)", "SystemExit: 1"),
        ("return 5", r"gave int where collections\.abc\.Sequence\[int\] belongs"),
        ("return ['red']", r"gave list of str where .* belongs"),
        ("yield 1; raise ValueError('late')", "ValueError: late"),
    ],
)
def test_a_failing_implementation_is_named(packages: Packages, body: str, words: str) -> None:
    """The error says which module and which hook, not who asked."""
    registry = registry_of(packages, a=giver(body, name="tones"))
    collect = Hooks(registry).collector(("owner", "a"))
    with pytest.raises(PlanError, match=f"module a: the hook tones: {words}"):
        collect("tones", context=None, tone=1)


def test_an_implementation_may_yield(packages: Packages) -> None:
    """Whoever asks is given a tuple."""
    registry = registry_of(packages, a=giver("yield tone; yield 2", name="tones"))
    assert Hooks(registry).collector(("a",))("tones", context=None, tone=1) == (("a", (1, 2)),)


def test_an_implementation_that_hangs_is_named(packages: Packages) -> None:
    """It has its own time."""
    hooks = Hooks(registry_of(packages, a=giver("while True: pass")), lambda _: deadline(0.05))
    with pytest.raises(PlanError, match="module a: the hook colours: did not answer within 10 s"):
        hooks.collector(("a",))("colours", context=None, tone=1)


def test_what_needs_a_module_whose_hook_is_misspelt_is_blocked(packages: Packages) -> None:
    """And does not stop the rest."""
    sources = [
        packages.add("a", code=giver("return 1", name="colors")),
        packages.add("b", 'depends = ["a"]'),
        packages.add("c", code=OWNER),
    ]
    registry = Registry.discover(sources)
    Hooks(registry)
    states = [registry.entry(name).status for name in "abc"]
    assert states == ["broken", "blocked", "available"]


@pytest.mark.parametrize("code", ["class Specs: pass", "Specs = int"])
def test_hooks_that_cannot_be_declared_break_their_module(packages: Packages, code: str) -> None:
    """With the reason."""
    text = f"from mailstead.plugin import Module\n{code}\nmodule = Module(hookspecs=[Specs])"
    registry = Registry.discover([packages.add("a", code=text), packages.add("b")])
    Hooks(registry)
    assert registry.usable() == ("b",)
    assert "its hooks cannot be used" in registry.entry("a").reason


def test_an_error_for_people_passes_unchanged(packages: Packages) -> None:
    """A module may refuse with its own words."""
    collect = Hooks(registry_of(packages, a=giver("raise NotFound('no paint')"))).collector(("a",))
    with pytest.raises(MailsteadError, match=r"^no paint$"):
        collect("colours", context=None, tone=1)


@pytest.mark.parametrize(
    "code",
    [giver("return 1", name="colors"), giver("return 1", arguments="tone, shade")],
    ids=["a misspelt hook", "an unknown argument"],
)
def test_a_wrong_implementation_breaks_its_module_alone(packages: Packages, code: str) -> None:
    """With pluggy's words as the reason."""
    registry = registry_of(packages, a=code, b=giver("return 2"))
    collect = Hooks(registry).collector(("a", "b"))
    assert registry.entry("a").status == "broken"
    assert collect("colours", context=None, tone=1) == (("b", 2),)
