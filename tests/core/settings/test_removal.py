"""Removal by force where rows hang on rows."""

from __future__ import annotations

from typing import Annotated

import pytest

from mailstead.errors import InUse, InvalidValue
from mailstead.settings import types
from mailstead.settings.declare import field, form, table
from mailstead.settings.edit import Editor, Record
from mailstead.settings.schema import Schema
from mailstead.settings.store import Store

from .samples import ROOT

Next = Annotated[str, types.reference("ring.link")]


@table(title="Links", key=("name",))
class Link:
    """A row that may hang on another."""

    name: types.Name
    after: Next | None = field(default=None)


@table(title="Groups", key=("name",))
class Group:
    """A row that needs two links at least."""

    name: types.Name
    links: tuple[Next, ...] = field(min_items=2)
    parent: Annotated[str, types.reference("ring.group")] | None = field(default=None)


@table(title="Tags", key=("group", "name"))
class Tag:
    """A row that needs its group."""

    group: Annotated[str, types.reference("ring.group")]
    name: types.Name


@form(title="Main")
class Main:
    """A form that needs a link once it has one."""

    links: tuple[Next, ...] = field(default=())


@pytest.fixture
def editor(store: Store) -> Editor:
    """Give three links, a group of them with a tag, and a child group."""
    schema = Schema()
    schema.add("ring", [Link, Group, Tag, Main])
    made = Editor(store, schema, lambda: 1.0)
    for name in "abc":
        made.add_row("ring.link", {"name": name}, ROOT)
    made.add_row("ring.group", {"name": "g", "links": ["a", "b", "c"]}, ROOT)
    made.add_row("ring.group", {"name": "child", "links": ["b", "c"], "parent": "g"}, ROOT)
    made.add_row("ring.tag", {"group": "g", "name": "t"}, ROOT)
    return made


def _names(editor: Editor, cls: type) -> list[str]:
    return [key for key, _ in editor._store.records("draft", editor._schema.of(cls).path)]


def test_it_goes_on_from_row_to_row(editor: Editor) -> None:
    """A group below its least number goes, its tag with it, and its child is set free."""
    editor.remove_row("ring.link", "a", ROOT, force=True)
    assert ["child", "g"] == _names(editor, Group)
    editor.remove_row("ring.group", "g", ROOT, force=True)
    assert (["child"], []) == (_names(editor, Group), _names(editor, Tag))
    editor.remove_row("ring.link", "b", ROOT, force=True)
    assert ([], ["c"]) == (_names(editor, Group), _names(editor, Link))


def test_it_ends_in_a_circle(editor: Editor) -> None:
    """Rows that refer to each other, and to themselves."""
    editor.change_row("ring.link", "a", {"after": "b"}, ROOT)
    editor.change_row("ring.link", "b", {"after": "a"}, ROOT)
    editor.change_row("ring.link", "c", {"after": "c"}, ROOT)
    assert "ring.link[c].after" not in editor.uses("ring.link", "c")
    for name in "abc":
        editor.remove_row("ring.link", name, ROOT, force=True)
    assert [] == _names(editor, Link)
    assert not editor._store.has_draft()


def test_a_form_that_cannot_do_without_is_named(store: Store) -> None:
    """A form cannot be removed, so the person must choose."""

    @form(title="Needs", name="main")
    class Needs:
        link: Next = field(default="a")

    schema = Schema()
    schema.add("ring", [Link, Needs])
    editor = Editor(store, schema, lambda: 1.0)
    editor.add_row("ring.link", {"name": "a"}, ROOT)
    assert ("ring.main.link",) == editor.uses("ring.link", "a")
    with pytest.raises(InvalidValue, match=r"^ring\.main\.link: cannot be freed"):
        editor.remove_row("ring.link", "a", ROOT, force=True)
    assert store.has_draft()


@table(title="Letters", key=("name",))
class Letter:
    """A row that may name a link, or something else."""

    name: types.Name
    to: (
        Annotated[types.MailAddress, types.Mentions(("ring.link", "ring.other"), lambda it: it[0])]
        | None
    ) = field(default=None)


@table(title="Others", name="other", key=("name",))
class Other:
    """Another table with such rows."""

    name: types.Name


@pytest.fixture
def letters(store: Store) -> Editor:
    """Give a letter to the link a and one to nobody we know."""
    schema = Schema()
    schema.add("ring", [Link, Letter, Other])
    made = Editor(store, schema, lambda: 1.0)
    made.add_row("ring.link", {"name": "a"}, ROOT)
    made.add_row("ring.letter", {"name": "mine", "to": "a@example.org"}, ROOT)
    made.add_row("ring.letter", {"name": "far", "to": "z@example.org"}, ROOT)
    return made


def test_a_row_that_is_mentioned_is_in_use(letters: Editor) -> None:
    """By force the field is cleared, and the row it is in stays."""
    with pytest.raises(InUse) as caught:
        letters.remove_row("ring.link", "a", ROOT)
    assert caught.value.users == ("ring.letter[mine].to",)
    letters.remove_row("ring.link", "a", ROOT, force=True)
    assert _names(letters, Letter) == ["far", "mine"]
    assert "to" not in letters._store.record("draft", "ring.letter", "mine")
    assert letters._store.record("draft", "ring.letter", "far")["to"] == "z@example.org"


def test_what_is_mentioned_cannot_go_among_many_records(letters: Editor) -> None:
    """Unless another table has a row of that name."""
    letters._store.commit_draft(ROOT, 2.0)
    gone = Record("ring.link", "a", None)
    with pytest.raises(InvalidValue, match=r"^ring\.letter\[mine\]\.to: it refers to 'a'"):
        letters.write_many([gone], ROOT)
    letters.write_many([gone, Record("ring.other", "a", {})], ROOT)
    assert (_names(letters, Link), _names(letters, Other)) == ([], ["a"])
