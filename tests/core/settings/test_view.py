"""Views: instances from cells and defaults."""

from __future__ import annotations

import pytest

from mailstead.errors import InvalidValue, NotFound
from mailstead.settings.cells import Cell
from mailstead.settings.secret import Secret

from .samples import ROOT, Domain, House, Member, Object, Options


def test_a_form_is_there_before_anything_was_set(house: House) -> None:
    """With its defaults."""
    assert Options() == house.draft.form(Options)


def test_only_what_was_set_differs_from_the_defaults(house: House) -> None:
    """Also secrets come as their type, and running does not see the draft."""
    house.editor.set_form("mail.options", {"password": "pw", "servers": ["B.example"]}, ROOT)
    assert Options(password=Secret("pw"), servers=("b.example",)) == house.draft.form(Options)
    assert Options() == house.running.form(Options)
    house.save()
    assert house.draft.form(Options) == house.running.form(Options)


def test_rows_come_by_key_and_prefix(house: House) -> None:
    """Key values are taken in any spelling."""
    for name in ("office", "office-2"):
        house.add("network.object", name=name)
        house.add("network.member", object=name, name="pc", address="192.0.2.1")
    expected = Member(object="office", name="pc", address="192.0.2.1")
    assert [expected] == list(house.draft.rows(Member, "office"))
    assert expected == house.draft.row(Member, "office", "PC")
    assert 2 == len(list(house.draft.rows(Member))) == house.draft.count(Member)
    assert house.draft.exists("network.object", "Office")
    assert not house.draft.exists("network.object", "home")
    assert not house.draft.exists("network.object", "no name\n")
    assert house.draft.row(Object, "no name") is None
    assert [] == list(house.draft.rows(Object, "no name"))


def test_a_field_is_used_while_any_row_sets_it(house: House) -> None:
    """In the tree that is asked."""
    assert not house.draft.is_used(Member, "address")
    house.add("network.object", name="office")
    house.add("network.member", object="office", name="pc", address="192.0.2.1")
    assert house.draft.is_used(Member, "address")
    assert not house.running.is_used(Member, "address")


def test_a_key_with_too_many_parts_is_a_programmers_error(house: House) -> None:
    """The key's fields are named."""
    with pytest.raises(TypeError, match="name"):
        house.draft.row(Object, "a", "b")
    with pytest.raises(NotFound):
        house.draft.exists("network.objects", "a")


def test_a_value_no_longer_accepted_is_named_by_its_path(house: House) -> None:
    """As when a newer plugin has narrowed a grammar."""
    house.add("mail.domain", name="a.example")
    house.store.edit([Cell("mail.domain", "a.example", "size", "huge")], ROOT, 1.0)
    with pytest.raises(InvalidValue, match=r"^mail\.domain\[a\.example\]\.size: 'huge' is not"):
        house.draft.row(Domain, "a.example")


def test_a_field_that_became_required_is_named(house: House) -> None:
    """A row without it cannot be shown."""
    cells = [Cell("network.member", "a/b", name, name) for name in ("object", "name")]
    house.store.edit(cells, ROOT, 1.0)
    with pytest.raises(InvalidValue, match=r"member\[a/b\]\.address: is not set"):
        list(house.draft.rows(Member))


def test_cells_of_fields_that_are_gone_are_passed_over(house: House) -> None:
    """As after an upgrade; and cells without a key are no row."""
    house.store.edit(
        [Cell("mail.options", "", "old", 1), Cell("mail.domain", "x", "old", 1)], ROOT, 1.0
    )
    assert Options() == house.draft.form(Options)
    assert [] == list(house.draft.rows(Domain))
