"""Hash and verify passwords: Argon2id, as Dovecot's ARGON2ID scheme reads it.

The cost is OWASP's minimum (19 MiB, two passes, one lane): the IMAP server verifies at every
login, and one verification takes tens of milliseconds of processor instead of hundreds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mailstead.plugin import InvalidValue, types

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SCHEME = "{ARGON2ID}"
WHERE = "user.password"


def hash_password(password: str, minimum_length: int) -> str:
    """Hash a password that keeps to the rules. Raises InvalidValue, never quoting it."""
    _refuse_bad(password, minimum_length)
    return SCHEME + _hasher().hash(password)


def verify_password(stored: str, password: str) -> bool:
    """Tell whether a password is the stored one."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(stored.removeprefix(SCHEME), password)
    except (InvalidHashError, VerificationError):
        return False


def _refuse_bad(password: str, minimum_length: int) -> None:
    if len(password) < minimum_length:
        hint = f"accepted: at least {minimum_length} characters"
        raise InvalidValue("the password is too short", where=WHERE, hint=hint)
    secret = types.field_type_of(types.Secret)
    try:
        secret.parse(password)
    except ValueError as error:
        hint = f"accepted: {secret.accepts}"
        raise InvalidValue(str(error), where=WHERE, hint=hint) from None


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
