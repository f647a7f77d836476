"""Judge what a function gave by the annotation of what it declares to give.

Only as deep as a consumer of a hook needs: the kind of the whole and of its items. What is not
understood here (a Callable, a type variable) is let through.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from mailstead.guard import Nonsense, name_of


def declared_result(function: Callable[..., Any]) -> Any:
    """Give the annotation of a function's result; names that only a type checker sees are Any."""
    unseen: dict[str, Any] = {}
    while True:
        try:
            return get_type_hints(function, localns=unseen, include_extras=True).get("return", Any)
        except NameError as error:
            if error.name is None or error.name in unseen:
                return Any
            unseen[error.name] = Any
        except Exception:  # noqa: BLE001 - an annotation may be any expression
            return Any


def take(given: Any, hint: Any) -> Any:
    """Give a result, an iterator as a tuple. Raises Nonsense when it is not what it should be."""
    if isinstance(given, Iterator):
        given = tuple(given)
    if not fits(given, hint):
        raise Nonsense(f"gave {_shape(given)} where {_shown(hint)} belongs")
    return given


def fits(given: object, hint: Any) -> bool:
    """Tell whether a value is of an annotated kind, and so are its items."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(given, item) for item in args)
    if origin is Annotated:
        return fits(given, args[0])
    if origin is Literal:
        return given in args
    kind = type(None) if hint is None else origin or hint
    if not isinstance(kind, type) or kind in (Any, object):
        return True
    return _is_a(given, kind) and _items_fit(given, args)


def _is_a(given: object, kind: type) -> bool:
    if isinstance(given, str):  # a text is no list of letters
        return issubclass(kind, str)
    return isinstance(given, kind) or (kind is float and isinstance(given, int))


def _items_fit(given: Any, args: tuple[Any, ...]) -> bool:
    if not args:
        return True
    if isinstance(given, Mapping):
        return all(fits(key, args[0]) and fits(value, args[-1]) for key, value in given.items())
    if isinstance(given, tuple) and len(args) > 1 and args[1] is not ...:
        return len(given) == len(args) and all(map(fits, given, args))
    return not isinstance(given, Iterable) or all(fits(item, args[0]) for item in given)


def _shape(given: object) -> str:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return name_of(given)
    kinds = sorted({type(item).__name__ for item in given})
    return f"{name_of(given)} of {', '.join(kinds)}" if kinds else name_of(given)


def _shown(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
