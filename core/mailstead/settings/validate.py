"""Look at records of the draft: complete, referring to rows that exist, and consistent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailstead.errors import InvalidValue
from mailstead.guard import guarded, listed
from mailstead.module import Problem
from mailstead.settings.cells import Json
from mailstead.settings.declare import Field
from mailstead.settings.grammar import quoted
from mailstead.settings.keys import join_key, split_key
from mailstead.settings.schema import Bound, Schema
from mailstead.settings.store import Store
from mailstead.settings.uses import Use, record_of, targets, uses_of
from mailstead.settings.values import Reference
from mailstead.settings.view import Settings, build, is_row, key_part


def validate_changed(store: Store, schema: Schema) -> list[Problem]:
    """Give the problems of the records that the draft changes.

    Records of modules that are not loaded are passed over: nobody can judge them.
    """
    changed = dict.fromkeys((change.section, change.key) for change in store.draft_changes())
    problems: list[Problem] = []
    removed: dict[str, set[str]] = {}
    for path, key in changed:
        bound = schema.get(path)
        if bound is None:
            continue
        if bound.section.kind == "table" and not is_row(bound, store.record("draft", path, key)):
            removed.setdefault(path, set()).add(key)
        else:
            problems += problems_of(store, schema, bound, key)
    return problems + list(_dangling(store, schema, removed))


def problems_of(store: Store, schema: Schema, bound: Bound, key: str) -> list[Problem]:
    """Give the problems of one record of the draft."""
    try:
        record = build(bound, key, store.record("draft", bound.path, key))
    except InvalidValue as error:
        return [Problem(error.where, error.problem, error.hint)]
    problems = list(_missing_targets(store, schema, bound, key))
    if not problems:
        problems += _own_problems(store, schema, bound, record)
    return problems


def _own_problems(store: Store, schema: Schema, bound: Bound, record: Any) -> Sequence[Problem]:
    check = bound.section.check
    if check is None:
        return ()

    def call() -> Sequence[Problem]:
        return listed(check(record, Settings(store, schema, "draft")), Problem)

    return guarded(schema.deadline, bound.module, f"the check of {bound.path}", call)


def key_parts(bound: Bound, text: str) -> tuple[str, ...]:
    """Give the parts of a row's key text, one for each key field.

    A key of one part may be written without percent-encoding. Raises InvalidValue.
    """
    names = bound.section.key
    parts = split_key(text)
    if len(names) == 1 and len(parts) != 1:
        parts = (text,)
    if len(parts) != len(names):
        raise InvalidValue(f"{quoted(text)} is not a key", where=bound.path, hint="/".join(names))
    return parts


def canonical_key(schema: Schema, bound: Bound, text: str) -> str:
    """Give a row's key text in canonical form, so that twins in case or IDN are one row.

    Raises InvalidValue.
    """
    pairs = zip(bound.section.key, key_parts(bound, text), strict=True)
    return join_key(_canonical_part(schema, bound, name, part) for name, part in pairs)


def canonical_reference(schema: Schema, field: Field, value: Json, where: str) -> Json:
    """Give a reference field's value with canonical keys; other values as they are."""
    bound = schema.get(field.type.target) if isinstance(field.type, Reference) else None
    if bound is None or value is None:
        return value
    try:
        if field.many:
            return tuple(dict.fromkeys(canonical_key(schema, bound, item) for item in value))
        return canonical_key(schema, bound, value)
    except InvalidValue as error:
        raise InvalidValue(error.problem, where=where, hint=error.hint) from None


def _canonical_part(schema: Schema, bound: Bound, name: str, part: str) -> str:
    field, where = bound.field(name), bound.place("", name)
    return key_part(field, canonical_reference(schema, field, field.parse(part, where), where))


def _missing_targets(store: Store, schema: Schema, bound: Bound, key: str) -> Iterator[Problem]:
    cells = record_of(store, bound, key)
    for field in bound.section.fields:
        if not isinstance(field.type, Reference):
            continue
        for target in targets(field, cells):
            if not _exists(store, schema, field.type.target, target):
                problem = f"there is no {quoted(target)} in {field.type.target}"
                yield Problem(bound.place(key, field.name), problem, "add it first")


def _exists(store: Store, schema: Schema, path: str, key: str) -> bool:
    bound = schema.get(path)
    return bound is not None and is_row(bound, store.record("draft", path, key))


def _dangling(store: Store, schema: Schema, removed: dict[str, set[str]]) -> Iterator[Problem]:
    for path, keys in removed.items():
        for use in uses_of(store, schema, path, keys):
            if not _is_elsewhere(store, schema, use):
                yield Problem(use.where, _lost(use, path), "name another row, or add it again")


def _is_elsewhere(store: Store, schema: Schema, use: Use) -> bool:
    """Tell whether another table has the row that is mentioned."""
    tables = use.field.mentions.targets if use.field.mentions is not None else ()
    return any(_exists(store, schema, path, key) for path in tables for key in use.targets)


def _lost(use: Use, path: str) -> str:
    return f"it refers to {', '.join(map(quoted, use.targets))}, which {path} no longer has"
