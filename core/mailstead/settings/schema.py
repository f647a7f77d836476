"""The sections of all modules that take part, found by path or by class."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import attrs

from mailstead.errors import InvalidValue, NotFound, RegistryError
from mailstead.guard import Deadline
from mailstead.machine.deadline import deadline as real_deadline
from mailstead.settings.declare import Field, Section, section_of
from mailstead.settings.values import Reference


@attrs.frozen
class Bound:
    """A section and the module it belongs to."""

    module: str
    section: Section

    @property
    def path(self) -> str:
        """Give ``module.section``."""
        return f"{self.module}.{self.section.name}"

    def place(self, key: str = "", field: str = "") -> str:
        """Give the path of a record or field, as errors name it."""
        row = f"[{key}]" if key else ""
        return f"{self.path}{row}.{field}" if field else f"{self.path}{row}"

    def field(self, name: str) -> Field:
        """Give a field by name. Raises NotFound with the nearest names."""
        try:
            return self.section.field(name)
        except KeyError:
            names = [item.name for item in self.section.fields]
            raise NotFound(
                f"no field {name!r}", where=self.path, hint=nearest(name, names)
            ) from None


class Schema:
    """All sections by path, by class and by what they refer to.

    Attributes:
        deadline: how long a section's own check may take is seen to by this.
    """

    def __init__(self, deadline: Deadline = real_deadline) -> None:
        self.deadline = deadline
        self._by_path: dict[str, Bound] = {}
        self._by_class: dict[type, Bound] = {}
        self._references: dict[str, list[tuple[Bound, Field]]] = {}

    def add(self, module_id: str, section_classes: Iterable[type]) -> None:
        """Add a module's sections, all or none. Raises RegistryError for bad declarations."""
        bounds = [Bound(module_id, section_of(cls)) for cls in section_classes]
        seen: set[str] = set(self._by_path)
        for bound in bounds:
            _verify(bound, seen)
            seen.add(bound.path)
        for bound in bounds:
            self._add(bound)

    def _add(self, bound: Bound) -> None:
        self._by_path[bound.path] = bound
        self._by_class[bound.section.cls] = bound
        for field in bound.section.fields:
            for target in _targets(field):
                self._references.setdefault(target, []).append((bound, field))

    def find(self, path: str) -> Bound:
        """Give a section by ``module.section``. Raises NotFound with the nearest names."""
        try:
            return self._by_path[path]
        except KeyError:
            hint = nearest(path, list(self._by_path))
            raise NotFound(f"no section {path!r}", hint=hint) from None

    def get(self, path: str) -> Bound | None:
        """Give a section by ``module.section``, or ``None``."""
        return self._by_path.get(path)

    def of(self, cls: type) -> Bound:
        """Give the section a class declares. Raises NotFound when its module takes no part."""
        try:
            return self._by_class[cls]
        except KeyError:
            raise NotFound(f"no loaded module declares {cls.__qualname__}") from None

    def all(self) -> tuple[Bound, ...]:
        """Give every section, in the order of adding."""
        return tuple(self._by_path.values())

    def references_to(self, path: str) -> tuple[tuple[Bound, Field], ...]:
        """Give the fields that refer to rows of a section, or may mention one."""
        return tuple(self._references.get(path, ()))


def _targets(field: Field) -> tuple[str, ...]:
    if isinstance(field.type, Reference):
        return (field.type.target,)
    return field.mentions.targets if field.mentions is not None else ()


def nearest(name: str, names: Sequence[str]) -> str:
    """Give a hint that names what was probably meant."""
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"there are: {', '.join(sorted(names))}" if names else "there are none"


def is_needed(field: Field) -> bool:
    """Tell whether a record is incomplete without the field."""
    return field.required and not field.optional


def _verify(bound: Bound, taken: set[str]) -> None:
    if bound.path in taken:
        raise RegistryError("the section is declared twice", where=bound.path)
    section = bound.section
    for name in section.key:
        _verify_key(bound, name)
    if section.kind == "table" and not section.key:
        raise RegistryError("a table needs a key", where=bound.path)
    for field in section.fields:
        if section.kind == "form" and is_needed(field):
            raise RegistryError("a form's field needs a default", where=bound.place("", field.name))
        _verify_default(bound, field)


def _verify_key(bound: Bound, name: str) -> None:
    field = bound.field(name)
    if not field.required or field.many or field.optional or field.type.secret:
        problem = "a key field must be one plain value without a default"
        raise RegistryError(problem, where=bound.place("", name))
    if isinstance(field.type, Reference) and field.type.target == bound.path:
        raise RegistryError("a key cannot refer to its own table", where=bound.place("", name))


def _verify_default(bound: Bound, field: Field) -> None:
    if field.required or field.default is None:
        return
    where = bound.place("", field.name)
    try:
        parsed = field.parse(field.dump(field.default), where)
    except InvalidValue as error:
        raise RegistryError(f"the default is refused: {error.problem}", where=where) from None
    if parsed != (tuple(field.default) if field.many else field.default):
        raise RegistryError("the default is not in canonical form", where=where)
