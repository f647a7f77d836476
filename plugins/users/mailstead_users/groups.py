"""Groups and who is in them. Everything takes effect at once, in one transaction."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from mailstead.plugin import AlreadyExists, Context, NotFound
from mailstead_users import hooks
from mailstead_users.directory import Directory
from mailstead_users.entry import name_of, text_of
from mailstead_users.hookspecs import GroupChange
from mailstead_users.tables import GROUPS, MEMBERSHIPS, USERS
from mailstead_users.users import PAGE, find_user

Messages = tuple[str, ...]


@attrs.frozen
class Group:
    """A group."""

    id: int
    name: str
    comment: str


@attrs.frozen
class Groups:
    """The groups of a directory, changed under the running settings."""

    directory: Directory
    context: Context

    def add(self, name: str, comment: str = "") -> Messages:
        """Add a group. Raises InvalidValue, AlreadyExists."""
        values = {"name": name_of(name, "group.name"), "comment": text_of(comment, "group.comment")}
        with self.directory.begin() as connection:
            if _find(connection, values["name"]) is not None:
                problem = f"the group {values['name']} exists"
                raise AlreadyExists(problem, where="group.name", hint="choose another name")
            connection.execute(GROUPS.insert().values(values))
            return hooks.group_changed(self._change(connection, values["name"]))

    def warnings(self, name: str) -> Messages:
        """Ask what goes with a group. Raises NotFound."""
        with self.directory.begin() as connection:
            return hooks.group_warnings(self._change(connection, name))

    def delete(self, name: str) -> Messages:
        """Delete a group; its members stay. Raises NotFound."""
        with self.directory.begin() as connection:
            change = self._change(connection, name)
            messages = hooks.group_deleted(change)
            connection.execute(GROUPS.delete().where(GROUPS.c.id == change.group.id))
        return messages

    def add_member(self, group: str, user: str) -> Messages:
        """Put a user into a group. Raises NotFound, AlreadyExists."""
        with self.directory.begin() as connection:
            change = self._change(connection, group)
            keys = {"group_id": change.group.id, "user_id": find_user(connection, user).id}
            if connection.execute(sa.select(MEMBERSHIPS).filter_by(**keys)).first():
                problem = f"{user} is in the group {group}"
                raise AlreadyExists(problem, where="group.member", hint="nothing is to be done")
            connection.execute(MEMBERSHIPS.insert().values(keys))
            return hooks.group_changed(change)

    def remove_member(self, group: str, user: str) -> Messages:
        """Take a user out of a group. Raises NotFound."""
        with self.directory.begin() as connection:
            change = self._change(connection, group)
            keys = {"group_id": change.group.id, "user_id": find_user(connection, user).id}
            if not connection.execute(MEMBERSHIPS.delete().filter_by(**keys)).rowcount:
                hint = "see `mailstead group show`"
                raise NotFound(f"{user} is not in the group {group}", where="group.member",
                               hint=hint)  # fmt: skip
            return hooks.group_changed(change)

    def members(self, name: str, *, after: str = "", limit: int = PAGE) -> tuple[str, ...]:
        """List the names of a group's members after a name. Raises NotFound."""
        with self.directory.begin() as connection:
            group = _require(connection, name)
            select = (
                sa.select(USERS.c.name)
                .join(MEMBERSHIPS, MEMBERSHIPS.c.user_id == USERS.c.id)
                .where(MEMBERSHIPS.c.group_id == group.id, USERS.c.name > after)
                .order_by(USERS.c.name)
                .limit(limit)
            )
            return tuple(connection.execute(select).scalars())

    def of_user(self, user: str) -> tuple[str, ...]:
        """List the groups a user is in. Raises NotFound."""
        with self.directory.begin() as connection:
            select = (
                sa.select(GROUPS.c.name)
                .join(MEMBERSHIPS, MEMBERSHIPS.c.group_id == GROUPS.c.id)
                .where(MEMBERSHIPS.c.user_id == find_user(connection, user).id)
                .order_by(GROUPS.c.name)
            )
            return tuple(connection.execute(select).scalars())

    def get(self, name: str) -> Group:
        """Give a group. Raises NotFound."""
        with self.directory.begin() as connection:
            return _require(connection, name)

    def page(self, *, after: str = "", limit: int = PAGE) -> tuple[Group, ...]:
        """List groups by name: those after a name."""
        select = sa.select(GROUPS).where(GROUPS.c.name > after).order_by(GROUPS.c.name)
        with self.directory.begin() as connection:
            rows = connection.execute(select.limit(limit)).mappings()
            return tuple(Group(**row) for row in rows)

    def _change(self, connection: sa.Connection, name: str) -> GroupChange:
        return GroupChange(connection, self.context, _require(connection, name))


def _find(connection: sa.Connection, name: str) -> Group | None:
    select = sa.select(GROUPS).where(GROUPS.c.name == name.lower())
    row = connection.execute(select).mappings().first()
    return Group(**row) if row else None


def _require(connection: sa.Connection, name: str) -> Group:
    group = _find(connection, name)
    if group is None:
        hint = "see `mailstead group list`"
        raise NotFound(f"there is no group {name[:80]!r}", where="group.name", hint=hint)
    return group
