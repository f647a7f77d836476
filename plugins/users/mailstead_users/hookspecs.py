"""What other modules may do when users and groups change. All within the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mailstead.plugin import Context, hookspec

if TYPE_CHECKING:
    import sqlalchemy as sa

    from mailstead_users.directory import SchemaFile
    from mailstead_users.groups import Group
    from mailstead_users.users import User


@attrs.frozen
class UserChange:
    """What a hook is told. Fields may be added; take them by name.

    Attributes:
        connection: the transaction under way; what a hook writes there is kept or dropped
            together with the change.
        context: running settings.
        user: the user as it is now, or was before it was deleted.
    """

    connection: sa.Connection
    context: Context
    user: User


@attrs.frozen
class GroupChange:
    """What a hook is told of a group; see `UserChange`."""

    connection: sa.Connection
    context: Context
    group: Group


class DirectoryHooks:
    """How modules keep data of their own in the directory."""

    @hookspec
    def directory_schemas(self) -> list[SchemaFile]:
        """Give the module's schemas. Called when the directory is opened."""
        raise NotImplementedError


class UserHooks:
    """Called one by one in dependency order, in the transaction of the change."""

    @hookspec
    def user_created(self, change: UserChange) -> str | None:
        """Follow a new user; gives a message for the admin. A failure becomes a warning."""

    @hookspec
    def user_changed(self, change: UserChange) -> str | None:
        """Follow a changed name, comment, password or state. A failure undoes the change."""

    @hookspec
    def user_warnings(self, change: UserChange) -> list[str]:
        """Tell what goes with the user. Called before an admin confirms the deletion."""
        raise NotImplementedError

    @hookspec
    def user_deleted(self, change: UserChange) -> str | None:
        """Follow a deletion, before the user's row is removed. A failure undoes it."""

    @hookspec
    def group_changed(self, change: GroupChange) -> str | None:
        """Follow a new group or a changed membership. A failure undoes the change."""

    @hookspec
    def group_warnings(self, change: GroupChange) -> list[str]:
        """Tell what goes with the group. Called before an admin confirms the deletion."""
        raise NotImplementedError

    @hookspec
    def group_deleted(self, change: GroupChange) -> str | None:
        """Follow a deletion, before the group's row is removed. A failure undoes it."""
