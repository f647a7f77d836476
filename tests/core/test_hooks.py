"""Tests of `mailstead.hooks`."""

from __future__ import annotations

import pytest

from mailstead.errors import MailsteadError, PlanError
from mailstead.hooks import Hooks
from mailstead.registry import Registry
from tests.core.packages import Packages

OWNER = """
from mailstead.plugin import Module, hookspec

class Specs:
    @hookspec
    def colours(self, context, tone):
        "Give colours."

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


@pytest.mark.parametrize("body", ["raise RuntimeError('boom')", "import sys; sys.exit(1)"])
def test_a_failing_implementation_is_named(packages: Packages, body: str) -> None:
    """The error says which module and which hook."""
    collect = Hooks(registry_of(packages, a=giver(body))).collector(("a",))
    with pytest.raises(PlanError, match="module a: the hook colours failed"):
        collect("colours", context=None, tone=1)


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
