"""Other values for any field, and new rows for any table."""

from __future__ import annotations

import importlib

import pytest

from mailstead.settings.guess import Guesser
from mailstead.settings.overlay import Overlay
from mailstead.settings.schema import Schema
from mailstead.settings.view import Settings, default_of

from .samples import House, Member, Rule

FIRST_PARTY = ("network", "users", "mail_smtp", "mail_retrieval")


@pytest.fixture
def guesser(house: House) -> Guesser:
    """Give a guesser over an empty house."""
    return Guesser(house.schema, house.store, "draft")


def test_every_field_of_the_house_has_another_value_that_it_takes(
    house: House, guesser: Guesser
) -> None:
    """Each is in the form the store holds, and is not the present one."""
    for bound in house.schema.all():
        for field in bound.section.fields:
            value = None if field.required else field.dump(default_of(field))
            found = list(guesser.values(field, value))
            assert found, bound.place("", field.name)
            assert value not in [item for item in found if type(item) is type(value)]
            for item in found:
                assert item in ("", field.dump(field.parse(item, "")))


def test_every_field_of_the_first_party_modules_has_one(house: House) -> None:
    """Whatever their types are."""
    schema = Schema()
    for name in FIRST_PARTY:
        schema.add(name, importlib.import_module(f"mailstead_{name}").module.sections)
    guesser = Guesser(schema, house.store, "draft")
    for bound in schema.all():
        for field in bound.section.fields:
            value = None if field.required else field.dump(default_of(field))
            assert list(guesser.values(field, value)), bound.place("", field.name)


def test_the_most_alike_comes_first(house: House, guesser: Guesser) -> None:
    """A number grows by one, a list loses its last item, a choice is another one."""

    def first(path: str, name: str, value: object) -> object:
        return next(guesser.values(house.schema.find(path).field(name), value))

    assert 1025 == first("mail.domain", "size", 1024)
    assert "localhostx" == first("mail.options", "hostname", "localhost")
    assert ["a.example"] == first("mail.options", "servers", ["a.example", "b.example"])
    assert ["a.example", "a.examplex"] == first("mail.options", "servers", ["a.example"])
    assert "allow" == first("mail.rule", "action", "deny")


def test_a_reference_is_tried_with_rows_there_are(house: House, guesser: Guesser) -> None:
    """Before names that nobody has."""
    house.add("network.object", name="office")
    field = house.schema.find("network.member").field("object")
    assert "office" == next(guesser.values(field, None))


def test_a_new_row_brings_the_rows_it_refers_to(house: House, guesser: Guesser) -> None:
    """So that a view over the cells sees a whole."""
    cells = guesser.row(house.schema.find("network.member"), ("home",))
    view = Settings(Overlay(house.store, cells), house.schema, "draft")
    (member,) = view.rows(Member)
    assert "home" == member.object
    assert view.exists("network.object", "home")


def test_a_new_row_has_the_key_it_is_given(house: House, guesser: Guesser) -> None:
    """Unless no row can have it."""
    rule = house.schema.find("mail.rule")
    view = Settings(Overlay(house.store, guesser.row(rule, ("night",))), house.schema, "draft")
    assert Rule(name="night") == view.row(Rule, "night")
    assert {} == guesser.row(rule, ("no name",))
