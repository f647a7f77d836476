"""An engine with the sample sections as modules, for tests of settings files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from mailstead.document.importer import Imported, Importer
from mailstead.document.text import Text, document_text
from mailstead.engine import Engine
from mailstead.settings import types
from mailstead.settings.cells import Cell, Json, Tree
from mailstead.settings.declare import field, table
from mailstead.testing import fake_engine
from tests.core.packages import Packages

HEADER = """\
# The settings of Mailstead; what is not set here has its default.
# Written by `mailstead export`, put into effect by `mailstead apply FILE`.
"""
MODULES = '\n[modules]\nenabled = [\n    "mail",\n    "network",\n]\n'
REST = """
# Domains
[mail.domain."a.example"]
size = 5
relay = "office"

# Rules
[mail.rule.one]
objects = [
    "office",
]

[mail.rule.two]

# Options
[mail.options]
hostname = "mx"
smarthost = ""
# password is set, but not written: it is a secret (`export --with-secrets` writes it)

# Objects
[network.object.office]

# Members
[network.member.office.lan]
address = "192.0.2.0/24"
"""
TEXT = HEADER + MODULES + REST
SECRET_LINE = next(line for line in REST.splitlines() if line.startswith("# password"))
SHORT = '[modules]\nenabled = ["network", "mail"]\n'

NETWORK = """
from mailstead.plugin import Module
from tests.core.settings.samples import Member, Object
module = Module(sections=[Object, Member])
"""
MAIL = """
from mailstead.plugin import Module
from tests.core.document.appliance import Note
from tests.core.settings.samples import Domain, Options, Rule
module = Module(sections=[Domain, Rule, Options, Note])
"""
NEEDS_NETWORK = 'depends = ["network"]\nenable_depends = ["network"]\n'


@table(title="Notes", key=("title", "number", "open"))
class Note:
    """A table whose keys can be anything."""

    title: types.Text
    number: int
    open: bool
    words: tuple[types.Text, ...] = field(default=("a",))
    pin: types.Secret | None = field(default=None)


@attrs.frozen
class Appliance:
    """An engine and short words for what tests do with it."""

    engine: Engine

    def read(self, text: str, *, merge: bool = False) -> Imported:
        """Import a text."""
        importer = Importer(self.engine)
        return importer.run(importer.read(text.encode(), "f.toml"), merge=merge)

    def write(self, tree: Tree = "draft", *, secrets: bool = False) -> Text:
        """Export a tree."""
        return document_text(self.engine.store, self.engine.schema, tree, secrets=secrets)

    def save(self) -> None:
        """Make the draft running."""
        self.engine.store.commit_draft(self.engine.actor, 8.0)

    def keep(self, section: str, key: str, fields: dict[str, Json]) -> None:
        """Save what an older version of the modules has set."""
        cells = [Cell(section, key, name, value) for name, value in fields.items()]
        self.engine.store.edit(cells, self.engine.actor, 1.0)
        self.save()

    def cells(self, tree: Tree = "draft") -> dict[str, dict[str, dict[str, Any]]]:
        """Give all that is set in a tree."""
        store = self.engine.store
        found = {path: dict(store.records(tree, path)) for path in sorted(store.sections(tree))}
        return {path: records for path, records in found.items() if records}


def sample_plugins(packages: Packages) -> dict[str, str]:
    """Make the plugins: ``network``, and ``mail`` that needs it."""
    sources = (
        packages.add("network", code=NETWORK),
        packages.add("mail", NEEDS_NETWORK, code=MAIL),
    )
    return {source.name: source.package for source in sources}


@contextmanager
def open_appliance(plugins: Mapping[str, str]) -> Iterator[Appliance]:
    """Open a new one."""
    with (
        tempfile.TemporaryDirectory(prefix="ms-") as folder,
        fake_engine(Path(folder), plugins) as engine,
    ):
        yield Appliance(engine)
