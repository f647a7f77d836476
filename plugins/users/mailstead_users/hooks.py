"""One typed function for each hook of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailstead.plugin import Context, Machine, MailsteadError
from mailstead_users.hookspecs import GroupChange, UserChange

if TYPE_CHECKING:
    from mailstead_users.schemas import SchemaFile


def collect_schemas(context: Context) -> tuple[SchemaFile, ...]:
    """Ask the modules for SQL schemas of the directory."""
    found = context.collect("directory_schemas")
    return tuple(schema for _, given in found for schema in given)


def tell_user_created(change: UserChange) -> tuple[str, ...]:
    """Tell the modules of a new user; gives their messages. Raises MailsteadError."""
    return _messages("user_created", change)


def tell_user_changed(change: UserChange) -> tuple[str, ...]:
    """Tell the modules of a changed user; gives their messages. Raises MailsteadError."""
    return _messages("user_changed", change)


def ask_user_warnings(change: UserChange) -> tuple[str, ...]:
    """Ask the modules what is lost with a user."""
    return _warnings("user_warnings", change)


def tell_user_deleting(change: UserChange) -> tuple[str, ...]:
    """Tell the modules that a user is about to go. Raises MailsteadError."""
    return _messages("user_deleting", change)


def tell_user_deleted(change: UserChange) -> tuple[str, ...]:
    """Tell the modules that a user went. Raises MailsteadError."""
    return _messages("user_deleted", change)


def end_sessions(context: Context, machine: Machine, logins: Sequence[str]) -> str:
    """Let the modules end the sessions of logins; gives why that failed, or nothing."""
    try:
        context.collect("sessions_end", context=context, machine=machine, logins=logins)
    except MailsteadError as error:
        return f"sessions that are open may go on: {error}"
    return ""


def tell_group_changed(change: GroupChange) -> tuple[str, ...]:
    """Tell the modules of a new or changed group. Raises MailsteadError."""
    return _messages("group_changed", change)


def ask_group_warnings(change: GroupChange) -> tuple[str, ...]:
    """Ask the modules what is lost with a group."""
    return _warnings("group_warnings", change)


def tell_group_deleted(change: GroupChange) -> tuple[str, ...]:
    """Tell the modules that a group went. Raises MailsteadError."""
    return _messages("group_deleted", change)


def _messages(hook: str, change: UserChange | GroupChange) -> tuple[str, ...]:
    found = change.context.collect(hook, change=change)
    return tuple(result for _, result in found if isinstance(result, str))


def _warnings(hook: str, change: UserChange | GroupChange) -> tuple[str, ...]:
    found = change.context.collect(hook, change=change)
    return tuple(text for _, result in found for text in result or ())
