"""Explain a line of a file: the module, the settings behind it, and who last changed them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from mailstead.explain.explanation import Explanation, Setting, Standing, State
from mailstead.explain.owned_line import OwnedLine, find_line
from mailstead.explain.search import Finding, Search, other_facts
from mailstead.explain.variants import Variants, Watch
from mailstead.modules import PATH
from mailstead.settings.cells import Change, Json, Revision, mask
from mailstead.settings.file_history import FileHistory
from mailstead.settings.guess import Guesser
from mailstead.settings.secret import MASK
from mailstead.settings.store import Store
from mailstead.transaction.lines import Lines, blocks, lines_of, same
from mailstead.transaction.plan import Planner

HIDDEN = "(secret: not shown)"


def explain(planner: Planner, place: str) -> Explanation:
    """Explain ``FILE:LINE``.

    Raises NotFound and InvalidInput as `find_line` does, PlanError when the saved settings
    cannot be rendered any more.
    """
    context = planner.contexts.of("running")
    variants = Variants(
        planner.contexts, planner.renderer, "running", context.facts, planner.additions(context)
    )
    line = find_line(variants, context.enabled, place)
    watched, watch = variants.watched()
    rendered = variants.render(line.file, watched)
    number = same(line.lines, rendered).get(line.number)
    told = _told(variants, line)
    if number is None:
        return _not_ours(variants, line, rendered, told)
    search = Search(variants, line.file, rendered, number, watch.reads, _guesser(variants))
    return _ours(search, watch, told)


def _guesser(variants: Variants) -> Guesser:
    return Guesser(variants.contexts.schema, variants.contexts.store, variants.tree)


def _told(variants: Variants, line: OwnedLine) -> Explanation:
    """Tell what needs no search."""
    entry = variants.contexts.registry.entry(line.file.module)
    reasons = [item.reason for item in entry.manifest.paths if item.path == line.file.path]
    is_secret = line.file.template.secret
    return Explanation(
        path=line.file.path,
        real=line.real,
        number=line.number + 1,
        text=HIDDEN if is_secret else line.lines[line.number].rstrip("\n"),
        module=line.file.module,
        reason=reasons[0],
    )


def _not_ours(
    variants: Variants, line: OwnedLine, rendered: Lines, told: Explanation
) -> Explanation:
    """Explain a line that Mailstead would not write today."""
    saved = _saved(variants.contexts.store, line.file.path)
    standing: Standing = "old" if line.number in same(line.lines, saved) else "edited"
    block = next(item for item in blocks(line.lines, rendered) if line.number in item.old)
    instead = tuple(rendered[number].rstrip("\n") for number in block.new)
    if line.file.template.secret:
        instead = (HIDDEN,) if instead else ()
    return attrs.evolve(told, standing=standing, instead=instead)


def _saved(store: Store, path: str) -> Lines:
    """Give a file as the module made it for the last save that wrote it."""
    history = FileHistory(store)
    owned = history.owned().get(path)
    return lines_of((history.content(owned.base) if owned else None) or b"")


def _ours(search: Search, watch: Watch, told: Explanation) -> Explanation:
    via, facts = _via(search, watch), _facts(search, watch)
    search.run()
    modules = via or (() if search.found else (told.module,))
    found = [_setting(search.variants, item) for item in search.found]
    holds_secret = any(_is_secret(item) for item in search.found)
    return attrs.evolve(
        told,
        text=HIDDEN if holds_secret else told.text,
        via=via,
        settings=(*found, *(_enabled(search.variants, name) for name in modules)),
        facts=facts,
        perhaps=tuple(search.perhaps),
    )


def _via(search: Search, watch: Watch) -> tuple[str, ...]:
    """Give the other modules without whose contributions the line is not there."""
    names = sorted(watch.givers - {search.file.module})
    return tuple(name for name in names if search.affects(search.variants.without(name)))


def _facts(search: Search, watch: Watch) -> tuple[str, ...]:
    """Give the facts about the machine that make the line what it is."""

    def counts(name: str) -> bool:
        values = other_facts(search.variants.facts[name])
        return any(search.affects(search.variants.otherwise(name, value)) for value in values)

    known = [name for name in sorted(watch.facts) if name in search.variants.facts]
    return tuple(name for name in known if counts(name))


def _is_secret(finding: Finding) -> bool:
    return bool(finding.field) and finding.bound.field(finding.field).type.secret


def _setting(variants: Variants, finding: Finding) -> Setting:
    path = finding.bound.path
    cells = variants.contexts.store.record(variants.tree, path, finding.key)
    names = [finding.field] if finding.field else list(cells)
    changes = [change for name in names if (change := _change(variants, path, finding.key, name))]
    return Setting(
        where=finding.where,
        value=_value(finding, cells),
        state=_state(variants, finding, cells),
        change=max(changes, key=lambda item: item[1].number, default=None),
    )


def _state(variants: Variants, finding: Finding, cells: Mapping[str, Json]) -> State:
    section = finding.bound.section
    if finding.field or section.kind == "form":
        is_set = finding.field in cells if finding.field else bool(cells)
        return "set" if is_set else "default"
    is_table = not finding.key and variants.contexts.store.count(variants.tree, finding.bound.path)
    return "set" if cells or is_table else "not there"


def _value(finding: Finding, cells: Mapping[str, Json]) -> Json:
    if not finding.field:
        return None
    field = finding.bound.field(finding.field)
    default = None if field.default is None else field.dump(field.default)
    value = cells.get(field.name, default)
    return MASK if field.type.secret and value is not None else value


def _enabled(variants: Variants, module: str) -> Setting:
    change = _change(variants, PATH, module, "enabled")
    return Setting(f"module {module} enabled", value=True, state="set", change=change)


def _change(
    variants: Variants, section: str, key: str, field: str
) -> tuple[Change, Revision] | None:
    found = variants.contexts.store.last_change(section, key, field)
    return (mask(variants.contexts.schema, found[0]), found[1]) if found else None
