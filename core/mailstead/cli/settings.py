"""Show, set and unset any form or table of any module.

A place is ``module``, ``module.section``, or ``module.section KEY`` for a row of a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from mailstead.cli.app import App, pass_app
from mailstead.errors import InvalidInput
from mailstead.settings.declare import Field, Section

if TYPE_CHECKING:
    from mailstead.settings.cells import Tree
    from mailstead.settings.schema import Bound
    from mailstead.settings.view import Settings


@click.group()
def settings() -> None:
    """Show and change settings; changes take effect at Save."""


@settings.command()
@click.argument("place", required=False)
@click.argument("key", required=False)
@click.option("--running", "tree", flag_value="running", help="What was saved last.")
@click.option("--draft", "tree", flag_value="draft", default="draft", help="With unsaved changes.")
@pass_app
def show(app: App, place: str | None, key: str | None, tree: Tree) -> None:
    """Show settings: all, a module's, a section's, or one row."""
    bounds = _sections(app, place)
    if app.json:
        app.emit({bound.path: _data(app, bound, key, tree) for bound in bounds})
        return
    for bound in bounds:
        _show(app, bound, key, tree)


@settings.command("set")
@click.argument("place")
@click.argument("words", nargs=-1, required=True, metavar="[KEY] FIELD=VALUE...")
@pass_app
def set_values(app: App, place: str, words: tuple[str, ...]) -> None:
    """Set fields: `settings set network.host hostname=mail domain=example.org`.

    A row of a table is named by its key; it is added when it is new. A field that takes
    several values is given them separated by commas.
    """
    bound = app.engine.schema.find(place)
    key, values = _key_and_values(bound, words)
    _refuse_hidden(bound)
    editor, actor = app.engine.editor, app.engine.actor
    if bound.section.kind == "form":
        editor.set_form(place, values, actor)
    elif _exists(app, bound, key):
        editor.change_row(place, key, values, actor)
    else:
        names = zip(bound.section.key, _parts(bound, key), strict=True)
        editor.add_row(place, {**dict(names), **values}, actor)
    app.say(f"{place}: changed; takes effect when you save (`mailstead save`).")


@settings.command()
@click.argument("place")
@click.argument("words", nargs=-1, metavar="[KEY] [FIELD]...")
@click.option("--force", is_flag=True, help="Also free what refers to the row.")
@pass_app
def unset(app: App, place: str, words: tuple[str, ...], force: bool) -> None:
    """Set fields back to their defaults, or remove a row of a table."""
    bound = app.engine.schema.find(place)
    _refuse_hidden(bound)
    editor, actor = app.engine.editor, app.engine.actor
    if bound.section.kind == "form":
        names = words or tuple(item.name for item in bound.section.fields)
        editor.unset(place, "", names, actor)
    elif not words:
        raise InvalidInput("which row?", where=place, hint="name its key")
    elif len(words) == 1:
        editor.remove_row(place, words[0], actor, force=force)
    else:
        editor.unset(place, words[0], words[1:], actor)
    app.say(f"{place}: changed; takes effect when you save (`mailstead save`).")


def _sections(app: App, place: str | None) -> Sequence[Bound]:
    schema = app.engine.schema
    shown = [bound for bound in schema.all() if not bound.section.hidden]
    if not place:
        return shown
    if "." in place:
        return [schema.find(place)]
    app.engine.registry.available(place)
    return [bound for bound in shown if bound.module == place]


def _data(app: App, bound: Bound, key: str | None, tree: Tree) -> Any:
    if bound.section.kind == "form":
        return _plain(bound.section, _view(app, tree).form(bound.section.cls))
    return [_plain(bound.section, row) for row in _rows(app, bound, key, tree)]


def _rows(app: App, bound: Bound, key: str | None, tree: Tree) -> Iterable[Any]:
    view = _view(app, tree)
    if not key:
        return view.rows(bound.section.cls)
    row = view.row(bound.section.cls, *_parts(bound, key))
    if row is None:
        hint = f"see `mailstead settings show {bound.path}`"
        raise InvalidInput("no such row", where=f"{bound.path}[{key}]", hint=hint)
    return [row]


def _show(app: App, bound: Bound, key: str | None, tree: Tree) -> None:
    section = bound.section
    if section.kind == "form":
        app.print_record(f"{bound.path}: {section.title}", _data(app, bound, key, tree))
        return
    names = [item.name for item in section.fields]
    rows = [list(_plain(section, row).values()) for row in _rows(app, bound, key, tree)]
    app.print_table(f"{bound.path}: {section.title}", names, rows)


def _plain(section: Section, record: object) -> dict[str, Any]:
    return {item.name: _shown(item, getattr(record, item.name)) for item in section.fields}


def _shown(field: Field, value: Any) -> Any:
    if field.type.secret:
        return None if value is None else "********"
    return field.dump(value)


def _view(app: App, tree: Tree) -> Settings:
    return app.engine.context_settings(tree)


def _key_and_values(bound: Bound, words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    key = ""
    rest = list(words)
    if bound.section.kind == "table":
        if "=" in rest[0]:
            raise InvalidInput("which row?", where=bound.path, hint="name its key before FIELD=")
        key = rest.pop(0)
    return key, dict(_value(bound, word) for word in rest)


def _value(bound: Bound, word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals:
        raise InvalidInput(f"{word!r} is not FIELD=VALUE", where=bound.path)
    many = any(item.name == name and item.many for item in bound.section.fields)
    return name, [part.strip() for part in text.split(",")] if many else text


def _exists(app: App, bound: Bound, key: str) -> bool:
    return bool(_view(app, "draft").exists(bound.path, *_parts(bound, key)))


def _parts(bound: Bound, key: str) -> tuple[str, ...]:
    from mailstead.settings.validate import key_parts

    return key_parts(bound, key)


def _refuse_hidden(bound: Bound) -> None:
    if bound.section.hidden:
        hint = "use `mailstead enable` and `mailstead disable`"
        raise InvalidInput("it has commands of its own", where=bound.path, hint=hint)


commands = [settings]
