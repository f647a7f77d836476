"""Groups and who is in them: each operation is one transaction and takes effect at once."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from sqlalchemy import Connection, Row, delete, insert, select

from mailstead.plugin import AlreadyExists, Context, NotFound
from mailstead_users import hooks, tables
from mailstead_users.directory import Directory
from mailstead_users.grammar import COMMENT, canonical, parse, parse_name
from mailstead_users.hookspecs import GroupChange
from mailstead_users.queries import Page, page_of, row_of

NAME = "group.name"
MEMBER = "group.member"
SEARCHED = ("name", "comment")


@attrs.frozen
class Group:
    """A group of users."""

    id: int
    name: str
    comment: str


@attrs.frozen
class Groups:
    """The service for groups of one directory."""

    directory: Directory
    context: Context

    def add_group(self, name: str, *, comment: str = "") -> tuple[Group, tuple[str, ...]]:
        """Add a group; gives it and the modules' messages. Raises InvalidValue, AlreadyExists."""
        values = {
            "name": parse_name(name, NAME),
            "comment": parse(COMMENT, comment, "group.comment"),
        }
        with self.directory.write() as connection:
            group = _insert(connection, values)
            return group, hooks.tell_group_changed(self._change(connection, group))

    def warnings(self, name: str) -> tuple[str, ...]:
        """Ask the modules what is lost with a group. Raises NotFound."""
        with self.directory.read() as connection:
            group = find_group(connection, name)
            return hooks.ask_group_warnings(self._change(connection, group))

    def delete_group(self, name: str) -> tuple[str, ...]:
        """Delete a group; gives the modules' messages. Raises NotFound."""
        with self.directory.write() as connection:
            group = find_group(connection, name)
            connection.execute(delete(tables.groups).where(tables.groups.c.id == group.id))
            return hooks.tell_group_deleted(self._change(connection, group))

    def add_member(self, name: str, user: str) -> tuple[str, ...]:
        """Put a user into a group. Raises NotFound, AlreadyExists."""
        with self.directory.write() as connection:
            group, member = find_group(connection, name), _user(connection, user)
            if _is_member(connection, group.id, member.id):
                problem = f"{member.name} is in the group {group.name} already"
                raise AlreadyExists(problem, where=MEMBER, hint=_shown_by(group.name))
            row = {"group_id": group.id, "user_id": member.id}
            connection.execute(insert(tables.memberships).values(row))
            change = self._change(connection, group, {"added": member.name})
            return hooks.tell_group_changed(change)

    def remove_member(self, name: str, user: str) -> tuple[str, ...]:
        """Take a user out of a group. Raises NotFound."""
        table = tables.memberships
        with self.directory.write() as connection:
            group, member = find_group(connection, name), _user(connection, user)
            chosen = (table.c.group_id == group.id, table.c.user_id == member.id)
            if connection.execute(delete(table).where(*chosen)).rowcount != 1:
                problem = f"{member.name} is not in the group {group.name}"
                raise NotFound(problem, where=MEMBER, hint=_shown_by(group.name))
            change = self._change(connection, group, {"removed": member.name})
            return hooks.tell_group_changed(change)

    def get_group(self, name: str) -> Group:
        """Give a group by name. Raises NotFound."""
        with self.directory.read() as connection:
            return find_group(connection, name)

    def list_groups(self, page: Page | None = None) -> tuple[Group, ...]:
        """Give a page of groups in order of name."""
        chosen = page_of(select(tables.groups), tables.groups, page or Page(), SEARCHED)
        with self.directory.read() as connection:
            return tuple(Group(**row._mapping) for row in connection.execute(chosen))

    def members(self, name: str) -> tuple[str, ...]:
        """Give the names of a group's users in order. Raises NotFound."""
        with self.directory.read() as connection:
            return members_of(connection, find_group(connection, name).id)

    def of_user(self, user: str) -> tuple[Group, ...]:
        """Give the groups a user is in, in order of name. Raises NotFound."""
        with self.directory.read() as connection:
            return groups_of(connection, _user(connection, user).id)

    def _change(
        self, connection: Connection, group: Group, details: Mapping[str, str] | None = None
    ) -> GroupChange:
        return GroupChange(self.directory, connection, self.context, group, details or {})


def find_group(connection: Connection, name: str) -> Group:
    """Give a group by name, within a transaction. Raises NotFound."""
    chosen = select(tables.groups).where(tables.groups.c.name == canonical(name))
    return Group(**row_of(connection, chosen, "group", name)._mapping)


def members_of(connection: Connection, group_id: int) -> tuple[str, ...]:
    """Give the names of a group's users in order, within a transaction."""
    users, rows = tables.users, tables.memberships
    chosen = select(users.c.name).join(rows, rows.c.user_id == users.c.id)
    chosen = chosen.where(rows.c.group_id == group_id).order_by(users.c.name)
    return tuple(connection.execute(chosen).scalars())


def groups_of(connection: Connection, user_id: int) -> tuple[Group, ...]:
    """Give the groups a user is in, in order of name, within a transaction."""
    groups, rows = tables.groups, tables.memberships
    chosen = select(groups).join(rows, rows.c.group_id == groups.c.id)
    chosen = chosen.where(rows.c.user_id == user_id).order_by(groups.c.name)
    return tuple(Group(**row._mapping) for row in connection.execute(chosen))


def _insert(connection: Connection, values: Mapping[str, str]) -> Group:
    table = tables.groups
    name = values["name"]
    if connection.execute(select(table.c.id).where(table.c.name == name)).first():
        hint = f"choose another name; {_shown_by(name)}"
        raise AlreadyExists(f"the group {name!r} exists already", where=NAME, hint=hint)
    made = insert(table).values(values).returning(table)
    return Group(**connection.execute(made).one()._mapping)


def _shown_by(group: str) -> str:
    return f"see `mailstead group show {group}`"


def _user(connection: Connection, name: str) -> Row[tuple[int, str]]:
    table = tables.users
    chosen = select(table.c.id, table.c.name).where(table.c.name == canonical(name))
    return row_of(connection, chosen, "user", name)


def _is_member(connection: Connection, group_id: int, user_id: int) -> bool:
    table = tables.memberships
    chosen = select(table).where(table.c.group_id == group_id, table.c.user_id == user_id)
    return connection.execute(chosen).first() is not None
