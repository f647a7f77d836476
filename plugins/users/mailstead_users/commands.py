"""The commands ``mailstead user`` and ``mailstead group``; what they do is done at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mailstead.cli.app import App, pass_app
from mailstead.plugin import types

if TYPE_CHECKING:
    from mailstead.plugin import Context
    from mailstead_users.directory import Directory
    from mailstead_users.groups import Groups
    from mailstead_users.users import Users

DONE = "done at once, no save needed"
STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)
PREFIX = click.argument("prefix", default="")
AFTER = click.option("--after", default="", metavar="NAME", help="Begin after this name.")
LIMIT = click.option("--limit", default=100, show_default=True, help="Show at most so many.")
SEARCH = click.option("--search", default="", metavar="TEXT", help="Only with this text.")


@click.group("user")
def user_group() -> None:
    """Users: who they are and their passwords. Takes effect at once."""


@user_group.command("add")
@click.argument("name")
@click.option("--first", default="", help="First name.")
@click.option("--last", default="", help="Last name.")
@click.option("--comment", default="", help="For people.")
@STDIN
@pass_app
def add(app: App, name: str, first: str, last: str, comment: str, password_stdin: bool) -> None:
    """Add a user; the password is asked for twice."""
    with _users(app) as users:
        password = _password(app, password_stdin)
        done = users.add_user(name, password, first_name=first, last_name=last, comment=comment)
    app.note("user add", done.user.name)
    app.say(f"user {done.user.name} added; {DONE}")
    _tell(app, done.messages, done.warnings)


@user_group.command("show")
@click.argument("name")
@pass_app
def show(app: App, name: str) -> None:
    """Show a user with groups and logins."""
    from mailstead_users.groups import groups_of
    from mailstead_users.users import find_user

    logins = _logins(app, name)
    with _directory(app) as (directory, _), directory.read() as connection:
        user = find_user(connection, name)
        groups = [group.name for group in groups_of(connection, user.id)]
    record = {
        "name": user.name, "first": user.first_name, "last": user.last_name,
        "comment": user.comment, "enabled": user.enabled, "groups": groups, "logins": logins,
        "created": user.created,
    }  # fmt: skip
    app.print_record(f"User {user.name}", record)


@user_group.command("list")
@PREFIX
@AFTER
@LIMIT
@SEARCH
@pass_app
def list_users(app: App, prefix: str, after: str, limit: int, search: str) -> None:
    """List users whose names begin with PREFIX, in order, a page at a time."""
    from mailstead_users.queries import Page

    with _users(app) as users:
        found = users.list_users(Page(after, limit, prefix, search))
    rows = [(u.name, u.first_name, u.last_name, u.enabled, u.comment) for u in found]
    app.print_table("Users", ("Name", "First", "Last", "Enabled", "Comment"), rows)
    _tell_more(app, [user.name for user in found], limit)


@user_group.command("change")
@click.argument("name")
@click.option("--first", help="First name.")
@click.option("--last", help="Last name.")
@click.option("--comment", help="For people.")
@click.option("--enabled/--disabled", default=None, help="Whether the user may log in.")
@pass_app
def change(
    app: App,
    name: str,
    first: str | None,
    last: str | None,
    comment: str | None,
    enabled: bool | None,
) -> None:
    """Change a user's names, comment, or whether logging in is allowed."""
    with _users(app) as users:
        done = users.change_user(
            name, first_name=first, last_name=last, comment=comment, enabled=enabled
        )
    app.note("user change", done.user.name)
    app.say(f"user {done.user.name} changed; {DONE}")
    _tell(app, done.messages)
    if enabled is False:
        end_sessions(app, _logins(app, name))


@user_group.command("password")
@click.argument("name")
@STDIN
@pass_app
def password(app: App, name: str, password_stdin: bool) -> None:
    """Set a user's password; it is asked for twice."""
    with _users(app) as users:
        users.get_user(name)
        done = users.set_password(name, _password(app, password_stdin))
    app.note("user password", done.user.name)
    app.say(f"password of {done.user.name} set; {DONE}")
    _tell(app, done.messages)
    end_sessions(app, _logins(app, name))


@user_group.command("delete")
@click.argument("name")
@pass_app
def delete(app: App, name: str) -> None:
    """Delete a user, after telling what is lost and asking."""
    with _users(app) as users:
        _tell(app, (), users.warnings(name))
        app.confirm(f"Delete the user {name}?")
        logins = _logins(app, name)
        done = users.delete_user(name)
    app.note("user delete", done.user.name)
    app.say(f"user {done.user.name} deleted; {DONE}")
    _tell(app, done.messages)
    end_sessions(app, logins)


@click.group("group")
def group_group() -> None:
    """Groups of users. Takes effect at once."""


@group_group.command("add")
@click.argument("name")
@click.option("--comment", default="", help="For people.")
@pass_app
def add_group(app: App, name: str, comment: str) -> None:
    """Add a group without members."""
    with _groups(app) as groups:
        group, messages = groups.add_group(name, comment=comment)
    app.note("group add", group.name)
    app.say(f"group {group.name} added; {DONE}")
    _tell(app, messages)


@group_group.command("list")
@PREFIX
@AFTER
@LIMIT
@SEARCH
@pass_app
def list_groups(app: App, prefix: str, after: str, limit: int, search: str) -> None:
    """List groups whose names begin with PREFIX, in order, a page at a time."""
    from mailstead_users.queries import Page

    with _groups(app) as groups:
        found = groups.list_groups(Page(after, limit, prefix, search))
    rows = [(group.name, group.comment) for group in found]
    app.print_table("Groups", ("Name", "Comment"), rows)
    _tell_more(app, [group.name for group in found], limit)


@group_group.command("show")
@click.argument("name")
@pass_app
def show_group(app: App, name: str) -> None:
    """Show a group with its members."""
    with _groups(app) as groups:
        group = groups.get_group(name)
        members = list(groups.members(name))
    record = {"name": group.name, "comment": group.comment, "members": members}
    app.print_record(f"Group {group.name}", record)


@group_group.command("delete")
@click.argument("name")
@pass_app
def delete_group(app: App, name: str) -> None:
    """Delete a group, after telling what is lost and asking; its users stay."""
    with _groups(app) as groups:
        _tell(app, (), groups.warnings(name))
        app.confirm(f"Delete the group {name}?")
        messages = groups.delete_group(name)
    app.note("group delete", name)
    app.say(f"group {name} deleted; {DONE}")
    _tell(app, messages)


@group_group.command("add-member")
@click.argument("name")
@click.argument("user")
@pass_app
def add_member(app: App, name: str, user: str) -> None:
    """Put a user into a group."""
    with _groups(app) as groups:
        messages = groups.add_member(name, user)
    app.note("group add-member", f"{name}: {user}")
    app.say(f"{user} added to the group {name}; {DONE}")
    _tell(app, messages)


@group_group.command("remove-member")
@click.argument("name")
@click.argument("user")
@pass_app
def remove_member(app: App, name: str, user: str) -> None:
    """Take a user out of a group."""
    with _groups(app) as groups:
        messages = groups.remove_member(name, user)
    app.note("group remove-member", f"{name}: {user}")
    app.say(f"{user} removed from the group {name}; {DONE}")
    _tell(app, messages)


@contextmanager
def _directory(app: App) -> Iterator[tuple[Directory, Context]]:
    from mailstead_users.opening import open_directory

    app.engine.require_enabled("users")
    context = app.engine.context("running")
    with open_directory(context) as directory:
        yield directory, context


@contextmanager
def _users(app: App) -> Iterator[Users]:
    from mailstead_users.passwords import Passwords
    from mailstead_users.users import Users

    with _directory(app) as (directory, context):
        yield Users(directory, context, Passwords.of(context))


@contextmanager
def _groups(app: App) -> Iterator[Groups]:
    from mailstead_users.groups import Groups

    with _directory(app) as (directory, context):
        yield Groups(directory, context)


def _logins(app: App, name: str) -> list[str]:
    from mailstead_users.logins import logins_of
    from mailstead_users.users import find_user

    with _directory(app) as (directory, _), directory.read() as connection:
        user = find_user(connection, name)
        return [login.login for login in logins_of(connection, user.id)]


def end_sessions(app: App, logins: Sequence[str]) -> None:
    """End the sessions of logins, or warn why that failed. For commands that close a login."""
    from mailstead_users import hooks

    trouble = hooks.end_sessions(app.engine.context("running"), app.engine.machine, logins)
    if trouble:
        app.warn(trouble)


def _password(app: App, from_stdin: bool) -> types.Secret:
    return types.Secret(app.read_password(from_stdin=from_stdin))


def _tell_more(app: App, names: Sequence[str], limit: int) -> None:
    if len(names) == limit:
        app.say(f"for more: --after {names[-1]}")


def _tell(app: App, messages: Iterable[str], warnings: Iterable[str] = ()) -> None:
    for text in messages:
        app.say(text)
    for text in warnings:
        app.warn(text)


commands: list[click.Command] = [user_group, group_group]
