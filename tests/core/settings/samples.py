"""A small appliance to test with: objects with members, domains, rules that refer to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from mailstead.module import Problem
from mailstead.settings import types
from mailstead.settings.cells import Actor
from mailstead.settings.declare import field, form, table
from mailstead.settings.edit import Editor
from mailstead.settings.schema import Schema
from mailstead.settings.store import Store
from mailstead.settings.view import Settings

ROOT = Actor("root", "command line")


def _one_wildcard(record: Rule, settings: Settings) -> Iterator[Problem]:
    if sum(rule.action == "all" for rule in settings.rows(Rule)) > 1:
        yield Problem(f"mail.rule[{record.name}].action", "there is one already", "choose another")


@table(title="Objects", key=("name",))
class Object:
    """A named set of addresses."""

    name: types.Name
    note: types.Text = field(default="")


@table(title="Members", key=("object", "name"))
class Member:
    """An address of an object."""

    object: Annotated[str, types.reference("network.object")]
    name: types.Name
    address: types.MemberAddress


@table(title="Domains", key=("name",))
class Domain:
    """A mail domain."""

    name: types.DomainName
    size: types.Size = field(default=1024)
    relay: Annotated[str, types.reference("network.object")] | None = field(default=None)


@table(title="Rules", key=("name",), check=_one_wildcard)
class Rule:
    """What an object may do."""

    name: types.Name
    action: Literal["deny", "allow", "all"] = field(default="deny")
    objects: tuple[Annotated[str, types.reference("network.object")], ...] = field(default=())
    domain: Annotated[str, types.reference("mail.domain")] | None = field(default=None)


@form(title="Options")
class Options:
    """Options of the mail system."""

    hostname: types.HostName = field(default="localhost")
    servers: tuple[types.HostName, ...] = field(default=("a.example",), min_items=1)
    password: types.Secret | None = field(default=None)
    smarthost: types.HostPort | None = field(default="relay.example:25")
    postmaster: Annotated[str, types.reference("mail.domain")] | None = field(default=None)


class House:
    """A store with its schema, editor and views."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.schema = Schema()
        self.schema.add("network", [Object, Member])
        self.schema.add("mail", [Domain, Rule, Options])
        self.editor = Editor(store, self.schema, lambda: 7.0)
        self.draft = Settings(store, self.schema, "draft")
        self.running = Settings(store, self.schema, "running")

    def add(self, path: str, **values: object) -> str:
        """Add a row as root."""
        return self.editor.add_row(path, values, ROOT)

    def save(self) -> int:
        """Commit the draft."""
        return self.store.commit_draft(ROOT, 8.0)
