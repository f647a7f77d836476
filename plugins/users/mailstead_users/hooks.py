"""One typed function per hook; see `mailstead_users.hookspecs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailstead.plugin import Context, MailsteadError
from mailstead_users.hookspecs import GroupChange, UserChange

if TYPE_CHECKING:
    from mailstead_users.directory import SchemaFile

Messages = tuple[str, ...]


def directory_schemas(context: Context) -> tuple[SchemaFile, ...]:
    """Collect the schemas other modules keep in the directory."""
    return tuple(item for _, found in context.collect("directory_schemas") for item in found)


def user_created(change: UserChange) -> tuple[Messages, Messages]:
    """Tell modules of a new user; gives messages and warnings.

    All of them share one savepoint: a module that fails cannot leave half of its work.
    """
    savepoint = change.connection.begin_nested()
    try:
        found = change.context.collect("user_created", change=change)
    except MailsteadError as error:
        savepoint.rollback()
        return (), (str(error),)
    savepoint.commit()
    return tuple(message for _, message in found if message), ()


def user_changed(change: UserChange) -> Messages:
    """Tell modules of a changed user."""
    return _messages(change, "user_changed")


def user_warnings(change: UserChange) -> Messages:
    """Ask modules what goes with a user."""
    return _warnings(change, "user_warnings")


def user_deleted(change: UserChange) -> Messages:
    """Tell modules that a user goes."""
    return _messages(change, "user_deleted")


def group_changed(change: GroupChange) -> Messages:
    """Tell modules of a new or changed group."""
    return _messages(change, "group_changed")


def group_warnings(change: GroupChange) -> Messages:
    """Ask modules what goes with a group."""
    return _warnings(change, "group_warnings")


def group_deleted(change: GroupChange) -> Messages:
    """Tell modules that a group goes."""
    return _messages(change, "group_deleted")


def _messages(change: UserChange | GroupChange, hook: str) -> Messages:
    found = change.context.collect(hook, change=change)
    return tuple(message for _, message in found if message)


def _warnings(change: UserChange | GroupChange, hook: str) -> Messages:
    found = change.context.collect(hook, change=change)
    return tuple(warning for _, warnings in found for warning in warnings or ())
