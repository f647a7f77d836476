"""Editing the draft: whole calls, canonical keys, references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mailstead.errors import AlreadyExists, InUse, InvalidInput, InvalidValue, NotFound
from mailstead.settings.audit import AuditLog
from mailstead.settings.cells import Actor, Cell
from mailstead.settings.edit import Record

from .samples import ROOT, Domain, House, Member, Object, Options, Rule


def test_twins_are_one_row(house: House) -> None:
    """The second is told which row it is."""
    assert "xn--bcher-kva.example" == house.add("mail.domain", name="BÜCHER.example")
    with pytest.raises(
        AlreadyExists,
        match=r"^mail\.domain\[xn--bcher-kva\.example\]: exists .*"
        r"`mailstead settings show mail\.domain xn--bcher-kva\.example`",
    ):
        house.add("mail.domain", name="XN--BCHER-KVA.example")
    house.editor.change_row("mail.domain", "Bücher.EXAMPLE", {"size": "1M"}, ROOT)
    assert Domain(name="xn--bcher-kva.example", size=2**20) == next(house.draft.rows(Domain))


REFUSED: list[tuple[str, type[Exception], Callable[[House], Any]]] = [
    (r"^mail\.options\.hostname: ", InvalidValue,
     lambda h: h.editor.set_form("mail.options", {"servers": ["b"], "hostname": "a b"}, ROOT)),
    (r"^mail\.options\.servers: needs at least 1", InvalidValue,
     lambda h: h.editor.set_form("mail.options", {"hostname": "b", "servers": []}, ROOT)),
    (r"^mail\.options: no field 'x'", NotFound,
     lambda h: h.editor.set_form("mail.options", {"hostname": "b", "x": 1}, ROOT)),
    (r"^mail\.options\.postmaster: there is no 'gone\.example' in mail\.domain", InvalidValue,
     lambda h: h.editor.set_form("mail.options", {"postmaster": "gone.example"}, ROOT)),
    (r"^mail\.options\.postmaster: 'a/b' is not a domain name", InvalidValue,
     lambda h: h.editor.set_form("mail.options", {"postmaster": "a/b"}, ROOT)),
    (r"^mail\.options: is a form", InvalidInput, lambda h: h.add("mail.options", hostname="b")),
    (r"^mail\.domain: is a table", InvalidInput,
     lambda h: h.editor.set_form("mail.domain", {"size": 1}, ROOT)),
    (r"^mail\.domain\[b\.example\]\.size: ", InvalidValue,
     lambda h: h.add("mail.domain", name="B.example", size="huge")),
    (r"^mail\.domain: no field 'seize' \(did you mean size", NotFound,
     lambda h: h.add("mail.domain", name="b.example", seize=1)),
    (r"^mail\.domain\.name: is required", InvalidValue, lambda h: h.add("mail.domain", size=1)),
    (r"^network\.member\.object: is required \(give object, name, address", InvalidValue,
     lambda h: h.add("network.member")),
    (r"^network\.member\[office/b\]\.object: there is no 'office'", InvalidValue,
     lambda h: h.add("network.member", object="office", name="b", address="192.0.2.1")),
    (r"^mail\.domain\[a\.example\]\.name: is part of the key", InvalidValue,
     lambda h: h.editor.change_row("mail.domain", "a.example", {"name": "b.example"}, ROOT)),
    (r"^mail\.domain\[b\.example\]: does not exist \(see `mailstead settings show mail\.domain`",
     NotFound,
     lambda h: h.editor.change_row("mail.domain", "b.example", {"size": 1}, ROOT)),
    (r"^mail\.domain: .* is not a domain name", NotFound,
     lambda h: h.editor.remove_row("mail.domain", "../evil", ROOT)),
    (r"^network\.member: 'a' is not a key \(object/name\)", NotFound,
     lambda h: h.editor.remove_row("network.member", "a", ROOT)),
    (r"^mail\.domain\[a\.example\]\.name: is required", InvalidValue,
     lambda h: h.editor.unset("mail.domain", "a.example", ["size", "name"], ROOT)),
    (r"^mail\.options: is a form", InvalidInput,
     lambda h: h.editor.unset("mail.options", "a", ["hostname"], ROOT)),
    (r"^mail\.rule\[two\]\.action: there is one already \(choose another\)", InvalidValue,
     lambda h: h.add("mail.rule", name="two", action="all")),
]  # fmt: skip


@pytest.mark.parametrize(("message", "kind", "call"), REFUSED)
def test_what_is_refused_is_named_and_changes_nothing(
    house: House, message: str, kind: type[Exception], call: Callable[[House], Any]
) -> None:
    """Every error has the field's path, and the draft stays as it was."""
    house.add("mail.domain", name="a.example", size=5)
    house.add("mail.rule", name="one", action="all")
    before = house.store.draft_changes()
    with pytest.raises(kind, match=message):
        call(house)
    assert before == house.store.draft_changes()


def test_a_secret_in_an_error_is_not_shown(house: House) -> None:
    """The path is."""
    with pytest.raises(InvalidValue, match=r"^mail\.options\.password: ") as caught:
        house.editor.set_form("mail.options", {"password": "hunter2\n"}, ROOT)
    assert "hunter2" not in str(caught.value)


def test_naming_the_same_key_again_is_no_change(house: House) -> None:
    """A web form sends it back with the rest."""
    house.add("mail.domain", name="a.example")
    house.editor.change_row("mail.domain", "a.example", {"name": "A.EXAMPLE", "size": 7}, ROOT)
    assert Domain(name="a.example", size=7) == house.draft.row(Domain, "a.example")


def test_unset_goes_back_to_the_default(house: House) -> None:
    """For forms and rows; the draft is empty again when running never had it."""
    house.editor.set_form("mail.options", {"hostname": "b"}, ROOT)
    house.editor.unset("mail.options", "", ["hostname"], ROOT)
    assert not house.store.has_draft()
    house.add("mail.domain", name="a.example", size=5)
    house.editor.unset("mail.domain", "A.example", ["size"], ROOT)
    assert Domain(name="a.example") == house.draft.row(Domain, "a.example")


def test_none_overrides_a_default(house: House) -> None:
    """Both as ``None`` and as an empty word from a command line."""
    for nothing in (None, ""):
        house.editor.set_form("mail.options", {"smarthost": nothing, "password": nothing}, ROOT)
        assert Options(smarthost=None) == house.draft.form(Options)
    assert ["smarthost"] == [change.field for change in house.store.draft_changes()]
    house.editor.unset("mail.options", "", ["smarthost"], ROOT)
    assert Options() == house.draft.form(Options)


def test_a_row_removed_and_added_again_has_no_old_values(house: House) -> None:
    """Nothing of the old one shines through."""
    house.add("mail.domain", name="a.example", size=5)
    house.save()
    house.editor.remove_row("mail.domain", "a.example", ROOT)
    assert house.draft.row(Domain, "a.example") is None
    house.add("mail.domain", name="a.example")
    assert Domain(name="a.example") == house.draft.row(Domain, "a.example")
    assert Domain(name="a.example", size=5) == house.running.row(Domain, "a.example")


def test_references_take_any_spelling(house: House) -> None:
    """They are kept in the target's canonical form, without doubles."""
    house.add("network.object", name="office")
    house.add("mail.domain", name="bücher.example", relay="OFFICE")
    house.add("mail.rule", name="r", objects=["Office", "office"], domain="BÜCHER.example")
    house.add("network.member", object="OFFICE", name="pc", address="192.0.2.1")
    house.editor.change_row("network.member", "Office/PC", {"address": "192.0.2.2"}, ROOT)
    expected = Rule(name="r", objects=("office",), domain="xn--bcher-kva.example")
    assert expected == house.draft.row(Rule, "r")


def _used(house: House) -> None:
    for name in ("office", "home"):
        house.add("network.object", name=name)
    house.add("network.member", object="office", name="pc", address="192.0.2.1")
    house.add("mail.domain", name="a.example", relay="office")
    house.add("mail.rule", name="both", objects=["office", "home"], domain="a.example")
    house.editor.set_form("mail.options", {"postmaster": "a.example"}, ROOT)


def test_a_used_row_cannot_vanish(house: House) -> None:
    """Each place that uses it is named."""
    _used(house)
    before = house.store.draft_changes()
    with pytest.raises(InUse) as caught:
        house.editor.remove_row("network.object", "Office", ROOT)
    expected = (
        "network.member[office/pc].object",
        "mail.domain[a.example].relay",
        "mail.rule[both].objects",
    )
    assert expected == caught.value.users == house.editor.uses("network.object", "office")
    assert before == house.store.draft_changes()
    assert ("mail.rule[both].domain", "mail.options.postmaster") == house.editor.uses(
        "mail.domain", "a.example"
    )
    assert () == house.editor.uses("network.member", "office/pc")


def test_force_frees_every_use(house: House) -> None:
    """Rows that cannot do without go too, optional fields are cleared, items are dropped."""
    _used(house)
    house.save()
    house.editor.remove_row("network.object", "office", ROOT, force=True)
    assert [Object(name="home")] == list(house.draft.rows(Object))
    assert [] == list(house.draft.rows(Member))
    assert Domain(name="a.example") == house.draft.row(Domain, "a.example")
    assert Rule(name="both", objects=("home",), domain="a.example") == house.draft.row(Rule, "both")
    house.editor.remove_row("mail.domain", "a.example", ROOT, force=True)
    assert Options() == house.draft.form(Options)
    assert Rule(name="both", objects=("home",)) == house.draft.row(Rule, "both")


def test_a_use_that_is_only_in_running_does_not_count(house: House) -> None:
    """The draft is what will be."""
    _used(house)
    house.save()
    house.editor.remove_row("network.member", "office/pc", ROOT)
    house.editor.change_row("mail.domain", "a.example", {"relay": None}, ROOT)
    house.editor.unset("mail.rule", "both", ["objects"], ROOT)
    house.editor.remove_row("network.object", "office", ROOT)
    assert [Object(name="home")] == list(house.draft.rows(Object))


def test_a_record_broken_elsewhere_can_be_mended_in_one_call(house: House) -> None:
    """As after an upgrade that narrowed a grammar."""
    house.add("mail.domain", name="a.example")
    house.store.edit([Cell("mail.domain", "a.example", "size", "huge")], ROOT, 1.0)
    house.editor.change_row("mail.domain", "a.example", {"size": 3}, ROOT)
    assert Domain(name="a.example", size=3) == house.draft.row(Domain, "a.example")


def test_a_key_of_one_part_needs_no_encoding(house: House) -> None:
    """A slash in it is the part's own; the grammar then judges it."""
    with pytest.raises(NotFound, match="'a/b' is not a name"):
        house.editor.remove_row("network.object", "a/b", ROOT)


# many records at once


def test_many_records_may_refer_to_each_other_in_any_order(house: House) -> None:
    """They are checked when all are written."""
    house.editor.write_many(
        [
            Record("mail.rule", "one", {"objects": ["office"], "domain": "a.example"}),
            Record("mail.domain", "a.example", {"relay": "office", "size": "1K"}),
            Record("network.object", "office", {}),
        ],
        ROOT,
    )
    assert Domain(name="a.example", size=1024, relay="office") == next(house.draft.rows(Domain))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            Record("mail.rule", "two", {"action": "all"}),
            r"^mail\.rule\[one\]\.action: there is one",
        ),
        (Record("mail.domain", "a.example", None), r"^mail\.options\.postmaster: there is no"),
        (Record("mail.domain", "A.example", {}), r"^mail\.domain\[A\.example\]: is not in canon"),
        (Record("mail.rule", "", {}), r"^mail\.rule: is a table"),
        (Record("mail.options", "x", {}), r"^mail\.options: is a form"),
        (Record("mail.options", "", {"hostname": "a b"}), r"^mail\.options\.hostname: "),
        (Record("network.member", "x/y", {}), r"^network\.member\[x/y\]\.address: is not set"),
    ],
)
def test_one_refused_record_of_many_undoes_all(house: House, record: Record, message: str) -> None:
    """The first that is wrong is named."""
    house.add("mail.domain", name="a.example")
    house.add("mail.rule", name="one", action="all")
    house.editor.set_form("mail.options", {"postmaster": "a.example"}, ROOT)
    before = house.store.draft_changes()
    with pytest.raises(InvalidInput, match=message):
        house.editor.write_many([Record("network.object", "office", {}), record], ROOT)
    assert before == house.store.draft_changes()


def test_a_whole_record_unsets_the_rest_but_no_secret(house: House) -> None:
    """Otherwise what is not given stays."""
    fields = {"hostname": "mx", "servers": ["b"], "password": "sesame"}
    house.editor.set_form("mail.options", fields, ROOT)
    house.editor.write_many([Record("mail.options", "", {"hostname": "new"})], ROOT)
    cells = {"hostname": "new", "servers": ["b"], "password": "sesame"}
    assert cells == house.store.record("draft", "mail.options", "")
    house.editor.write_many([Record("mail.options", "", {}, whole=True)], ROOT)
    assert {"password": "sesame"} == house.store.record("draft", "mail.options", "")


def test_what_is_as_it_shall_be_is_not_written(house: House) -> None:
    """So who changed it last stays known."""
    house.editor.set_form("mail.options", {"hostname": "mx"}, Actor("ann", "web"))
    house.editor.write_many([Record("mail.options", "", {"hostname": "MX"})], ROOT)
    assert ["ann"] == [change.who for change in house.store.draft_changes()]


def test_many_records_are_in_the_audit_log(house: House) -> None:
    """Each field that changes, and no secret."""
    house.editor.write_many([Record("network.object", "office", {})], ROOT)
    options = {"hostname": "mx", "password": "sesame"}
    house.editor.write_many([Record("mail.options", "", options)], ROOT)
    entries = AuditLog(house.store).entries()
    assert ["mail.options.password", "mail.options.hostname", "network.object[office].name"] == [
        entry.subject for entry in entries
    ]
    assert "sesame" not in str(entries)
