"""Tests of `mailstead.returned`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from mailstead.guard import Nonsense
from mailstead.returned import declared_result, fits, take

if TYPE_CHECKING:
    from tests.core.packages import Packages as Unseen

FITTING = [
    (None, None), (None, str | None), ("a", str | None), (1, int), (1, float), (True, bool),
    ("a", object), (object(), Any), ((), Sequence[str]), (["a"], Sequence[str]),
    (("a", "b"), tuple[str, ...]), (("a", 1), tuple[str, int]), ({"a": 1}, Mapping[str, int]),
    ({"a"}, Iterable[str]), ("a", Annotated[str, "a name"]), ("on", Literal["on", "off"]),
    ([("a", ["b"])], Sequence[tuple[str, Sequence[str]]]), (len, Callable[..., int]),
]  # fmt: skip
WRONG = [
    (None, str), ("a", None), (1, str | None), ("1", int), (1.5, int), ("a", Sequence[str]),
    (b"a", Sequence[str]), ([1], Sequence[str]), (5, Sequence[str]), ({"a"}, Sequence[str]),
    (("a",), tuple[str, int]), (("a", "b"), tuple[str, int]), ({"a": "b"}, Mapping[str, int]),
    ([("a", "b")], Mapping[str, str]), ("up", Literal["on", "off"]), ("a", bytes),
    ([("a", [1])], Sequence[tuple[str, Sequence[str]]]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "hint"), FITTING)
def test_what_fits_is_given(given: Any, hint: Any) -> None:
    """As it is."""
    assert take(given, hint) is given


@pytest.mark.parametrize(("given", "hint"), WRONG)
def test_what_does_not_fit_is_refused(given: Any, hint: Any) -> None:
    """Whole or item."""
    assert not fits(given, hint)
    with pytest.raises(Nonsense, match=r"gave .* where .* belongs"):
        take(given, hint)


def test_an_iterator_becomes_a_tuple() -> None:
    """A function may yield what it is to give."""
    assert take(iter(["a", "b"]), Sequence[str]) == ("a", "b")


def names_nothing(x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201, D103
    raise NotImplementedError


def names_unseen(x: Unseen) -> Sequence[Unseen]:  # noqa: D103
    raise NotImplementedError


def names_nonsense() -> None:  # noqa: D103
    raise NotImplementedError


names_nonsense.__annotations__["return"] = "Sequence["


def test_names_that_only_a_type_checker_sees_stand_for_anything() -> None:
    """The whole is judged all the same."""
    hint = declared_result(names_unseen)
    assert fits([1, "a"], hint)
    assert not fits(5, hint)


@pytest.mark.parametrize("function", [names_nothing, names_nonsense])
def test_without_an_annotation_anything_goes(function: Callable[..., Any]) -> None:
    """Nothing was promised."""
    assert fits(5, declared_result(function))
