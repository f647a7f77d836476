"""The manifest of a backup: what it is and what it consists of, readable without passphrase.

It names the stored parts with their sizes and digests. It is not authenticated: it serves to
find a backup and to see that it is whole. What is restored is said by the index within.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, TypeVar

import attrs

from mailstead.backup.limits import (
    FILES,
    MANIFEST_BYTES,
    PARTS,
    TOTAL_BYTES,
    is_excessive,
    refuse_beyond,
)
from mailstead.errors import ArchiveError

FORMAT = 1
NAME = "manifest.json"
KEY = "key.age"
SETTINGS = "settings.tar.gz"
MAIL = "mail.tar.gz"
SEALED = ".age"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 255
_HIGHEST = 1 << 60
T = TypeVar("T")


@attrs.frozen
class Part:
    """A member of the outer archive; ``files`` and ``unpacked`` tell what is in a packed one."""

    name: str
    size: int
    sha256: str
    files: int = 0
    unpacked: int = 0


@attrs.frozen
class Manifest:
    """What a backup says of itself.

    Attributes:
        mailstead: version that made it.
        host: name of the machine.
        made: when, UTC, as 2026-05-17T08:30:00Z.
        revision: running revision of the settings.
    """

    mailstead: str
    host: str
    made: str
    revision: int
    parts: tuple[Part, ...]

    @property
    def has_secrets(self) -> bool:
        """Tell whether it has a passphrase and with it everything."""
        return self.find(KEY) is not None

    @property
    def has_mail(self) -> bool:
        """Tell whether mail is in it."""
        return self.find(MAIL + SEALED) is not None

    @property
    def settings(self) -> Part:
        """Give the part with settings, databases and files; `parse` sees to it that there is."""
        found = self.find(SETTINGS + SEALED if self.has_secrets else SETTINGS)
        assert found is not None  # noqa: S101 - see above
        return found

    def find(self, name: str) -> Part | None:
        """Give a part by name."""
        return next((part for part in self.parts if part.name == name), None)


def dump(manifest: Manifest) -> bytes:
    """Give the manifest as it is stored: with a digest of itself, against bad disks."""
    raw = {"format": FORMAT, **attrs.asdict(manifest)}
    return _text_of({**raw, "sha256": _digest_of(raw)})


def parse(content: bytes) -> Manifest:
    """Read a manifest. Raises ArchiveError, also for one of a newer format."""
    refuse_beyond("bytes", len(content), MANIFEST_BYTES, NAME)
    raw = load_object(content, NAME)
    _refuse_newer(take(raw, "format", int, NAME), take(raw, "mailstead", str, NAME))
    rest = {name: value for name, value in raw.items() if name != "sha256"}
    if content != _text_of(raw) or take_digest(raw, NAME) != _digest_of(rest):
        raise ArchiveError("it is damaged: its digest is another", where=NAME)
    manifest = Manifest(
        mailstead=_text(raw, "mailstead"),
        host=_text(raw, "host"),
        made=_time(raw),
        revision=take(raw, "revision", int, NAME),
        parts=tuple(map(_part, _listed(raw))),
    )
    _refuse_odd_parts(manifest)
    return manifest


def time_of(seconds: float) -> str:
    """Give wall-clock seconds as the manifest has them."""
    found = datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
    return f"{found:%Y-%m-%dT%H:%M:%SZ}"


def load_object(content: bytes, where: str) -> dict[str, Any]:
    """Read a JSON object. Raises ArchiveError."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"it is damaged: {error}", where=where) from error
    if not isinstance(found, dict):
        raise ArchiveError("it is damaged: no object", where=where)
    return found


def take(raw: Mapping[str, Any], name: str, kind: type[T], where: str) -> T:
    """Give a value of a kind; numbers are those of files. Raises ArchiveError."""
    found = raw.get(name)
    if type(found) is not kind:
        raise ArchiveError(f"it is damaged: no {kind.__name__} {name!r}", where=where)
    if isinstance(found, int) and not 0 <= found <= _HIGHEST:
        raise ArchiveError(f"it is damaged: {name} is {found}", where=where)
    return found


def take_digest(raw: Mapping[str, Any], where: str) -> str:
    """Give the SHA-256. Raises ArchiveError."""
    found = take(raw, "sha256", str, where)
    if not _SHA256.fullmatch(found):
        raise ArchiveError("it is damaged: no digest", where=where)
    return found


def take_list(raw: Mapping[str, Any], name: str, where: str) -> Iterable[dict[str, Any]]:
    """Give a list of objects. Raises ArchiveError."""
    found: list[Any] = take(raw, name, list, where)
    if not all(isinstance(item, dict) for item in found):
        raise ArchiveError(f"it is damaged: {name} holds no objects", where=where)
    return found


def _text_of(raw: Mapping[str, Any]) -> bytes:
    return json.dumps(raw, indent=1).encode() + b"\n"


def _digest_of(raw: Mapping[str, Any]) -> str:
    return sha256(_text_of(raw)).hexdigest()


def _refuse_newer(number: int, version: str) -> None:
    if number != FORMAT:
        hint = f"use Mailstead {version[:40]} or newer"
        raise ArchiveError(f"its format {number} is not known here", where=NAME, hint=hint)


def _text(raw: Mapping[str, Any], name: str) -> str:
    found = take(raw, name, str, NAME)
    refuse_beyond(f"characters of {name}", len(found), _LONGEST, NAME)
    return found


def _time(raw: Mapping[str, Any]) -> str:
    found = take(raw, "made", str, NAME)
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found, re.ASCII):
        raise ArchiveError("it is damaged: no time", where=NAME)
    return found


def _listed(raw: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    found = list(take_list(raw, "parts", NAME))
    refuse_beyond("parts", len(found), PARTS, NAME)
    return found


def _part(raw: Mapping[str, Any]) -> Part:
    number: Callable[[str], int] = lambda name: take(raw, name, int, NAME)  # noqa: E731
    name, digest = take(raw, "name", str, NAME), take_digest(raw, NAME)
    part = Part(name, number("size"), digest, number("files"), number("unpacked"))
    refuse_beyond("bytes", part.size, TOTAL_BYTES, name)
    refuse_beyond("bytes when unpacked", part.unpacked, TOTAL_BYTES, name)
    refuse_beyond("files", part.files, FILES, name)
    if is_excessive(part.unpacked, part.size):
        raise ArchiveError("it would unpack to far more than it is", where=name)
    return part


def _refuse_odd_parts(manifest: Manifest) -> None:
    names = sorted(part.name for part in manifest.parts)
    plain, sealed = [SETTINGS], [KEY, SETTINGS + SEALED]
    if names not in (plain, sorted(sealed), sorted([*sealed, MAIL + SEALED])):
        raise ArchiveError(f"it is damaged: no backup has the parts {names}", where=NAME)
