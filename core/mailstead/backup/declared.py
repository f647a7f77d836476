"""What modules say belongs in a backup, and which files are the admin's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import attrs

from mailstead.instance import CONFIG
from mailstead.module import Backup
from mailstead.registry import Registry

OWN = "/etc/mailstead"


@attrs.frozen
class Declared:
    """What one module declares about one path."""

    module: str
    backup: Backup


def declared(registry: Registry) -> dict[str, Declared]:
    """Give what the usable modules declare by system path, in dependency order.

    A file that is made once belongs in a backup without being named; its rights tell whether it
    is secret.
    """
    return {item.backup.path: item for name in registry.usable() for item in _of(registry, name)}


def trees(registry: Registry) -> dict[str, Declared]:
    """Give the trees alone."""
    return {path: item for path, item in declared(registry).items() if item.backup.kind == "tree"}


def is_own(path: str, taken: Collection[str]) -> bool:
    """Tell whether a file is one of the admin's own: snippets, templates, hooks, certificates.

    Args:
        path: its system path.
        taken: the paths that modules own or declare.
    """
    return path.startswith(f"{OWN}/") and path != CONFIG and path not in taken


def owned_paths(registry: Registry) -> frozenset[str]:
    """Give every path that a manifest says a module owns."""
    entries = registry.entries.values()
    return frozenset(item.path for entry in entries for item in entry.manifest.paths)


def _of(registry: Registry, name: str) -> Iterator[Declared]:
    module = registry.module(name)
    for made in module.generated:
        yield Declared(name, Backup(made.path, "file", secret=False))
    for backup in module.backups:
        yield Declared(name, backup)
