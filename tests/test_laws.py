"""The laws between rooms (docs/architecture.md), seen in the source without running it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = sorted((ROOT / "core/mailstead").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))
ALL = [
    *CORE, *PLUGINS,
    *(path for name in ("bench", "examples", "script", "tests")
      for path in sorted((ROOT / name).rglob("*.py"))),
]  # fmt: skip
OUTSIDE = {
    "apsw", "asyncio", "fcntl", "ftplib", "getpass", "grp", "http", "imaplib", "io", "mmap",
    "multiprocessing", "os", "poplib", "psutil", "pty", "pwd", "select", "shutil", "signal",
    "smtplib", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "urllib.request",
}  # fmt: skip
CLOCK = {"time"}
CHANCE = {"datetime", "random", "secrets", "uuid"}
NOW = re.compile(r"(datetime|date)\.(now|today|utcnow)")
METHODS = {
    "chmod", "is_dir", "is_file", "iterdir", "mkdir", "read_bytes",
    "read_text", "rglob", "rmdir", "symlink_to", "touch", "unlink", "write_bytes", "write_text",
}  # fmt: skip
# What is installed with Python is read where it lies; testing.py makes its folder.
READERS = {
    "core/mailstead/registry.py": {"read_text"},
    "core/mailstead/testing.py": {"mkdir"},
    # SQLite's files, which it neither renames nor removes itself.
    "core/mailstead/settings/rescue.py": {"unlink"},
}
EXCEPTIONS = {
    # SQLite does its own writing, locking and syncing.
    "core/mailstead/settings/store.py": {"sqlite3"},
    "core/mailstead/settings/store_copy.py": {"sqlite3"},
    "core/mailstead/settings/store_file.py": {"os", "sqlite3"},
    "core/mailstead/settings/rescue.py": {"os", "sqlite3"},
    # The terminal is the command line's own: its arguments, environment, passwords.
    "core/mailstead/cli/app.py": {"getpass", "os", "pwd"},
    "core/mailstead/cli/instance.py": {"os"},
    "core/mailstead/cli/main.py": {"os", "signal"},
    # os.path and os.PathLike alone; the next test sees to it.
    "core/mailstead/engine.py": {"os"},
    # The directory is SQLite's, and later a database server's.
    "plugins/users/mailstead_users/": {"apsw"},
    # A table of its own, which nothing else in the process opens.
    "plugins/mail_log/mailstead_mail_log/store.py": {"sqlite3"},
    "plugins/sieve/mailstead_sieve/backups.py": {"sqlite3"},
}
# The `make` of a generated file may use chance and the clock: a certificate has dates.
DATED = {"plugins/mail_smtp/mailstead_mail_smtp/tls.py"}
PUBLIC = {"mailstead.plugin", "mailstead.cli.app"}
# The core's own way to keep a write-ahead log for readers; not public as yet.
LENT = {"plugins/users/mailstead_users/": {"mailstead.machine.rows"}}


def name_of(path: Path) -> str:
    """Give a path as people write it."""
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path: Path) -> Iterator[str]:
    """Give every module a file imports, wherever in it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports by a relative name"
            yield node.module or ""


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Give every call with what is called, as it is written."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_core_imports_no_plugin(path: Path) -> None:
    """The framework knows nothing of what is plugged into it."""
    assert [] == [name for name in imports(path) if name.startswith("mailstead_")]


@pytest.mark.parametrize("path", PLUGINS, ids=name_of)
def test_plugins_import_public_names_only(path: Path) -> None:
    """Of the core that is `mailstead.plugin`, and `mailstead.cli.app` for commands."""
    is_command = path.name.endswith("commands.py") or path.parent.name == "cli"
    allowed = PUBLIC if is_command else {"mailstead.plugin"}
    found = {name for name in imports(path) if name.split(".")[0] == "mailstead"}
    assert set() == found - allowed - _listed(LENT, name_of(path))


@pytest.mark.parametrize("path", PLUGINS, ids=name_of)
def test_plugins_import_only_plugins_they_depend_on(path: Path) -> None:
    """What a plugin imports of another is there: the manifest says so; and it is public."""
    own = path.relative_to(ROOT).parts[1]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mailstead_"):
            package = (node.module or "").split(".")[0].removeprefix("mailstead_")
            assert package in {own, *dependencies(own)}, f"{name_of(path)}:{node.lineno}"
            private = [item.name for item in node.names if item.name.startswith("_")]
            assert package == own or not private, f"{name_of(path)}:{node.lineno}"


def dependencies(plugin: str) -> set[str]:
    """Give all that a plugin's manifest says it comes after, and what those come after."""
    path = ROOT / "plugins" / plugin / f"mailstead_{plugin}/manifest.toml"
    direct = tomllib.loads(path.read_text("utf-8")).get("depends", [])
    return set(direct).union(*map(dependencies, direct))


def test_plugins_are_not_short_of_files() -> None:
    """Four plugins at least are looked at by these tests."""
    assert {"mail_retrieval", "mail_smtp", "network", "users"} <= {
        path.relative_to(ROOT).parts[1] for path in PLUGINS
    }


@pytest.mark.parametrize("path", [*CORE, *PLUGINS], ids=name_of)
def test_only_machine_touches_the_outside(path: Path) -> None:
    """Files, processes, sockets and the clock are behind one door, with few exceptions."""
    name = name_of(path)
    if name.startswith("core/mailstead/machine/"):
        return
    found = {item for item in imports(path) if _in(item, OUTSIDE | CLOCK)}
    assert set() == {item for item in found if not _in(item, _listed(EXCEPTIONS, name))}
    words = {word for word, _ in calls(path)}
    assert not words & {"open", "Path.open"}
    assert name in DATED or not [word for word in words if NOW.search(word)]
    used = {word.rpartition(".")[2] for word in words}
    assert set() == (used & METHODS) - READERS.get(name, set())


def test_the_engine_uses_no_more_of_os_than_paths() -> None:
    """Its exception is for names, not for files."""
    path = ROOT / "core/mailstead/engine.py"
    used = {
        ast.unparse(node).split("(")[0]
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("os.")
    }
    assert used <= {"os.PathLike", "os.path", "os.path.abspath"}


@pytest.mark.parametrize("name", [*EXCEPTIONS, *LENT])
def test_exceptions_are_still_needed(name: str) -> None:
    """An exception that nothing uses is taken back."""
    files = [path for path in (*CORE, *PLUGINS) if name_of(path).startswith(name)]
    used = {word for path in files for word in imports(path)}
    assert (EXCEPTIONS.get(name) or LENT[name]) <= used


@pytest.mark.parametrize(
    "path", [path for path in PLUGINS if path.name.startswith("render")], ids=name_of
)
def test_rendering_has_no_clock_and_no_chance(path: Path) -> None:
    """The same settings and facts give the same bytes."""
    assert [] == [name for name in imports(path) if _in(name, OUTSIDE | CLOCK | CHANCE)]


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_no_shell(path: Path) -> None:
    """Commands are argument vectors."""
    for word, node in calls(path):
        assert word not in ("os.system", "os.popen", "subprocess.getoutput"), node.lineno
        for item in node.keywords:
            is_off = isinstance(item.value, ast.Constant) and item.value.value is False
            assert item.arg != "shell" or is_off, f"{name_of(path)}:{node.lineno}"


def _listed(exceptions: Mapping[str, set[str]], name: str) -> set[str]:
    """Give what a file, or all of its folder, may import beside the rest."""
    folder = f"{name.rpartition('/')[0]}/"
    return exceptions.get(name, set()) | exceptions.get(folder, set())


def _in(name: str, modules: set[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:n]) in modules for n in range(1, len(parts) + 1))
