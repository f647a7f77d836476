"""Tests of `mailstead.registry`."""

from __future__ import annotations

import itertools
import sys

import pytest

from mailstead.errors import ModuleUnavailable
from mailstead.registry import Registry, Source
from tests.core.packages import Packages


def test_modules_come_in_dependency_order_whatever_the_order_found(packages: Packages) -> None:
    """Every permutation of the same plugins gives the same order."""
    found = [
        packages.add("mail", 'depends = ["users"]\nenable_depends = ["network"]'),
        packages.add("users", 'depends = ["network"]'),
        packages.add("network"),
        packages.add("alone"),
    ]
    orders = {Registry.discover(order).ids for order in itertools.permutations(found)}
    assert orders == {("alone", "network", "users", "mail")}


def test_nothing_of_a_plugin_is_imported_to_list_it(packages: Packages) -> None:
    """Only the manifest is read."""
    source = packages.add("lazy")
    assert Registry.discover([source]).ids == ("lazy",)
    assert source.package not in sys.modules


@pytest.mark.parametrize(
    "code", ["raise RuntimeError('boom')", "import sys; sys.exit(3)", "import no_such_thing", "1 +"]
)
def test_a_plugin_that_fails_to_import_is_broken_and_the_rest_works(
    packages: Packages, code: str
) -> None:
    """Its dependants are blocked with the reason."""
    registry = Registry.discover(
        [
            packages.add("bad", code=code),
            packages.add("needs", 'enable_depends = ["bad"]'),
            packages.add("far", 'depends = ["needs"]'),
            packages.add("fine"),
        ]
    )
    assert registry.usable() == ("fine",)
    states = {name: registry.entry(name).status for name in registry.ids}
    assert states == {"bad": "broken", "needs": "blocked", "far": "blocked", "fine": "available"}
    assert registry.entry("needs").reason == "needs the module bad, which is broken"


def test_a_package_without_a_module_is_broken(packages: Packages) -> None:
    """A module must be declared."""
    registry = Registry.discover([packages.add("empty", code="module = 1")])
    with pytest.raises(ModuleUnavailable, match="is not a Module"):
        registry.module("empty")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("files=[1]", "files holds int where Template belongs"),
        ("files=[Check('x', ('x',))]", "files holds Check where Template belongs"),
        ("daemons=Daemon('x')", "daemons is Daemon, not a list"),
        ("sections=['x']", "sections holds str where type belongs"),
        ("facts='x'", "facts is str, not a list"),
    ],
)
def test_a_module_made_of_nonsense_is_broken(packages: Packages, words: str, reason: str) -> None:
    """Found at import, not in the middle of a save."""
    code = f"from mailstead.plugin import *\nmodule = Module({words})"
    registry = Registry.discover([packages.add("odd", code=code), packages.add("fine")])
    assert registry.usable() == ("fine",)
    assert reason in registry.entry("odd").reason


def test_modules_that_are_not_there_are_broken_and_the_registry_stays_as_it_is(
    packages: Packages,
) -> None:
    """An instance may know modules that nobody has installed any more."""
    registry = Registry.discover([packages.add("a")])
    wider = registry.including(["a", "gone"])
    assert (registry.ids, wider.ids) == (("a",), ("a", "gone"))
    assert wider.usable() == ("a",)
    assert wider.entry("gone").reason == "its package is not installed"
    assert wider.including(["gone"]) is wider


def test_a_cycle_breaks_the_modules_in_it_and_names_them(packages: Packages) -> None:
    """Others go on."""
    registry = Registry.discover(
        [
            packages.add("a", 'depends = ["b"]'),
            packages.add("b", 'depends = ["c"]'),
            packages.add("c", 'depends = ["a"]'),
            packages.add("d"),
        ]
    )
    assert registry.usable() == ("d",)
    for name in "abc":
        assert all(other in registry.entry(name).reason for other in "abc")
        assert "cycle" in registry.entry(name).reason


def test_a_missing_dependency_blocks_and_is_named(packages: Packages) -> None:
    """The reason says which module is not installed."""
    registry = Registry.discover([packages.add("a", 'depends = ["gone"]')])
    assert registry.entry("a").status == "blocked"
    assert "gone, which is not installed" in registry.entry("a").reason


def test_two_owners_of_one_path_break_both_and_are_named(packages: Packages) -> None:
    """Neither may write it."""
    claim = '[[paths]]\npath = "/etc/motd"\nreason = "x"'
    registry = Registry.discover([packages.add("a", claim), packages.add("b", claim)])
    assert registry.usable() == ()
    assert registry.entry("a").reason == "the file /etc/motd is owned by a and b"


def test_two_plugins_with_one_id_break_it_and_are_named(packages: Packages) -> None:
    """Both packages are in the reason."""
    first, second = packages.add("a"), packages.add("a")
    reason = Registry.discover([first, second]).entry("a").reason
    assert first.package in reason
    assert second.package in reason


def test_two_modules_with_one_command_break_both(packages: Packages) -> None:
    """A command has one owner."""
    found = [packages.add("a", 'commands = ["x"]'), packages.add("b", 'commands = ["x"]')]
    assert Registry.discover(found).usable() == ()


def test_an_unsupported_api_is_broken_and_named(packages: Packages) -> None:
    """The error says which versions there are."""
    source = packages.add("new", 'id = "new"\napi = 9\ntitle = "x"')
    assert "version 9 is not supported" in Registry.discover([source]).entry("new").reason


def test_an_id_other_than_the_entry_point_is_broken(packages: Packages) -> None:
    """A module cannot pose as another."""
    source = packages.add("a", 'id = "network"\napi = 1\ntitle = "x"')
    assert "is not the entry point's name" in Registry.discover([source]).entry("a").reason


def test_a_vanished_package_is_broken() -> None:
    """An entry point whose package is gone stops nothing."""
    registry = Registry.discover([Source("gone", "no_such_package_at_all")])
    assert registry.entry("gone").status == "broken"


def test_an_unknown_module_is_refused_with_the_known_ones(packages: Packages) -> None:
    """The error lists what there is."""
    registry = Registry.discover([packages.add("a")])
    with pytest.raises(ModuleUnavailable, match="modules: a"):
        registry.module("b")


def test_needed_and_dependants_are_transitive_and_ordered(packages: Packages) -> None:
    """Enabling goes up the order, disabling down."""
    registry = Registry.discover(
        [
            packages.add("c", 'enable_depends = ["b"]'),
            packages.add("b", 'enable_depends = ["a"]'),
            packages.add("a"),
            packages.add("d", 'depends = ["a"]'),
        ]
    )
    assert registry.needed("c") == ("a", "b", "c")
    assert registry.dependants("a") == ("c", "b")


def test_boot_order_follows_boot_depends(packages: Packages) -> None:
    """Daemons may start in another order than files are saved."""
    registry = Registry.discover(
        [packages.add("a", 'boot_depends = ["b"]'), packages.add("b", 'depends = ["a"]')]
    )
    assert registry.ids == ("a", "b")
    assert registry.boot_order(("a", "b")) == ("b", "a")


def test_two_registries_share_nothing(packages: Packages) -> None:
    """Marking a module broken in one leaves it usable in the other."""
    source = packages.add("a")
    first, second = Registry.discover([source]), Registry.discover([source])
    first.mark_broken("a", "because")
    assert first.usable() == ()
    assert second.usable() == ("a",)
