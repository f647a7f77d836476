"""Encryption with age (https://age-encryption.org/v1), by the library pyrage; nothing of our own.

Each backup has a key pair of its own (X25519), made for it and nowhere else. All parts are
encrypted to it, and the key itself is encrypted with the passphrase (scrypt). So the passphrase
is stretched once, parts are streamed, and nobody without the passphrase can add a part that
would be taken: the public key is in no backup. ``age -d -i key.age PART`` opens one by hand.

See docs/adr/0008-backups-are-age-archives.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from mailstead.backup.flow import Sink
from mailstead.errors import ArchiveError, InvalidInput

if TYPE_CHECKING:
    from pyrage.x25519 import Identity

SHORTEST = 8
TRIES = 3


class Source(Protocol):
    """Whatever bytes are pulled from."""

    def read(self, size: int) -> bytes:
        """Give so many bytes; fewer only at the end."""


@attrs.frozen
class Key:
    """The key of one backup. It is in memory alone, and is never shown."""

    _identity: Identity = attrs.field(repr=False)

    @classmethod
    def make(cls) -> Key:
        """Make a key."""
        from pyrage.x25519 import Identity

        return cls(Identity.generate())

    @classmethod
    def unlock(cls, locked: bytes, passphrase: str) -> Key:
        """Read a key that was locked. Raises ArchiveError for another passphrase, or damage."""
        from pyrage import DecryptError, IdentityError
        from pyrage.x25519 import Identity

        try:
            text = _stretched(locked, passphrase).decode("ascii", "replace")
            lines = [line for line in text.splitlines() if not line.startswith("#")]
            return cls(Identity.from_str(lines[0] if lines else ""))
        except DecryptError as error:
            problem = "the passphrase is wrong, or the key is damaged"
            raise ArchiveError(problem, where="key.age", hint=_hint(error)) from error
        except IdentityError as error:
            raise ArchiveError("it holds no key", where="key.age") from error

    def lock(self, passphrase: str) -> bytes:
        """Give the key encrypted with a passphrase, as an identity file of age."""
        from pyrage import passphrase as words

        text = f"# public key: {self._identity.to_public()}\n{self._identity}\n"
        return words.encrypt(text.encode(), passphrase)

    def encrypt(self, source: Source, sink: Sink) -> None:
        """Encrypt what is read."""
        from pyrage import encrypt_io

        _pass(encrypt_io, source, sink, [self._identity.to_public()])

    def decrypt(self, source: Source, sink: Sink) -> None:
        """Decrypt what is read. Raises ArchiveError when it is not as it was encrypted."""
        from pyrage import DecryptError, decrypt_io

        try:
            _pass(decrypt_io, source, sink, [self._identity])
        except (DecryptError, OSError) as error:
            raise ArchiveError(
                f"it cannot be decrypted, so it is not as it was: {error}"
            ) from error


def refuse_weak(passphrase: str) -> None:
    """Raise InvalidInput for a passphrase that protects nothing."""
    if len(passphrase) < SHORTEST:
        hint = "several words are easy to remember; without it the backup cannot be read"
        problem = f"the passphrase has fewer than {SHORTEST} characters"
        raise InvalidInput(problem, hint=hint)


def _stretched(locked: bytes, passphrase: str) -> bytes:
    """Decrypt with a passphrase. Raises DecryptError.

    The library measures this machine first, and refuses what would take far longer than a second
    on it; a machine that is busy for a moment looks slow.
    """
    from pyrage import DecryptError
    from pyrage import passphrase as words

    for _ in range(TRIES - 1):
        try:
            return words.decrypt(locked, passphrase)
        except DecryptError as error:
            if not _is_too_slow(error):
                raise
    return words.decrypt(locked, passphrase)


def _is_too_slow(error: Exception) -> bool:
    return "work" in str(error).lower()


def _hint(error: Exception) -> str:
    if not _is_too_slow(error):
        return ""
    return (
        "this machine is too busy, or much slower than the one the key was made on: try again"
        " when it is idle, or read it with age(1) there"
    )


class _Guarded:
    """Remembers what our end of a stream raised first; the library goes on, or gives words."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def around(self, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def guarded(argument: Any) -> Any:
            if self.error is not None:
                raise self.error
            try:
                return call(argument)
            except BaseException as error:
                self.error = error
                raise

        return guarded


@attrs.frozen
class _Ends:
    """One end of a stream as the library wants it."""

    read: Callable[[int], bytes] | None = None
    write: Callable[[bytes], int] | None = None

    def flush(self) -> None:
        """Hold nothing back."""


def _pass(function: Callable[..., object], source: Source, sink: Sink, keys: list[Any]) -> None:
    guard = _Guarded()
    reader = _Ends(read=guard.around(source.read))
    writer = _Ends(write=guard.around(sink.write))
    try:
        function(reader, writer, keys)
    finally:
        if guard.error is not None:
            raise guard.error
