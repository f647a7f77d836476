"""What other modules may do when users and groups change. Public; light to import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from mailstead.plugin import Context, Machine, hookspec

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mailstead_users.directory import Directory
    from mailstead_users.groups import Group
    from mailstead_users.schemas import SchemaFile
    from mailstead_users.users import User


@attrs.frozen
class UserChange:
    """A user who is created, changed or deleted.

    Attributes:
        connection: in the change's own transaction; what hooks write is kept or undone with it.
        user: as it is now; when it is deleted, as it was.
        details: of a changed user: each changed field with its old value (a password's is "").
    """

    directory: Directory
    connection: Connection
    context: Context
    user: User
    details: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class GroupChange:
    """A group that is changed or deleted.

    Attributes:
        connection: in the change's own transaction; what hooks write is kept or undone with it.
        group: as it is now; when it is deleted, as it was.
        details: ``added`` or ``removed`` with a user's name; empty for a new group.
    """

    directory: Directory
    connection: Connection
    context: Context
    group: Group
    details: Mapping[str, Any] = attrs.field(factory=dict)


class UserHooks:
    """Hooks of users. Results that are texts are shown to whoever made the change."""

    @hookspec
    def directory_schemas(self) -> Sequence[SchemaFile]:
        """Give SQL schemas in files of their own. Called whenever the directory is opened.

        Import SQLAlchemy inside of the function, so that the plugin stays light.
        """
        raise NotImplementedError

    @hookspec
    def user_created(self, change: UserChange) -> str | None:
        """Make what a new user needs. Called after the user exists.

        When one module's function raises MailsteadError, what all of them wrote is undone, and
        the user is created with a warning.
        """
        raise NotImplementedError

    @hookspec
    def user_changed(self, change: UserChange) -> str | None:
        """Follow a change. Called after names, comment, password or state changed.

        An error undoes the change.
        """
        raise NotImplementedError

    @hookspec
    def user_warnings(self, change: UserChange) -> Sequence[str]:
        """Tell what is lost with a user. Asked before the deletion is confirmed."""
        raise NotImplementedError

    @hookspec
    def user_deleting(self, change: UserChange) -> str | None:
        """Remove what refers to a user. Called before the row goes; an error keeps the user."""
        raise NotImplementedError

    @hookspec
    def user_deleted(self, change: UserChange) -> str | None:
        """Follow a deletion. Called after the row went; an error keeps the user."""
        raise NotImplementedError

    @hookspec
    def sessions_end(self, context: Context, machine: Machine, logins: Sequence[str]) -> None:
        """End the open sessions of logins that were taken away, closed or got another password.

        Called after that is kept; an error is shown as a warning.
        """
        raise NotImplementedError

    @hookspec
    def group_changed(self, change: GroupChange) -> str | None:
        """Follow a group. Called after it was made or its members changed.

        An error undoes the change.
        """
        raise NotImplementedError

    @hookspec
    def group_warnings(self, change: GroupChange) -> Sequence[str]:
        """Tell what is lost with a group. Asked before the deletion is confirmed."""
        raise NotImplementedError

    @hookspec
    def group_deleted(self, change: GroupChange) -> str | None:
        """Follow a deletion. Called after the row went; an error keeps the group."""
        raise NotImplementedError
