"""From annotations to field types."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any, Literal

import pytest

from mailstead.settings import types


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        (bool, "switch"),
        (int, "whole number"),
        (str, "line of text"),
        (types.Secret, "secret"),
        (types.DomainName, "domain name"),
        (types.Port, "port"),
        (Literal["a", "b"], "choice"),
        (Annotated[str, types.reference("a.b")], "reference"),
        (Annotated[str, "a remark"], "line of text"),
    ],
)
def test_an_annotation_stands_for_a_field_type(hint: Any, name: str) -> None:
    """Plain types, choices and the aliases all have one."""
    assert name == types.field_type_of(hint).name


@pytest.mark.parametrize("hint", [float, dict, list[str], Literal[1], str | int, None])
def test_what_stands_for_no_field_type_is_an_authors_error(hint: Any) -> None:
    """The author is told at once."""
    with pytest.raises(TypeError):
        types.field_type_of(hint)


def test_functions_make_types_with_bounds() -> None:
    """Each is told in words, and only the secret type is secret."""
    assert "a whole number from 1 to 9" == types.integer(1, 9).accepts
    assert "three letters" == types.text(3, "[a-z]{3}", "three letters").accepts
    target = types.reference("network.object")
    assert isinstance(target, types.Reference)
    assert "network.object" == target.target
    assert types.field_type_of(types.Secret).secret
    assert not target.secret


def test_declaring_is_quick_to_import() -> None:
    """No database, terminal, IDNA or cryptography library is loaded for it."""
    heavy = ("sqlalchemy", "rich", "idna", "sqlite3", "hmac", "jinja2", "pluggy")
    code = (
        f"import sys, mailstead.settings.declare; print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert "[]" == done.stdout.strip()
