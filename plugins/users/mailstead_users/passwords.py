"""Passwords as Dovecot verifies them: ``{ARGON2ID}$argon2id$...``, doveadm-pw(1).

Two passes over 19 MiB in one lane are OWASP's minimum for Argon2id. A mail client logs in
often, and Dovecot verifies each time: this costs 31 ms of a processor, doveadm's own default
(64 MiB, three passes) 220 ms, which holds a whole server to some eight logins a second.
"""

from __future__ import annotations

import attrs
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mailstead.plugin import Context, InvalidValue, types
from mailstead_users.grammar import parse
from mailstead_users.settings import PasswordPolicy

SCHEME = "{ARGON2ID}"
WHERE = "user.password"


def strong_hasher() -> PasswordHasher:
    """Give the hasher for real passwords."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@attrs.frozen
class Passwords:
    """Makes and verifies stored passwords.

    Attributes:
        minimum: characters a new password must have.
        hasher: a cheaper one for tests.
    """

    minimum: int = 8
    hasher: PasswordHasher = attrs.field(factory=strong_hasher)

    @classmethod
    def of(cls, context: Context) -> Passwords:
        """Give what the policy in the settings asks for."""
        return cls(context.settings.form(PasswordPolicy).minimum_length)

    def hash(self, password: types.Secret) -> str:
        """Give a new password's stored form. Raises InvalidValue, which never quotes it."""
        text = _text(password)
        if len(text) < self.minimum:
            hint = f"use at least {self.minimum} characters"
            raise InvalidValue("the password is too short", where=WHERE, hint=hint)
        return SCHEME + self.hasher.hash(text)

    def verify(self, stored: str, password: types.Secret) -> bool:
        """Tell whether a password is the one that was stored."""
        try:
            return self.hasher.verify(stored.removeprefix(SCHEME), _text(password))
        except (VerificationError, InvalidHashError, InvalidValue):
            return False

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether a stored password was made with other parameters."""
        plain = stored.removeprefix(SCHEME)
        try:
            return plain == stored or self.hasher.check_needs_rehash(plain)
        except InvalidHashError:
            return True


def _text(password: types.Secret) -> str:
    """Give the clear text; 1 to 1024 bytes of UTF-8 without control characters."""
    secret: types.Secret = parse(types.field_type_of(types.Secret), password, WHERE)
    return secret.reveal()
