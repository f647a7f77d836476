"""Contributions of several modules to main.cf and master.cf."""

from __future__ import annotations

import pytest

from mailstead.errors import PlanError
from mailstead_mail_smtp.hookspecs import Parameter, Service
from mailstead_mail_smtp.postfix.compose import compose_parameters, compose_services


def test_groups_keep_their_contributor() -> None:
    """In the order of the modules."""
    one, two = Parameter("biff", "no"), Parameter("milter_protocol", "6")
    assert compose_parameters([("a", [one]), ("b", [two])]) == [("a", [one]), ("b", [two])]


def test_two_values_name_modules_parameter_and_values() -> None:
    """Nothing is guessed."""
    given = [("a", [Parameter("biff", "no")]), ("b", [Parameter("biff", "yes")])]
    with pytest.raises(PlanError) as caught:
        compose_parameters(given)
    assert str(caught.value).startswith("main.cf: biff: a gives 'no', but b gives 'yes'")


def test_the_same_value_lists_both() -> None:
    """And is written once."""
    item = Parameter("biff", "no")
    assert compose_parameters([("a", [item]), ("b", [item])]) == [("a, b", [item])]


def test_a_default_gives_way() -> None:
    """To whoever is firm; two who are firm still have to agree."""
    default, firm = Parameter("virtual_transport", "virtual", default=True), "lmtp:x"
    found = compose_parameters(
        [("a", [default]), ("b", [Parameter("virtual_transport", firm)])]
    )  # fmt: skip
    assert found == [("b", [Parameter("virtual_transport", firm)])]
    assert compose_parameters([("a", [default])]) == [("a", [default])]


@pytest.mark.parametrize("value", ["no\nevil = yes", "no\r", "a\0b", "\x1b[2J", "\n continued"])
def test_a_value_never_becomes_a_second_line(value: str) -> None:
    """Neither a value nor a comment."""
    with pytest.raises(PlanError, match="one line"):
        compose_parameters([("a", [Parameter("biff", value)])])
    with pytest.raises(PlanError, match="one line"):
        compose_parameters([("a", [Parameter("biff", "no", comment=value)])])
    with pytest.raises(PlanError, match="one line"):
        compose_services([("a", [Service("x", "unix", "pipe", options={"o": value})])])


@pytest.mark.parametrize("name", ["", "Biff", "biff=no evil", " biff", "#biff", "biff\n"])
def test_a_name_is_a_parameters(name: str) -> None:
    """As postconf(5) has them."""
    with pytest.raises(PlanError, match="parameter"):
        compose_parameters([("a", [Parameter(name, "x")])])


@pytest.mark.parametrize("command", ["pipe user=root", "pipe\n", "", "-o\tx"])
def test_a_service_column_is_one_word(command: str) -> None:
    """Options go into options."""
    with pytest.raises(PlanError, match="plain word"):
        compose_services([("a", [Service("x", "unix", command)])])


def test_one_service_twice_names_both() -> None:
    """By name and type, as master(5) does."""
    item = Service("x", "unix", "pipe")
    with pytest.raises(PlanError, match="both a and b"):
        compose_services([("a", [item]), ("b", [item])])
