"""The example of another author is built, installed on its own and used through its entry point."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parent.parent / "examples/motd"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the example into a folder of its own; gives the environment that sees it."""
    source = tmp_path_factory.mktemp("source") / "motd"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--root-user-action", "ignore",
         "--target", str(target), str(source)],
        check=True,
    )  # fmt: skip
    return {**os.environ, "PYTHONPATH": str(target), "LC_ALL": "C.UTF-8"}


def test_a_whole_module_takes_at_most_sixty_lines() -> None:
    """All its files but README and tests, blank lines and comments included."""
    files = [path for path in EXAMPLE.rglob("*") if path.suffix in (".py", ".toml", ".j2")]
    lines = [len(path.read_text().splitlines()) for path in files if "tests" not in path.parts]
    assert 0 < sum(lines) <= 60


def test_its_own_tests_pass_where_it_is_installed(installed: dict[str, str]) -> None:
    """They use the public testing module alone."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
         "--rootdir", str(EXAMPLE), str(EXAMPLE / "tests")],
        env=installed, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_it_is_enabled_saved_changed_and_discarded_like_any_other(
    installed: dict[str, str], tmp_path: Path
) -> None:
    """Through its entry point, by the command line, on the real machine port."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder == tmp_path or folder.name.startswith(("pytest-", "popen-")):
            folder.chmod(0o755)
    environment = {**installed, "MAILSTEAD_INSTANCE": str(tmp_path / "i")}

    def run(*words: str) -> str:
        argv = [sys.executable, "-m", "mailstead.cli", *words]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "--sandbox")
    assert "/etc/motd" in run("enable", "motd", "--yes")
    run("save")
    assert (tmp_path / "i/etc/motd").read_text() == "Welcome\n"
    run("settings", "set", "motd.message", "greeting=Mind the gap")
    assert "+Mind the gap" in run("plan")
    run("save")
    assert (tmp_path / "i/etc/motd").read_text() == "Mind the gap\n"
    run("disable", "motd", "--restore", "--yes")
    run("save")
    assert not (tmp_path / "i/etc/motd").exists()
