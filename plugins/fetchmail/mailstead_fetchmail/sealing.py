"""Passwords at rest: Fernet (AES-128-CBC and HMAC-SHA256) with a key only root can read.

https://cryptography.io/en/latest/fernet/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailstead.plugin import Context, Machine, MachineError, types
from mailstead_fetchmail.places import KEY

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

HINT = "restore the key from a backup, or set the passwords of external accounts again"


def make_key(context: Context) -> bytes:  # noqa: ARG001 - what makes a file is given one
    """Give a new key."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key() + b"\n"


def read_key(context: Context, machine: Machine) -> bytes:
    """Read the key. Raises MachineError."""
    path = context.path(KEY)
    try:
        return machine.read_file(path, limit=1024).strip()
    except FileNotFoundError:
        raise MachineError("the key does not exist", where=str(path), hint=HINT) from None


def seal(key: bytes, password: types.Secret) -> str:
    """Encrypt a password."""
    return _fernet(key).encrypt(password.reveal().encode()).decode("ascii")


def unseal(key: bytes, sealed: str) -> types.Secret:
    """Decrypt a password. Raises MachineError when it was sealed with another key."""
    from cryptography.fernet import InvalidToken

    try:
        return types.Secret(_fernet(key).decrypt(sealed.encode("ascii")).decode())
    except InvalidToken:
        raise MachineError("the password was encrypted with another key", hint=HINT) from None


def _fernet(key: bytes) -> Fernet:
    from cryptography.fernet import Fernet

    try:
        return Fernet(key)
    except ValueError as error:
        raise MachineError("the key is damaged", where=KEY, hint=HINT) from error
