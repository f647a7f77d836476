"""Declarations that contradict themselves are refused where they are made."""

from __future__ import annotations

import attrs
import pytest

from mailstead.module import Backup


@pytest.mark.parametrize(("kind", "optional"), [("tree", ""), ("sqlite", "mail"), ("file", "mail")])
def test_a_tree_and_nothing_else_is_optional(kind: str, optional: str) -> None:
    """The error names the path."""
    with pytest.raises(ValueError, match="/srv/x: a tree"):
        Backup("/srv/x", kind, optional=optional)  # type: ignore[arg-type]


def test_files_are_known_by_their_path() -> None:
    """Unless the module knows better."""
    tree = Backup("/srv/x", "tree", optional="mail")
    assert tree.known_by("a/b") == "a/b"
    assert attrs.evolve(tree, same=lambda path: path[:1]).known_by("a/b") == "a"
