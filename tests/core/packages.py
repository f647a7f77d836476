"""Write small plugin packages for tests of the registry and the engine."""

from __future__ import annotations

import itertools
import sys
import textwrap
from pathlib import Path

import pytest

from mailstead.registry import Source

DECLARATION = "from mailstead.plugin import Module\nmodule = Module()\n"
_numbers = itertools.count()


class Packages:
    """Makes importable plugin packages in a temporary folder; each name is used once."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / f"packages{next(_numbers)}"
        self.folder.mkdir()
        self._monkeypatch = monkeypatch
        monkeypatch.syspath_prepend(str(self.folder))

    def add(
        self, name: str, manifest: str = "", code: str = DECLARATION, **templates: str
    ) -> Source:
        """Write a package; ``manifest`` is added to id, api and title."""
        package = f"plugin{next(_numbers)}_{name}"
        folder = self.folder / package
        (folder / "templates").mkdir(parents=True)
        head = "" if "id =" in manifest else f'id = "{name}"\napi = 1\ntitle = "{name}"\n'
        (folder / "manifest.toml").write_text(head + textwrap.dedent(manifest))
        (folder / "__init__.py").write_text(textwrap.dedent(code))
        for stem, text in templates.items():
            (folder / "templates" / f"{stem}.j2").write_text(text)
        self._monkeypatch.delitem(sys.modules, package, raising=False)
        return Source(name, package)
