"""The documentation says what the code does: the reference, the tutorial, and every link."""

from __future__ import annotations

import re
import runpy
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PROSE = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "plugins/*/README.md")
    for path in ROOT.glob(pattern)
)
FILE_BLOCK = re.compile(r"<!-- file: (\S+) -->\n(`{3,})\w*\n(.*?\n)\2\n", re.DOTALL)
FENCE = re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"(?:^[#$] |`)mailstead ([a-z][a-z_-]*)", re.MULTILINE)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
NAMES = ["README.md", "commands.md", "errors.md", "hooks.md", "manifest.md", "plugin-api.md",
         "settings.md"]  # fmt: skip


@cache
def generator() -> dict[str, Any]:
    """Load script/reference.py."""
    return runpy.run_path(str(ROOT / "script/reference.py"))


@cache
def pages() -> dict[str, str]:
    """Generate the reference; fails when something public has no explanation."""
    made: dict[str, str] = generator()["pages"]()
    return made


def test_the_reference_has_these_pages() -> None:
    """No page is forgotten, and none is left behind."""
    assert NAMES == sorted(pages())
    assert NAMES == sorted(path.name for path in (DOCS / "reference").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_as_the_code_has_it(name: str) -> None:
    """Run script/reference when this fails."""
    assert pages()[name] == (DOCS / "reference" / name).read_text("utf-8")


def test_generating_twice_gives_the_same_pages() -> None:
    """Neither order of sets nor anything of this machine is in a page."""
    assert pages() == generator()["pages"]()
    for text in pages().values():
        assert str(ROOT) not in text
        assert sys.prefix not in text
        assert re.search(r"0x[0-9a-f]{6,}", text) is None


def test_every_command_hook_and_field_is_in_the_reference() -> None:
    """The pages hold what the registry has, counted in another way than they are written."""
    registry = generator()["first_party"]()
    for module in registry.usable():
        for command in registry.entry(module).manifest.commands:
            assert f"### mailstead {command}\n" in pages()["commands.md"]
        for section in registry.module(module).sections:
            declared = section.__mailstead_section__
            assert f"### {module}.{declared.name}\n" in pages()["settings.md"]
            for item in declared.fields:
                assert item.help, f"{module}.{declared.name}.{item.name} has no help"
        for spec in registry.module(module).hookspecs:
            for name in (word for word in vars(spec) if not word.startswith("_")):
                assert f"### {name}\n" in pages()["hooks.md"]


def test_every_option_has_help() -> None:
    """A row of the reference without words is an option nobody explained."""
    lines = pages()["commands.md"].splitlines()
    silent = [line for line in lines if line.startswith("| `-") and line.split(" | ")[1] == "-"]
    assert [] == silent


def test_a_field_without_help_stops_the_generation() -> None:
    """The error names the place."""
    from mailstead.plugin import field, form
    from mailstead.settings.declare import section_of

    @form(title="Nothing")
    class Silent:
        """Be silent."""

        word: str = field(default="x")

    code = generator()
    with pytest.raises(code["Undocumented"], match=r"here\.word has no help"):
        code["_setting"]("here", (), section_of(Silent).fields[0])


def test_a_hook_without_docstring_stops_the_generation() -> None:
    """The error names the place."""
    code = generator()
    with pytest.raises(code["Undocumented"], match="here has no docstring"):
        code["_doc"](type("Bare", (), {}), "here")


def test_the_tutorial_builds_the_example_exactly() -> None:
    """Each file of examples/motd stands in the tutorial, byte for byte, and no other."""
    text = (DOCS / "tutorial-first-module.md").read_text("utf-8")
    shown = {path: content for path, _, content in FILE_BLOCK.findall(text)}
    folder = ROOT / "examples/motd"
    real = {
        str(path.relative_to(ROOT)): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_made(path.relative_to(folder))
    }
    assert sorted(real) == sorted(shown)
    for path, content in real.items():
        assert content == shown[path], path


@pytest.mark.parametrize("page", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file names one that is there, and one to a heading a heading."""
    text = FENCE.sub("", page.read_text("utf-8"))
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in _anchors(target), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_the_text_exist(page: Path) -> None:
    """Each ``mailstead word`` shown to be typed is a command."""
    known = set(re.findall(r"^### mailstead (\S+)", pages()["commands.md"], re.MULTILINE))
    typed = TYPED.findall(page.read_text("utf-8"))
    assert set(typed) <= known


@pytest.mark.parametrize("page", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_settings_in_the_text_exist(page: Path) -> None:
    """Each section that a page sets or shows is one, and so are the fields that it sets."""
    known = _fields()
    lines = re.findall(r"mailstead settings (?:set|show|unset) (\w+\.\w+)([^\n`]*)",
                       page.read_text("utf-8"))  # fmt: skip
    for section, rest in lines:
        if not section.startswith(("module.", "motd.", "clock.")):
            assert section in known, f"{page.name}: {section}"
            assert set(re.findall(r"(\w+)=", rest)) <= known[section], f"{page.name}: {rest}"


def test_decisions_are_numbered_and_complete() -> None:
    """A decision record has its four parts, and the numbers have no gap."""
    records = sorted((DOCS / "adr").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert list(range(1, len(records) + 1)) == numbers
    for path in records:
        headings = re.findall(r"^## (.*)$", path.read_text("utf-8"), re.MULTILINE)
        assert ["Context", "Decision", "Consequences", "Alternatives"] == headings, path.name


def _fields() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for part in pages()["settings.md"].split("\n### ")[1:]:
        section = part.partition("\n")[0]
        found[section] = set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))
    return found


def _is_made(path: Path) -> bool:
    """Tell whether a file is a product of installing or running, not a source."""
    made = ("__pycache__", "build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache")
    return any(part in made or part.endswith(".egg-info") for part in path.parts)


def _anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
