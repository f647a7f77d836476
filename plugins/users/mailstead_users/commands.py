"""The commands ``mailstead user`` and ``mailstead group``: immediate, no save needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mailstead.cli.app import App, pass_app

if TYPE_CHECKING:
    from mailstead_users.groups import Groups
    from mailstead_users.users import Users

AT_ONCE = "done at once, no save needed"
password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group()
def user() -> None:
    """People who use this machine's services."""


@user.command("add")
@click.argument("name")
@click.option("--first", default="", help="First name.")
@click.option("--last", default="", help="Last name.")
@click.option("--comment", default="", help="Anything.")
@password_stdin
@pass_app
def add_user(
    app: App, name: str, first: str, last: str, comment: str, password_stdin: bool
) -> None:
    """Add a user; asks for the password."""
    with _users(app) as users:
        password = app.read_password(None, password_stdin)
        now = app.engine.machine.now()
        texts = {"first_name": first, "last_name": last, "comment": comment}
        outcome = users.add(name, password, now=now, **texts)
    app.say(f"user {outcome.user.name} added; {AT_ONCE}")
    _tell(app, outcome.messages, outcome.warnings)


@user.command("list")
@click.argument("search", required=False, default="")
@click.option("--after", default="", help="Begin after this name.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 100_000))
@pass_app
def list_users(app: App, search: str, after: str, limit: int) -> None:
    """List users, or those with a text in a name or comment."""
    with _users(app) as users:
        found = users.page(after=after, search=search, limit=limit)
    columns = ("Name", "First name", "Last name", "Enabled", "Comment")
    app.print_table("Users", columns, (
        (item.name, item.first_name, item.last_name, item.enabled, item.comment) for item in found
    ))  # fmt: skip
    if len(found) == limit:
        app.say(f"There may be more: --after {found[-1].name}")


@user.command("show")
@click.argument("name")
@pass_app
def show_user(app: App, name: str) -> None:
    """Show a user and the groups they are in."""
    from mailstead_users.groups import Groups

    with _users(app) as users:
        found = users.get(name)
        groups = Groups(users.directory, users.context).of_user(name)
    created = datetime.fromtimestamp(found.created, UTC).isoformat(timespec="seconds")
    app.print_record(f"user {found.name}", {
        "name": found.name, "first_name": found.first_name, "last_name": found.last_name,
        "comment": found.comment, "enabled": found.enabled, "created": created,
        "groups": list(groups),
    })  # fmt: skip


@user.command("change")
@click.argument("name")
@click.option("--first", help="First name.")
@click.option("--last", help="Last name.")
@click.option("--comment", help="Anything.")
@click.option("--enable/--disable", "enabled", default=None, help="May the user log in?")
@pass_app
def change_user(
    app: App,
    name: str,
    first: str | None,
    last: str | None,
    comment: str | None,
    enabled: bool | None,
) -> None:
    """Change names, comment, or whether the user may log in."""
    given = {"first_name": first, "last_name": last, "comment": comment}
    texts = {key: value for key, value in given.items() if value is not None}
    with _users(app) as users:
        outcome = users.change(name, enabled=enabled, **texts)
    app.say(f"user {outcome.user.name} changed; {AT_ONCE}")
    _tell(app, outcome.messages)


@user.command("password")
@click.argument("name")
@password_stdin
@pass_app
def change_password(app: App, name: str, password_stdin: bool) -> None:
    """Set a user's password."""
    with _users(app) as users:
        users.get(name)
        users.change(name, password=app.read_password(None, password_stdin))
    app.say(f"password of {name} changed; {AT_ONCE}")


@user.command("delete")
@click.argument("name")
@pass_app
def delete_user(app: App, name: str) -> None:
    """Delete a user and what goes with them."""
    with _users(app) as users:
        for warning in users.warnings(name):
            app.warn(warning)
        app.confirm(f"Delete the user {name}?")
        outcome = users.delete(name)
    app.say(f"user {outcome.user.name} deleted; {AT_ONCE}")
    _tell(app, outcome.messages)


@click.group()
def group() -> None:
    """Groups of users."""


@group.command("add")
@click.argument("name")
@click.option("--comment", default="", help="Anything.")
@pass_app
def add_group(app: App, name: str, comment: str) -> None:
    """Add a group."""
    with _groups(app) as groups:
        messages = groups.add(name, comment)
    app.say(f"group {name} added; {AT_ONCE}")
    _tell(app, messages)


@group.command("list")
@click.option("--after", default="", help="Begin after this name.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 100_000))
@pass_app
def list_groups(app: App, after: str, limit: int) -> None:
    """List groups."""
    with _groups(app) as groups:
        found = groups.page(after=after, limit=limit)
    app.print_table("Groups", ("Name", "Comment"), ((item.name, item.comment) for item in found))


@group.command("show")
@click.argument("name")
@click.option("--after", default="", help="Begin after this member.")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 100_000))
@pass_app
def show_group(app: App, name: str, after: str, limit: int) -> None:
    """Show a group and its members."""
    with _groups(app) as groups:
        found = groups.get(name)
        members = groups.members(name, after=after, limit=limit)
    record = {"name": found.name, "comment": found.comment, "members": list(members)}
    app.print_record(f"group {found.name}", record)


@group.command("delete")
@click.argument("name")
@pass_app
def delete_group(app: App, name: str) -> None:
    """Delete a group; its members stay."""
    with _groups(app) as groups:
        groups.get(name)
        for warning in groups.warnings(name):
            app.warn(warning)
        app.confirm(f"Delete the group {name}?")
        messages = groups.delete(name)
    app.say(f"group {name} deleted; {AT_ONCE}")
    _tell(app, messages)


@group.command("add-member")
@click.argument("name")
@click.argument("member")
@pass_app
def add_member(app: App, name: str, member: str) -> None:
    """Put a user into a group."""
    with _groups(app) as groups:
        messages = groups.add_member(name, member)
    app.say(f"{member} is in the group {name}; {AT_ONCE}")
    _tell(app, messages)


@group.command("remove-member")
@click.argument("name")
@click.argument("member")
@pass_app
def remove_member(app: App, name: str, member: str) -> None:
    """Take a user out of a group."""
    with _groups(app) as groups:
        messages = groups.remove_member(name, member)
    app.say(f"{member} is no longer in the group {name}; {AT_ONCE}")
    _tell(app, messages)


@contextmanager
def _users(app: App) -> Iterator[Users]:
    from mailstead_users.directory import open_directory
    from mailstead_users.users import Users

    app.engine.require_enabled("users")
    context = app.engine.context("running")
    with open_directory(context) as directory:
        yield Users(directory, context)


@contextmanager
def _groups(app: App) -> Iterator[Groups]:
    from mailstead_users.groups import Groups

    with _users(app) as users:
        yield Groups(users.directory, users.context)


def _tell(app: App, messages: Iterable[str], warnings: Iterable[str] = ()) -> None:
    for message in messages:
        app.say(message)
    for warning in warnings:
        app.warn(warning)


commands = [user, group]
