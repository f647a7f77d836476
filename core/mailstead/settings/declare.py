"""Declare settings once: forms and tables of typed fields.

A class made by `form` or `table` is an ordinary frozen attrs class. Its annotations carry the
field types of `mailstead.settings.types`; from it come validation, command line, documentation,
TOML, and what a template sees.
"""

from __future__ import annotations

import re
import types as python_types
from collections.abc import Callable, Iterable
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)  # fmt: skip

import attrs

from mailstead.errors import InvalidValue
from mailstead.settings.types import FieldType, Mentions, field_type_of, mentions_of

if TYPE_CHECKING:
    from mailstead.module import Problem
    from mailstead.settings.view import Settings

T = TypeVar("T")
RowCheck = Callable[[Any, "Settings"], "Iterable[Problem]"]


@attrs.frozen
class Field:
    """One field of a section.

    Attributes:
        many: the value is a tuple of the type's values.
        optional: the value may be ``None``.
        required: there is no default; a row or form is incomplete without it.
        mentions: rows of tables that a value names without needing them.
    """

    name: str
    type: FieldType
    many: bool
    optional: bool
    required: bool
    default: Any
    help: str
    unit: str
    min_items: int
    mentions: Mentions | None = None

    def parse(self, raw: object, where: str) -> Any:
        """Turn what a person or file gave into the field's value, or raise InvalidValue."""
        try:
            return self._parse(raw)
        except ValueError as error:
            hint = "" if "expected" in str(error) else f"accepted: {self.accepts}"
            raise InvalidValue(str(error), where=where, hint=hint) from None

    def _parse(self, raw: object) -> Any:
        if self.optional and (raw is None or raw == ""):
            return None
        if not self.many:
            return self.type.parse(raw)
        items = [raw] if not isinstance(raw, list | tuple) else list(raw)
        values = tuple(dict.fromkeys(self.type.parse(item) for item in items if item != ""))
        if len(values) < self.min_items:
            raise ValueError(f"needs at least {self.min_items}")
        return values

    def dump(self, value: Any) -> Any:
        """Turn a value into what JSON and TOML can hold."""
        if value is None:
            return None
        if self.many:
            return [self.type.dump(item) for item in value]
        return self.type.dump(value)

    @property
    def accepts(self) -> str:
        """Say in words what is accepted."""
        words = self.type.accepts
        return f"several times {words}" if self.many else words


@attrs.frozen
class Section:
    """A form or table as declared: the metadata behind an attrs class."""

    name: str
    title: str
    help: str
    kind: Literal["form", "table"]
    cls: type
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    check: RowCheck | None = None
    hidden: bool = False

    def field(self, name: str) -> Field:
        """Give a field by name. Raises KeyError."""
        for item in self.fields:
            if item.name == name:
                return item
        raise KeyError(name)


def field(
    *,
    default: Any = attrs.NOTHING,
    help: str = "",  # noqa: A002 - the word an admin reads
    unit: str = "",
    min_items: int = 0,
) -> Any:
    """Declare a field of a form or table."""
    metadata = {"help": help, "unit": unit, "min_items": min_items}
    return attrs.field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def form(
    *,
    title: str,
    name: str = "",
    help: str = "",  # noqa: A002
    check: RowCheck | None = None,
) -> Callable[[type[T]], type[T]]:
    """Make a class a form: one record. Every field needs a default or is optional.

    ``check(record, settings)`` gives problems that the field types cannot see.
    """
    return _declare("form", title=title, name=name, help=help, key=(), check=check, hidden=False)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def table(
    *,
    title: str,
    key: tuple[str, ...],
    name: str = "",
    help: str = "",  # noqa: A002
    check: RowCheck | None = None,
    hidden: bool = False,
) -> Callable[[type[T]], type[T]]:
    """Make a class a table: rows identified by the fields in ``key``, which are write-once.

    ``hidden`` tables are edited by commands of their own, not by ``settings``.
    """
    return _declare("table", title=title, name=name, help=help, key=key, check=check, hidden=hidden)


def section_of(cls: type) -> Section:
    """Give the section a class declares. Raises TypeError for other classes."""
    try:
        section = cls.__mailstead_section__  # type: ignore[attr-defined]
    except AttributeError:
        raise TypeError(f"{cls.__qualname__} is neither a form nor a table") from None
    assert isinstance(section, Section)  # noqa: S101 - set by _declare below
    return section


def _declare(
    kind: Literal["form", "table"], *, name: str, **rest: Any
) -> Callable[[type[T]], type[T]]:
    def wrap(cls: type[T]) -> type[T]:
        made = attrs.frozen(cls, kw_only=True, slots=False)
        hints = get_type_hints(made, include_extras=True)
        fields = tuple(_field(item, hints[item.name]) for item in attrs.fields(made))  # type: ignore[arg-type]
        section = Section(
            name=name or _snake(cls.__name__), kind=kind, cls=made, fields=fields, **rest
        )
        made.__mailstead_section__ = section  # type: ignore[attr-defined]
        return made

    return wrap


def _field(item: attrs.Attribute[Any], hint: Any) -> Field:
    hint, optional = _without_none(hint)
    many = get_origin(hint) is tuple
    if many:
        hint = get_args(hint)[0]
    required = item.default is attrs.NOTHING
    return Field(
        name=item.name,
        type=field_type_of(hint),
        many=many,
        optional=optional,
        required=required,
        default=None if required else item.default,
        help=item.metadata.get("help", ""),
        unit=item.metadata.get("unit", ""),
        min_items=item.metadata.get("min_items", 0),
        mentions=_mentions(item.name, hint, many),
    )


def _mentions(name: str, hint: Any, many: bool) -> Mentions | None:
    found = mentions_of(hint)
    if found is not None and many:
        raise TypeError(f"{name}: several values cannot mention rows")
    return found


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, python_types.UnionType):
        return hint, False
    rest = [part for part in get_args(hint) if part is not type(None)]
    if len(rest) != 1:
        raise TypeError(f"{hint} is not one field type or None")
    return rest[0], True


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


__all__ = ["Annotated", "Field", "Section", "field", "form", "section_of", "table"]
