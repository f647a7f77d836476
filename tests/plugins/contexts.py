"""Contexts for plugin tests: real settings in a temporary store, made-up facts, no machine."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as HostPath
from typing import Any

import attrs

from mailstead.context import Context
from mailstead.instance import Instance
from mailstead.machine.values import Path
from mailstead.module import Module
from mailstead.settings.cells import Actor
from mailstead.settings.edit import Editor
from mailstead.settings.schema import Schema
from mailstead.settings.store import Store
from mailstead.settings.view import Settings
from mailstead.transaction.additions import NONE, Additions
from mailstead.transaction.render import Rendered, Renderer

ACTOR = Actor("tester", "test")
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
SANDBOX = Instance(
    prefix=Path("/srv/box"), kind="sandbox", addresses=("127.7.8.9",), port_offset=20000
)
SYSTEM = Instance(prefix=Path("/"))
FACTS: Mapping[str, Any] = {
    "hostname": "mail.example.net",
    "interfaces": {"lo": ("127.0.0.1", "::1"), "eth0": ("192.0.2.2", "2001:db8::2")},
    "vmail_ids": (997, 996),
    "dovecot_version": "2.3",
}
MODULES = ("network", "mail_smtp", "mail_retrieval")


@attrs.frozen
class Bench:
    """A draft to edit, and contexts of it."""

    store: Store
    schema: Schema
    modules: Sequence[str]

    @property
    def editor(self) -> Editor:
        """Give the editor of the draft."""
        return Editor(self.store, self.schema, lambda: 0.0)

    def add(self, path: str, **values: object) -> None:
        """Add a row."""
        self.editor.add_row(path, values, ACTOR)

    def set(self, path: str, **values: object) -> None:
        """Set a form."""
        self.editor.set_form(path, values, ACTOR)

    def context(self, instance: Instance = SANDBOX, **facts: Any) -> Context:
        """Give a context of the draft."""
        return Context(
            settings=Settings(self.store, self.schema, "draft"),
            instance=instance,
            facts={**FACTS, **facts},
            enabled=tuple(self.modules),
            collect=self._collect,
        )

    def render(
        self, name: str, context: Context, additions: Additions = NONE
    ) -> dict[str, Rendered]:
        """Render a module's files, by system path."""
        package = importlib.import_module(f"mailstead_{name}")
        files = Renderer().files(name, package.module, package, context, additions)
        return {item.path: item for item in files}

    def _collect(self, hook: str, **arguments: Any) -> tuple[tuple[str, Any], ...]:
        packages = [(name, importlib.import_module(f"mailstead_{name}")) for name in self.modules]
        found = ((name, getattr(package, hook, None)) for name, package in packages)
        return tuple((name, made(**arguments)) for name, made in found if made is not None)


@contextmanager
def bench(folder: HostPath, modules: Sequence[str] = MODULES) -> Iterator[Bench]:
    """Make a bench with these modules enabled."""
    schema = Schema()
    for name in modules:
        module: Module = importlib.import_module(f"mailstead_{name}").module
        schema.add(name, module.sections)
    store = Store.open(folder / "state.db", create=True)
    try:
        yield Bench(store, schema, modules)
    finally:
        store.close()


def compare(folder: HostPath, name: str, files: Mapping[str, Rendered]) -> None:
    """Compare rendered files with the golden ones; UPDATE_GOLDEN=1 writes these anew."""
    made = {_golden(name, path): _portable(item.content) for path, item in files.items()}
    if UPDATE:
        folder.mkdir(exist_ok=True)
        for file_name, text in made.items():
            (folder / file_name).write_text(text)
    for file_name, text in made.items():
        assert text == (folder / file_name).read_text(), file_name


def _portable(content: bytes) -> str:
    return content.decode().replace(sys.executable, "/usr/bin/python3")


def _golden(name: str, path: str) -> str:
    return f"{name}.{path.rsplit('/', 1)[-1]}.expected"
