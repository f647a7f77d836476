"""The distribution is whole: every list of plugins agrees, and the wheel works by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mailstead import __version__
from mailstead.registry import GROUP, Registry, Source

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir())
PACKAGES = ["core/mailstead", *(f"plugins/{name}/mailstead_{name}" for name in PLUGINS)]
SHIPPED = (".py", ".toml", ".j2", ".typed")


def test_entry_points_name_every_plugin() -> None:
    """A plugin folder is a plugin, and nothing else is."""
    expected = {name: f"mailstead_{name}" for name in PLUGINS}
    assert expected == PROJECT["project"]["entry-points"][GROUP]


def test_every_plugin_is_a_source_root() -> None:
    """An editable install finds each package, and no list has an entry twice."""
    expected = ["core", *(f"plugins/{name}" for name in PLUGINS)]
    assert expected == PROJECT["tool"]["hatch"]["build"]["dev-mode-dirs"]


def test_the_wheel_has_every_package() -> None:
    """The list of the wheel is that of the folders."""
    assert PACKAGES == PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_checkers_look_at_every_plugin() -> None:
    """Types and style are checked in all of the code."""
    assert {"core", "plugins", "tests"} <= set(PROJECT["tool"]["mypy"]["files"])
    assert {"core", "plugins/*", "tests"} <= set(PROJECT["tool"]["ruff"]["src"])


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_folder_has_its_parts(name: str) -> None:
    """README, manifest with the folder's name, marker of types."""
    folder = ROOT / "plugins" / name
    assert (folder / "README.md").read_text("utf-8").startswith("# ")
    manifest = tomllib.loads((folder / f"mailstead_{name}/manifest.toml").read_text("utf-8"))
    assert name == manifest["id"]
    assert (folder / f"mailstead_{name}/py.typed").exists()


def test_plugins_are_usable_together() -> None:
    """No first-party plugin is broken or blocked."""
    sources = [Source(name, f"mailstead_{name}") for name in PLUGINS]
    registry = Registry.discover(sources)
    assert PLUGINS == sorted(registry.usable()), {
        name: entry.reason for name, entry in registry.entries.items() if entry.reason
    }


def test_tests_are_packages() -> None:
    """Without it two files of one name stop mypy."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [] == sorted(str(path) for path in folders if not (path / "__init__.py").exists())


def test_the_version_is_single() -> None:
    """The distribution's version is the package's, and the changelog knows it."""
    assert "version" in PROJECT["project"]["dynamic"]
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    _run("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment that borrows only the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    python = str(folder / "bin/python")
    _run("-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index",
         "--disable-pip-version-check", str(wheel))  # fmt: skip
    # A line of a .pth file adds a folder without reading the .pth files in it: not the checkout.
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder


def test_the_wheel_holds_what_packages_need(wheel: Path) -> None:
    """Manifests, templates and markers of types are shipped, and nothing of tests or tools."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {
        str(path.relative_to((ROOT / package).parent))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in SHIPPED or path.name == "py.typed"
    }
    assert "mailstead/py.typed" in expected
    assert set() == expected - names
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert {Path(package).name for package in PACKAGES} == tops


def test_the_wheel_runs_by_itself(installed: Path, tmp_path: Path) -> None:
    """The command works, and what it runs is the wheel's code."""
    done = _run("--version", program=installed / "bin/mailstead", folder=tmp_path)
    assert f"mailstead, version {__version__}\n" == done
    code = "import mailstead; print(mailstead.__file__)"
    assert str(installed) in _run("-c", code, program=installed / "bin/python", folder=tmp_path)


def test_the_wheel_brings_its_plugins(installed: Path, tmp_path: Path) -> None:
    """Entry points, manifests and packages are found from the wheel alone."""
    code = (
        "from mailstead.registry import Registry; found = Registry.discover()\n"
        "for name in sorted(found.usable()): print(name, found.package(name).__file__)"
    )
    lines = _run("-c", code, program=installed / "bin/python", folder=tmp_path).splitlines()
    assert PLUGINS == [line.split()[0] for line in lines]
    assert all(str(installed) in line for line in lines)


def _run(*words: str, program: Path | None = None, folder: Path = ROOT) -> str:
    argv = [str(program or sys.executable), *words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    done = subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout
