"""Secrets: a type of their own, so that no diff, log, error or template shows one by accident."""

from __future__ import annotations

from typing import NoReturn

import attrs

from mailstead.settings.grammar import UNPRINTABLE

MASK = "********"
LONGEST = 1024


class Secret:
    """A value that is only shown to who asks for it by `reveal`.

    Not an attrs class, because ``attrs.asdict`` of a form would then lay it open.
    """

    __slots__ = ("_value",)
    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """Give the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        from hmac import compare_digest

        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a secret is frozen: {name}")

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self._value,)


@attrs.frozen
class SecretText:
    """The grammar of secrets. Its errors never quote, and ``dump`` is for the store alone."""

    name: str = "secret"
    accepts: str = "a secret of 1 to 1024 bytes without control characters"
    secret: bool = True

    def parse(self, raw: object) -> Secret:
        """Read a secret."""
        text = raw.reveal() if isinstance(raw, Secret) else raw
        if not isinstance(text, str):
            raise ValueError("the secret is not text")
        if UNPRINTABLE.search(text):
            raise ValueError("the secret contains a control character")
        if not 1 <= len(text.encode()) <= LONGEST:
            raise ValueError(f"the secret is not 1 to {LONGEST} bytes long")
        return Secret(text)

    def dump(self, value: Secret) -> str:
        """Give it in the clear, for the store."""
        return value.reveal()


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")
