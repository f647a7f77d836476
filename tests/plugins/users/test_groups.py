"""Groups and their members."""

from __future__ import annotations

import pytest

from mailstead.plugin import AlreadyExists, InvalidValue, NotFound
from mailstead_users.hookspecs import GroupChange
from mailstead_users.queries import Page
from tests.plugins.users.world import PASSWORD, World


def test_members_come_and_go(made: World) -> None:
    """Both ways of asking agree, in order of name."""
    for name in ("bob", "ada"):
        made.users.add_user(name, PASSWORD)
    for name in ("staff", "board"):
        made.groups.add_group(name, comment="of the firm")
        made.groups.add_member(name, "ADA")
    made.groups.add_member("staff", "bob")
    assert ("ada", "bob") == made.groups.members("staff")
    assert ["board", "staff"] == [group.name for group in made.groups.of_user("ada")]
    made.groups.remove_member("staff", "ada")
    assert ("bob",) == made.groups.members("Staff")


def test_wrong_memberships_are_refused(made: World) -> None:
    """Twice in, not in, no such user, no such group."""
    made.users.add_user("ada", PASSWORD)
    made.groups.add_group("staff")
    made.groups.add_member("staff", "ada")
    with pytest.raises(AlreadyExists):
        made.groups.add_member("staff", "ada")
    made.groups.remove_member("staff", "ada")
    with pytest.raises(NotFound, match="not in the group"):
        made.groups.remove_member("staff", "ada")
    with pytest.raises(NotFound, match="no user 'bob'"):
        made.groups.add_member("staff", "bob")
    with pytest.raises(NotFound, match="no group 'board'"):
        made.groups.add_member("board", "ada")


def test_modules_follow_and_their_words_are_given(made: World) -> None:
    """A new group, each membership, and the deletion."""
    seen: list[GroupChange] = []
    made.hooks["group_changed"] = [seen.append]
    made.hooks["group_warnings"] = [lambda _: ["an alias"]]
    made.hooks["group_deleted"] = [lambda change: f"{change.group.name} gone"]
    made.users.add_user("ada", PASSWORD)
    made.groups.add_group("staff")
    made.groups.add_member("staff", "ada")
    made.groups.remove_member("staff", "ada")
    assert [{}, {"added": "ada"}, {"removed": "ada"}] == [change.details for change in seen]
    assert ("an alias",) == made.groups.warnings("staff")
    assert ("staff gone",) == made.groups.delete_group("staff")
    assert () == made.groups.list_groups()


def test_users_stay_when_their_group_goes(made: World) -> None:
    """Only the memberships are taken along."""
    made.users.add_user("ada", PASSWORD)
    made.groups.add_group("staff")
    made.groups.add_member("staff", "ada")
    made.groups.delete_group("staff")
    assert () == made.groups.of_user("ada")


def test_names_are_checked_like_users(made: World) -> None:
    """Grammar and uniqueness, with the field in the error."""
    made.groups.add_group("staff")
    with pytest.raises(AlreadyExists) as taken:
        made.groups.add_group("STAFF")
    with pytest.raises(InvalidValue) as bad:
        made.groups.add_group("-x")
    assert ["group.name"] * 2 == [taken.value.where, bad.value.where]
    assert ["staff"] == [group.name for group in made.groups.list_groups(Page(prefix="st"))]
