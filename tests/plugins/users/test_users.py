"""Users: what is accepted, what modules may do, and that it is all or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from mailstead.plugin import AlreadyExists, InvalidValue, NotFound
from mailstead_users.grammar import parse_name
from mailstead_users.hookspecs import GroupChange, UserChange
from mailstead_users.logins import logins_of, register_login
from mailstead_users.queries import Page
from mailstead_users.tables import logins, memberships
from mailstead_users.users import find_user
from tests.plugins.users.world import NOTES, PASSWORD, World


def note(change: UserChange) -> str:
    """Keep something about a user in another file."""
    change.connection.execute(insert(NOTES).values(text=change.user.name))
    return f"noted {change.user.name}"


def refuse(_change: UserChange) -> str:
    """Fail as a module may."""
    raise NotFound("no domain", where="module0")


def notes(made: World) -> list[str]:
    """Give what hooks kept."""
    with made.directory.read() as connection:
        return list(connection.execute(select(NOTES.c.text)).scalars())


def names(made: World, page: Page | None = None) -> list[str]:
    """List users by name."""
    return [user.name for user in made.users.list_users(page)]


def test_a_user_is_there_as_entered(made: World) -> None:
    """Names keep their case, the user name has one form, the moment is UTC."""
    done = made.users.add_user("Ada", PASSWORD, first_name="Ada", last_name="Łovelace")
    user = made.users.get_user("ADA")
    assert done.user == user
    assert ("ada", "Ada", "Łovelace", "", True) == (
        user.name, user.first_name, user.last_name, user.comment, user.enabled,
    )  # fmt: skip
    assert user.created.endswith("Z")
    assert len(user.uuid) == 32


@pytest.mark.parametrize(
    "name", ["", ".a", "-a", "a b", "a/b", "a\n", "ä", "\u212a", "root", "ROOT", "a" * 65, "a@b"]
)
def test_a_bad_name_is_refused_with_its_field(made: World, name: str) -> None:
    """The error names the field, and nothing is changed."""
    with pytest.raises(InvalidValue) as caught:
        made.users.add_user(name, PASSWORD)
    assert "user.name" == caught.value.where
    assert [] == names(made)


@given(st.text(max_size=70))
def test_a_name_is_canonical_or_refused(raw: str) -> None:
    """Reading a name that was accepted changes nothing."""
    try:
        name = parse_name(raw, "user.name")
    except InvalidValue:
        return
    assert name == parse_name(name, "user.name")
    assert name == raw.lower()


def test_texts_are_one_line(made: World) -> None:
    """A newline in a comment could become a line of a file."""
    with pytest.raises(InvalidValue) as caught:
        made.users.add_user("ada", PASSWORD, comment="a\nb")
    assert "user.comment" == caught.value.where


def test_a_name_is_unique_in_any_case(made: World) -> None:
    """A twin in case is the same user."""
    made.users.add_user("ada", PASSWORD)
    with pytest.raises(AlreadyExists) as caught:
        made.users.add_user("ADA", PASSWORD)
    assert "user.name" == caught.value.where


def test_a_module_follows_in_the_same_transaction(made: World) -> None:
    """What it wrote into its own file is there, and its words are given."""
    made.hooks["user_created"] = [note]
    assert ("noted ada",) == made.users.add_user("ada", PASSWORD).messages
    assert ["ada"] == notes(made)


def test_a_failing_module_leaves_the_user_and_no_halves(made: World) -> None:
    """The user is created with a warning; what modules wrote is undone."""
    made.hooks["user_created"] = [note, refuse]
    done = made.users.add_user("ada", PASSWORD)
    assert ("module0: no domain",) == done.warnings
    assert [] == notes(made)
    assert ["ada"] == names(made)


def test_a_change_tells_what_was_before(made: World) -> None:
    """Only what differs is a change, and a password's old value is never told."""
    seen: list[UserChange] = []
    made.hooks["user_changed"] = [seen.append]
    made.users.add_user("ada", PASSWORD, comment="old")
    made.users.change_user("ada", comment="old")
    made.users.change_user("ada", comment="new", first_name="")
    made.users.set_password("ada", PASSWORD)
    assert [{"comment": "old"}, {"password": ""}] == [change.details for change in seen]
    assert "new" == made.users.get_user("ada").comment


def test_a_refused_change_changes_nothing(made: World) -> None:
    """An error of a module undoes the change."""
    made.users.add_user("ada", PASSWORD)
    made.hooks["user_changed"] = [note, refuse]
    with pytest.raises(NotFound):
        made.users.change_user("ada", enabled=False)
    assert made.users.get_user("ada").enabled
    assert [] == notes(made)


def test_a_disabled_user_has_no_password(made: World) -> None:
    """The right password is right only while the user is enabled."""
    made.users.add_user("ada", PASSWORD)
    assert made.users.check_password("ada", PASSWORD)
    made.users.change_user("ada", enabled=False)
    assert not made.users.check_password("ada", PASSWORD)


def test_warnings_of_all_modules_come_before_deletion(made: World) -> None:
    """Modules that have nothing to say are passed over."""
    made.users.add_user("ada", PASSWORD)
    made.hooks["user_warnings"] = [lambda change: [f"{change.user.name}'s mail"], lambda _: []]
    assert ("ada's mail",) == made.users.warnings("ada")


def test_deleting_takes_logins_and_memberships_along(made: World) -> None:
    """Modules are told before and after, and of each group that lost a member."""
    user = made.users.add_user("ada", PASSWORD).user
    made.groups.add_group("staff")
    made.groups.add_member("staff", "ada")
    with made.directory.write() as connection:
        register_login(connection, "ada@example.org", user.id, "example.org/ada")
    told: list[str] = []

    def deleting(change: UserChange) -> str:
        found = logins_of(change.connection, change.user.id)
        return f"deleting {found[0].login}"

    def changed(change: GroupChange) -> None:
        told.append(f"{change.group.name} {change.details['removed']}")

    made.hooks |= {"user_deleting": [deleting], "group_changed": [changed]}
    made.hooks["user_deleted"] = [lambda change: f"deleted {change.user.name}"]
    assert ("deleting ada@example.org", "deleted ada") == made.users.delete_user("ada").messages
    assert ["staff ada"] == told
    with made.directory.read() as connection:
        assert [] == connection.execute(select(logins)).all()
        assert [] == connection.execute(select(memberships)).all()


@pytest.mark.parametrize("hook", ["user_deleting", "user_deleted"])
def test_a_failing_module_keeps_the_user(made: World, hook: str) -> None:
    """Deletion is all or nothing."""
    made.users.add_user("ada", PASSWORD)
    made.hooks[hook] = [note, refuse]
    with pytest.raises(NotFound):
        made.users.delete_user("ada")
    assert ["ada"] == names(made)
    assert [] == notes(made)


def test_a_namesake_is_another_user(made: World) -> None:
    """Neither id nor uuid is given again."""
    first = made.users.add_user("ada", PASSWORD).user
    made.users.delete_user("ada")
    second = made.users.add_user("ada", PASSWORD).user
    assert first.id != second.id
    assert first.uuid != second.uuid


@pytest.mark.parametrize("name", ["bob", "\u212a", "a\x00", "%"])
def test_an_unknown_user_is_named(made: World, name: str) -> None:
    """Whatever is asked for, also what no name can be."""
    with pytest.raises(NotFound) as caught, made.directory.read() as connection:
        find_user(connection, name)
    assert "user.name" == caught.value.where


def test_pages_follow_each_other(made: World) -> None:
    """By the last name of the page before; search takes % as it stands."""
    for name in ("ada", "adele", "bob", "carol"):
        made.users.add_user(name, PASSWORD, comment="100%" if name == "bob" else "")
    assert ["ada", "adele"] == names(made, Page(limit=2))
    assert ["bob", "carol"] == names(made, Page("adele", limit=2))
    assert ["ada", "adele"] == names(made, Page(prefix="AD"))
    assert ["bob"] == names(made, Page(containing="0%"))
    assert ["adele"] == names(made, Page(containing="DEL"))
    with pytest.raises(InvalidValue):
        made.users.list_users(Page(limit=0))
