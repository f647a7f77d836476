"""Find the line of a file that a person names, and the module that renders the file."""

from __future__ import annotations

import attrs

from mailstead.errors import InvalidInput, NotFound
from mailstead.explain.variants import File, Variants
from mailstead.machine.values import Path
from mailstead.settings.schema import nearest
from mailstead.transaction.contexts import Contexts
from mailstead.transaction.files import read_version
from mailstead.transaction.lines import Lines, lines_of

DIGITS = 9


@attrs.frozen
class OwnedLine:
    """A line of a file that stands there; ``number`` counts from 0."""

    file: File
    real: Path
    lines: Lines
    number: int


def find_line(variants: Variants, enabled: tuple[str, ...], place: str) -> OwnedLine:
    """Find ``FILE:LINE``: a system path, a path in the instance, or the end of either.

    Raises NotFound for what is no file of an enabled module, InvalidInput for a line it has not.
    """
    contexts = variants.contexts
    name, number = _parse(place)
    file = _file(variants, enabled, _system_path(contexts, name))
    real = contexts.instance.path(file.path)
    version = read_version(contexts.machine, real)
    if version is None:
        raise NotFound("does not exist", where=str(real), hint="`mailstead save` writes it")
    lines = lines_of(version.content)
    if not 1 <= number <= len(lines):
        hint = f"it has {len(lines)} lines"
        raise InvalidInput(f"there is no line {number}", where=file.path, hint=hint)
    return OwnedLine(file, real, lines, number - 1)


def _parse(place: str) -> tuple[str, int]:
    name, _, number = place.rpartition(":")
    if not name or not (number.isascii() and number.isdigit()):
        hint = "write FILE:LINE, such as /etc/postfix/main.cf:12"
        raise InvalidInput("which line?", where=place, hint=hint)
    return name, int(number[: DIGITS + 1])


def _system_path(contexts: Contexts, name: str) -> str:
    """Give the path of a module's file as manifests have it."""
    known = [
        item.path for entry in contexts.registry.entries.values() for item in entry.manifest.paths
    ]
    wanted = _without_prefix(contexts, name)
    found = [item for item in known if item == wanted or item.endswith(f"/{wanted}")]
    if not found:
        names = known if "/" in wanted else [item.rpartition("/")[2] for item in known]
        raise NotFound("is no file of a module", where=name, hint=nearest(wanted, names))
    if len(found) > 1:
        hint = f"is it {' or '.join(found)}?"
        raise NotFound("several files are called so", where=name, hint=hint)
    return found[0]


def _without_prefix(contexts: Contexts, name: str) -> str:
    path, prefix = Path(name), contexts.instance.prefix
    return f"/{path.relative_to(prefix)}" if path.is_relative_to(prefix) else str(path)


def _file(variants: Variants, enabled: tuple[str, ...], path: str) -> File:
    registry = variants.contexts.registry
    owners = [
        name
        for name, entry in registry.entries.items()
        if any(item.path == path for item in entry.manifest.paths)
    ]
    if not set(owners) & set(enabled):
        problem = f"belongs to the module {' or '.join(owners)}, which is not enabled"
        raise NotFound(problem, where=path, hint=f"run `mailstead enable {owners[0]}`")
    file = variants.find(path)
    if file is None:
        problem = f"{owners[0]} made it once; no setting changes it"
        raise InvalidInput(problem, where=path)
    return file
