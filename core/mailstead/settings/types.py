"""Field types: what an author writes in annotations.

``from mailstead.plugin import types`` and then ``domain: types.DomainName``; to mypy that is a
``str``, to Mailstead a grammar with one canonical form for each value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args, get_origin

import attrs

from mailstead.settings.addresses import PORT, Address, Cidr, HostAndPort, Member, address_span
from mailstead.settings.grammar import FieldType
from mailstead.settings.names import Domain, Mailbox, host
from mailstead.settings.secret import Secret, SecretText
from mailstead.settings.values import (
    AbsolutePath,
    Choice,
    Identifier,
    Integer,
    Line,
    Reference,
    Switch,
    duration,
    size,
)

__all__ = [
    "DomainName", "Duration", "FieldType", "FilePath", "HostName", "HostPort", "IPAddress",
    "MailAddress", "MemberAddress", "Mentions", "Name", "Network", "Port", "Reference", "Secret",
    "Size", "Text", "address_span", "field_type_of", "integer", "reference", "text",
]  # fmt: skip

Text = Annotated[str, Line()]
Name = Annotated[str, Identifier()]
DomainName = Annotated[str, Domain()]
HostName = Annotated[str, host()]
MailAddress = Annotated[str, Mailbox()]
IPAddress = Annotated[str, Address()]
Network = Annotated[str, Cidr()]
MemberAddress = Annotated[str, Member()]
Port = Annotated[int, Integer(*PORT, name="port")]
HostPort = Annotated[str, HostAndPort()]
Size = Annotated[int, size()]
Duration = Annotated[int, duration()]
FilePath = Annotated[str, AbsolutePath()]


def integer(minimum: int, maximum: int) -> FieldType:
    """Make the type of whole numbers within bounds, for ``Annotated[int, ...]``."""
    return Integer(minimum, maximum)


def text(maximum: int, pattern: str = "", words: str = "") -> FieldType:
    """Make the type of one line of text that matches ``pattern`` as a whole."""
    return Line(maximum, pattern, words)


def reference(target: str) -> FieldType:
    """Make the type of references to a row of ``target``, a ``module.section``."""
    return Reference(target)


@attrs.frozen
class Mentions:
    """Rows that a value names without needing them; while one is there, it is in use.

    For ``Annotated[...]``, beside the field's type: an address elsewhere is as good as one in a
    domain of ours, but a domain that goes would turn the one into the other.

    Attributes:
        targets: the tables, ``module.section``; a row in any of them is meant.
        key: a pure function that gives the key text of the row a value names.
    """

    targets: tuple[str, ...]
    key: Callable[[str], str]


def mentions_of(hint: Any) -> Mentions | None:
    """Give what an annotation says its values mention."""
    metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((item for item in metadata if isinstance(item, Mentions)), None)


def field_type_of(hint: Any) -> FieldType:
    """Give the field type an annotation stands for. Raises TypeError."""
    if get_origin(hint) is Annotated:
        base, *metadata = get_args(hint)
        found = next((item for item in metadata if isinstance(item, FieldType)), None)
        return found or field_type_of(base)
    if get_origin(hint) is Literal:
        return _choice(get_args(hint))
    return _plain(hint)


def _choice(words: tuple[Any, ...]) -> FieldType:
    if not all(isinstance(word, str) for word in words):
        raise TypeError(f"choices must be text: {words}")
    return Choice(words)


def _plain(hint: Any) -> FieldType:
    plain: tuple[tuple[type, FieldType], ...] = (
        (bool, Switch()), (int, Integer()), (str, Line()), (Secret, SecretText()),
    )  # fmt: skip
    for base, field_type in plain:
        if hint is base:
            return field_type
    raise TypeError(f"{hint} is not a field type; see mailstead.settings.types")
