"""Write docs/reference/ from the code: settings, hooks, commands, manifest, plugin API, errors.

The same code gives the same bytes, whatever the terminal, the machine and other plugins are.
A name without an explanation stops the generation: what is public is documented.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import attrs
import click

from mailstead import errors, manifest, plugin
from mailstead.cli import main as command_line
from mailstead.registry import GROUP, Registry, Source
from mailstead.settings.declare import Field, section_of
from mailstead.settings.grammar import FieldType

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs/reference"
NOTE = "<!-- Written by script/reference from the code; do not edit. -->"
EMPTY = "-"
MANIFEST_WORDS = {
    "summary": "one sentence for lists of modules.",
    "paths.path": "absolute system path.",
    "paths.reason": "why the module owns it; an admin reads this before consenting.",
    "ports.name": "service name, the same as in the module's code.",
    "ports.port": "standard TCP port.",
}


class Undocumented(Exception):
    """Something public has no explanation; the text names it."""


def main() -> int:
    """Write the pages, or compare them; gives the exit status."""
    parser = argparse.ArgumentParser(prog="script/reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; compare")
    check = parser.parse_args().check
    made = pages()
    if not check:
        _write(made)
        return 0
    found = differences(made)
    print("".join(found) or "docs/reference is as the code has it")
    return bool(found)


def pages() -> dict[str, str]:
    """Give every page by file name."""
    registry = first_party()
    return {
        "README.md": _index(),
        "commands.md": _page("Commands", COMMANDS, _commands(registry)),
        "errors.md": _page("Errors and exit statuses", ERRORS, _errors()),
        "hooks.md": _page("Hooks", HOOKS, _hooks(registry)),
        "manifest.md": _page("manifest.toml", MANIFEST, _manifest()),
        "plugin-api.md": _page("The plugin API", PLUGIN_API, _plugin_api()),
        "settings.md": _page("Settings", SETTINGS, _settings(registry)),
    }


def differences(made: dict[str, str]) -> list[str]:
    """Give unified diffs of the pages that differ from the files; empty when none does."""
    found: list[str] = []
    names = sorted({*made, *(path.name for path in FOLDER.glob("*.md"))})
    for name in names:
        path = FOLDER / name
        old = path.read_text("utf-8") if path.exists() else ""
        lines = old.splitlines(keepends=True), made.get(name, "").splitlines(keepends=True)
        found += difflib.unified_diff(*lines, f"docs/reference/{name}", "as the code has it")
    return found


def first_party() -> Registry:
    """Give the registry of this distribution's plugins, whatever else is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    points = sorted(project["entry-points"][GROUP].items())
    registry = Registry.discover([Source(name, package) for name, package in points])
    usable = registry.usable()
    for name in registry.ids:
        if name not in usable:
            raise Undocumented(f"{name}: {registry.entry(name).reason}")
    return registry


# The words at the head of each page.

SETTINGS = """
What an admin can set, by module and section, with defaults.
A *form* is one record: `mailstead settings set module.form field=value`.
A *table* has rows that are named by their key:
`mailstead settings set module.table KEY field=value`.
A field that takes several values is given them separated by commas.
A key of several parts is written with `/` between them.
"""
HOOKS = """
Functions by which one module contributes to another.
A module implements one by a function of that name in its package, marked with
`mailstead.plugin.hookimpl`; it may leave out arguments it does not need.
The calls go one by one in dependency order, to enabled modules only,
and a failure names the module whose function it was.
"""
COMMANDS = """
Every command of `mailstead`, those of the core first.
`--instance DIR`, `--json` and `--yes` (`-y`) may stand anywhere on the line.
The instance is `$MAILSTEAD_INSTANCE`, or `/`, unless `--instance` names another.
With `--json` a command prints exactly one JSON document on standard output.
The exit statuses are in [errors.md](errors.md).
"""
MANIFEST = """
`manifest.toml` lies in a plugin's package and is read before anything of it is imported.
An unknown key, a missing one, a cycle, or a file that two modules own is an error that names
the modules; the others go on without them.
"""
PLUGIN_API = f"""
Everything a module author imports from `mailstead.plugin`; this is API {plugin.API}.
A plugin's commands also import `mailstead.cli.app`: `App` and `pass_app`.
Tests of a plugin import `mailstead.testing`.
The errors among its names are in [errors.md](errors.md).
[The tutorial](../tutorial-first-module.md) builds a whole module with it.
"""
ERRORS = """
Each error says what is wrong, where, and what to do next.
The command line prints it on standard error and ends with its exit status;
with `--json` the three parts are printed as `{"error": {"problem", "where", "hint"}}`.
"""


def _index() -> str:
    rows = [
        ("[Commands](commands.md)", "every command with its options"),
        ("[Settings](settings.md)", "every field of every module"),
        ("[Errors and exit statuses](errors.md)", "what a command ends with"),
        ("[manifest.toml](manifest.md)", "what a module says of itself"),
        ("[The plugin API](plugin-api.md)", "what a module is made of"),
        ("[Hooks](hooks.md)", "how modules contribute to each other"),
    ]
    words = "Written by `script/reference` from the code; a test fails when they differ from it."
    return _page("Reference", words, _table(("Page", "What it holds"), rows))


# Settings


def _settings(registry: Registry) -> Iterator[str]:
    for name in registry.usable():
        sections = [section_of(cls) for cls in registry.module(name).sections]
        if sections:
            yield f"\n## {name}: {registry.entry(name).manifest.title}\n"
        for section in sections:
            where = f"{name}.{section.name}"
            yield f"\n### {where}\n\n{section.title}: {section.kind}"
            yield f" with the key `{'/'.join(section.key)}`.\n" if section.key else ".\n"
            yield f"{section.help or _doc(section.cls, where)}\n"
            if section.hidden:
                yield "Edited by commands of its own, not by `mailstead settings`.\n"
            columns = ("Field", "Type", "Accepts", "Default", "Help")
            rows = [_setting(where, section.key, item) for item in section.fields]
            yield "\n"
            yield from _table(columns, rows)


def _setting(where: str, key: Sequence[str], item: Field) -> tuple[str, ...]:
    if not item.help:
        raise Undocumented(f"{where}.{item.name} has no help")
    kind = f"{item.type.name}, several" if item.many else item.type.name
    kind += " or nothing" if item.optional else ""
    unit = f" ({item.unit})" if item.unit else ""
    needs = f"; at least {item.min_items}" if item.min_items else ""
    default = "required" if item.name in key or item.required else _default(item)
    return f"`{item.name}`", kind, item.accepts + needs, default, item.help + unit


def _default(item: Field) -> str:
    if item.default is None or item.default in ((), ""):
        return EMPTY
    if item.type.secret:
        return "secret"
    value = item.dump(item.default)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{', '.join(map(str, value)) if isinstance(value, list) else value}`"


# Hooks


def _hooks(registry: Registry) -> Iterator[str]:
    for name in registry.usable():
        specs = registry.module(name).hookspecs
        yield f"\n## {name}: {registry.entry(name).manifest.title}\n" if specs else ""
        for spec in specs:
            yield f"\n{_doc(spec, f'{name}: {spec.__name__}')}\n"
            for hook, function in _specified(spec):
                where = f"{spec.__module__}.{spec.__qualname__}.{hook}"
                yield f"\n### {hook}\n\n```python\n{_signature(hook, function)}\n```\n\n"
                yield f"{_doc(function, where)}\n"
        yield from _told(specs)


def _told(specs: Sequence[type]) -> Iterator[str]:
    """Give the classes that hooks are given or give, which stand beside them."""
    for name in dict.fromkeys(spec.__module__ for spec in specs):
        for word, cls in vars(sys.modules[name]).items():
            if isinstance(cls, type) and attrs.has(cls) and cls.__module__ == name:
                yield _declaration(word, cls)


def _specified(spec: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, value in vars(spec).items():
        if hasattr(value, f"{plugin.PROJECT}_spec"):
            yield name, value


def _signature(name: str, function: Callable[..., Any]) -> str:
    found = inspect.signature(function)
    inside: list[str] = []
    for item in found.parameters.values():
        if item.kind is item.KEYWORD_ONLY and "*" not in inside:
            inside.append("*")
        if item.name != "self":
            inside.append(_parameter(item))
    end = found.return_annotation
    gives = "" if end is inspect.Signature.empty else f" -> {_annotation(end)}"
    return f"def {name}({', '.join(inside)}){gives}: ..."


def _parameter(item: inspect.Parameter) -> str:
    has_type = item.annotation is not inspect.Parameter.empty
    kind = f": {_annotation(item.annotation)}" if has_type else ""
    if item.default is inspect.Parameter.empty:
        return f"{item.name}{kind}"
    default = "..." if item.default is attrs.NOTHING else repr(item.default)
    return f"{item.name}{kind} = {default}"


def _annotation(hint: object) -> str:
    return hint if isinstance(hint, str) else inspect.formatannotation(hint)


# Commands


def _commands(registry: Registry) -> Iterator[str]:
    yield "\n## Global options\n\n"
    yield from _options(command_line.cli)
    yield "\n## Core\n"
    context = click.Context(command_line.cli, info_name="mailstead")
    for name in sorted(command_line.CORE_COMMANDS):
        yield from _command(name, _found(command_line.cli.get_command(context, name), name))
    for module in registry.usable():
        names = registry.entry(module).manifest.commands
        if names:
            yield f"\n## {module}: {registry.entry(module).manifest.title}\n"
        for name in names:
            yield from _command(name, _found(command_line.cli.get_command(context, name), name))


def _found(command: click.Command | None, name: str) -> click.Command:
    if command is None:
        raise Undocumented(f"the command {name} is named but not there")
    return command


def _command(path: str, command: click.Command) -> Iterator[str]:
    arguments = [item for item in command.params if isinstance(item, click.Argument)]
    if isinstance(command, click.Group):
        usage = f"```console\nmailstead {path} [OPTIONS]\n```\n\n" if command.params else ""
        yield f"\n### mailstead {path}\n\n{usage}{_help(command, path)}\n"
        if command.params:
            yield "\n"
            yield from _options(command)
        for name, inner in sorted(command.commands.items()):
            yield from _command(f"{path} {name}", inner)
        return
    words = " ".join(("mailstead", path, *map(_argument, arguments)))
    has_options = len(arguments) < len(command.params)
    usage = f"{words} [OPTIONS]" if has_options else words
    yield f"\n### mailstead {path}\n\n```console\n{usage}\n```\n\n{_help(command, path)}\n"
    if has_options:
        yield "\n"
        yield from _options(command)


def _argument(item: click.Argument) -> str:
    word = item.metavar or _metavar(item)
    if item.metavar:
        return word
    word += "..." if item.nargs != 1 else ""
    return word if item.required else f"[{word}]"


def _options(command: click.Command) -> Iterator[str]:
    rows = [
        (_option(item), item.help or EMPTY, _option_default(item))
        for item in command.params
        if isinstance(item, click.Option) and not item.hidden
    ]
    yield from _table(("Option", "What it does", "Default"), rows)


def _option(item: click.Option) -> str:
    names = "/".join((*item.opts, *item.secondary_opts))
    return f"`{names}`" if item.is_flag or item.count else f"`{names} {_metavar(item)}`"


def _option_default(item: click.Option) -> str:
    if isinstance(item.show_default, str):
        return item.show_default
    return f"`{item.default}`" if item.show_default else EMPTY


def _metavar(item: click.Parameter) -> str:
    if item.metavar:
        return item.metavar
    if isinstance(item.type, click.Choice):
        return "|".join(map(str, item.type.choices))
    if isinstance(item, click.Argument):
        return str(item.name).upper()
    return item.type.name.upper().split(" ", maxsplit=1)[0]


def _help(command: click.Command, path: str) -> str:
    if not command.help:
        raise Undocumented(f"mailstead {path} has no help")
    return inspect.cleandoc(command.help).replace("\b\n", "")


# Manifest


def _manifest() -> Iterator[str]:
    yield "\n"
    yield from _table(("Key", "Type", "Default", "What it says"), _keys(manifest.Manifest, ""))
    for cls, key in ((manifest.OwnedPath, "paths"), (manifest.PortUse, "ports")):
        yield f"\n## \\[\\[{key}\\]\\]\n\n{_doc(cls, key)}\n\n"
        yield from _table(("Key", "Type", "Default", "What it says"), _keys(cls, f"{key}."))


def _keys(cls: type[attrs.AttrsInstance], prefix: str) -> Iterator[tuple[str, ...]]:
    words = {**_attributes(cls), **{
        name.removeprefix(prefix): text for name, text in MANIFEST_WORDS.items()
        if name.startswith(prefix)
    }}  # fmt: skip
    for item in attrs.fields(cls):
        if item.name not in words:
            raise Undocumented(f"the manifest key {prefix}{item.name} has no explanation")
        default = "required" if item.default is attrs.NOTHING else EMPTY
        yield f"`{item.name}`", _toml_type(str(item.type)), default, words[item.name]


def _toml_type(annotation: str) -> str:
    if "OwnedPath" in annotation or "PortUse" in annotation:
        return "array of tables"
    if annotation.startswith("tuple"):
        return "array of strings"
    return "integer" if annotation == "int" else "string"


# The plugin API


def _plugin_api() -> Iterator[str]:
    public = {name: getattr(plugin, name) for name in plugin.__all__}
    kinds: dict[str, list[str]] = {"Declarations": [], "Functions": [], "Other names": []}
    for name in sorted(public, key=str.lower):
        value = public[name]
        is_error = isinstance(value, type) and issubclass(value, errors.MailsteadError)
        if attrs.has(value) if isinstance(value, type) else False:
            kinds["Declarations"].append(_declaration(name, value))
        elif inspect.isfunction(value):
            kinds["Functions"].append(_function(name, value))
        elif not is_error:
            kinds["Other names"].append(f"- `{name}`: {_other(name, value)}\n")
    for title, parts in kinds.items():
        yield f"\n## {title}\n" + ("\n" if title == "Other names" else "")
        yield from parts
    yield "\n## Field types\n\nBeside these, `bool`, `int`, `str` and `Literal` of words are "
    yield "field types;\n`T | None` may be nothing, and `tuple[T, ...]` takes several.\n\n"
    yield from _table(("Type", "Python", "Accepts"), _types())


def _declaration(name: str, cls: type[attrs.AttrsInstance]) -> str:
    words = _attributes(cls)
    rows = [
        (f"`{item.name}`", f"`{_annotation(item.type)}`", _attribute_default(item),
         words.get(item.name, EMPTY))
        for item in attrs.fields(cls)
    ]  # fmt: skip
    columns = ("Attribute", "Type", "Default", "What it says")
    text = _doc(cls, name, attributes=False)
    return "".join((f"\n### {name}\n\n{text}\n\n", *_table(columns, rows)))


def _attribute_default(item: attrs.Attribute[Any]) -> str:
    if item.default is attrs.NOTHING:
        return "required"
    if isinstance(item.default, attrs.Factory):  # type: ignore[arg-type]
        return EMPTY
    if isinstance(item.default, int) and item.name == "mode":
        return f"`0o{item.default:o}`"
    return f"`{item.default!r}`"


def _function(name: str, function: Callable[..., Any]) -> str:
    return (
        f"\n### {name}\n\n```python\n{_signature(name, function)}\n```\n\n{_doc(function, name)}\n"
    )


OTHER_WORDS = {
    "API": "the version of this API, as `api` in a manifest.",
    "Annotated": "`typing.Annotated`, to give a plain type a grammar.",
    "Path": "`pathlib.PurePosixPath`: paths are names here; only a `Machine` opens them.",
    "hookimpl": "marks a function as the implementation of a hook.",
    "hookspec": "marks a method as a hook that others may implement.",
    "types": "the field types below.",
}


def _other(name: str, value: object) -> str:
    if name in OTHER_WORDS:
        return OTHER_WORDS[name]
    return _doc(value, name).splitlines()[0]


def _types() -> Iterator[tuple[str, ...]]:
    for name in sorted(plugin.types.__all__):
        value = getattr(plugin.types, name)
        if get_origin(value) is Annotated:
            base, *metadata = get_args(value)
            found = next(item for item in metadata if isinstance(item, FieldType))
            yield f"`types.{name}`", f"`{base.__name__}`", found.accepts
        elif inspect.isfunction(value):
            call = _signature(name, value).removeprefix("def ").removesuffix(": ...")
            yield f"`types.{call}`", EMPTY, _doc(value, name).splitlines()[0]
        elif isinstance(value, type) and name == "Secret":
            yield f"`types.{name}`", f"`{name}`", _doc(value, name).splitlines()[0]


# Errors


def _errors() -> Iterator[str]:
    yield "\n## Exit statuses\n\n"
    yield from _table(("Status", "Meaning"), _statuses())
    yield "\nA command line that cannot be understood (an unknown option) also ends with 2.\n"
    yield "\n## Errors\n\n"
    yield from _table(("Error", "Kind of", "Status", "Meaning"), _tree(errors.MailsteadError))


def _statuses() -> list[tuple[str, str]]:
    words = " ".join((command_line.__doc__ or "").split())
    listed = re.search(r"Exit statuses: ([^.]*)\.", words)
    if listed is None:
        raise Undocumented("mailstead.cli.main does not list the exit statuses")
    pairs = [part.strip().split(" ", 1) for part in listed.group(1).split(";")]
    return [(number, meaning) for number, meaning in pairs]


def _tree(cls: type[errors.MailsteadError], parent: str = "") -> Iterator[tuple[str, ...]]:
    meaning = _doc(cls, cls.__name__).split("\n\n")[0]
    kind = f"`{parent}`" if parent else EMPTY
    yield f"`{cls.__name__}`", kind, str(cls.exit_status), meaning
    for child in sorted(cls.__subclasses__(), key=lambda item: item.__name__):
        if child.__module__ == errors.__name__:
            yield from _tree(child, cls.__name__)


# Text


def _doc(thing: object, where: str, *, attributes: bool = True) -> str:
    text = vars(thing).get("__doc__") if isinstance(thing, type) else inspect.getdoc(thing)
    if not text or text.startswith("Method generated by attrs"):
        raise Undocumented(f"{where} has no docstring")
    text = inspect.cleandoc(text).replace("``", "`")
    if not attributes:
        text = re.sub(r"\n\nAttributes:\n(?:(?: .*)?(?:\n|$))*", "\n\n", text).strip()
    return re.sub(r"(?m)^(Args|Attributes|Returns|Raises):$", r"\1:\n", _listed(text))


def _listed(text: str) -> str:
    """Make the indented names below ``Args:`` and the like a list."""
    return re.sub(r"(?m)^    (\*{0,2}[a-z_][\w, ]*): ", r"- `\1`: ", text)


def _attributes(cls: type) -> dict[str, str]:
    """Read what a class says of its attributes in its docstring."""
    text = inspect.cleandoc(cls.__doc__ or "").replace("``", "`")
    _, _, listed = text.partition("Attributes:\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in listed.splitlines():
        start = re.match(r" {4}([a-z_][\w, ]*): (.*)", line)
        if start:
            names = start.group(1).split(", ")
            found.update(dict.fromkeys(names, start.group(2)))
        elif line.strip():
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
        else:
            names = []
    return found


def _page(title: str, words: str, parts: Iterable[str]) -> str:
    text = f"{NOTE}\n\n# {title}\n\n{words.strip()}\n" + ("\n" if title == "Reference" else "")
    return text + "".join(parts)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |\n"
    yield f"|{'---|' * len(columns)}\n"
    for row in rows:
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        yield f"| {' | '.join(cells)} |\n"


def _write(made: dict[str, str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8")
    print(f"wrote {len(made)} pages to docs/reference")


if __name__ == "__main__":
    sys.exit(main())
