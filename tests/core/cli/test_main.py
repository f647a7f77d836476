"""Tests of the command line: options, JSON, exit statuses, what is imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailstead import __version__
from mailstead.cli import main as command_line
from mailstead.cli.main import run
from mailstead.errors import Stopped


def mailstead(*words: str, instance: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line as a process."""
    return subprocess.run(
        [sys.executable, "-m", "mailstead.cli", *words],
        input=typed,
        env={**os.environ, "MAILSTEAD_INSTANCE": str(instance), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """Give a sandbox that other users can reach."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest-", "popen-")) or folder == tmp_path:
            folder.chmod(0o755)
    folder = tmp_path / "i"
    done = mailstead("init", "--sandbox", instance=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_version_needs_no_instance(capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed at once."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"mailstead, version {__version__}\n"


def test_the_version_imports_nothing_it_does_not_need() -> None:
    """No plugin, no table library, no database."""
    code = (
        "import sys; from mailstead.cli.main import run; run(['--version']);"
        "print([n for n in ('rich', 'sqlalchemy', 'jinja2', 'pluggy', 'cryptography', 'apsw',"
        "'mailstead_network', 'mailstead.engine') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_status_imports_neither_directory_nor_templates(instance: Path) -> None:
    """It looks at modules and daemons alone."""
    code = (
        f"import sys; from mailstead.cli.main import run; run(['--instance', {str(instance)!r},"
        "'status']); print([n for n in ('sqlalchemy', 'jinja2', 'cryptography', 'argon2')"
        "if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "modules"],
        ["modules", "--json"],
        ["--json", "status"],
        ["--json", "plan"],
        ["--json", "save"],
        ["--json", "discard"],
        ["--json", "settings", "show"],
        ["settings", "show", "network.host", "--json"],
        ["object", "list", "--json"],
        ["network", "--json"],
        ["object", "add", "office", "--json"],
        ["settings", "set", "network.host", "hostname=mail", "--json"],
        ["enable", "network", "--json", "--yes"],
        ["completion", "bash", "--json"],
    ],
)
def test_every_command_prints_one_json_document(instance: Path, words: list[str]) -> None:
    """Wherever the option stands; nothing else is on standard output."""
    done = mailstead(*words, instance=instance)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) is not None


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["enable", "nonsense", "--yes"], "nonsense"),
        (["settings", "show", "network.hots"], "network.host"),
        (["settings", "set", "network.host", "hostname=a b"], "network.host.hostname"),
        (["settings", "set", "network.host", "hostnam=a"], "hostname"),
        (["settings", "set", "network.host", "hostname"], "FIELD=VALUE"),
        (["settings", "set", "network.objects", "name=x"], "which row"),
        (["settings", "set", "network.members", "office", "address=10.0.0.1"], "object/name"),
        (["settings", "show", "network.members", "a/b/c"], "object/name"),
        (["settings", "set", "network.objects", "a/b", "comment=x"], "network.objects.name"),
        (["settings", "unset", "core.module_state", "network"], "commands of its own"),
        (["object", "add-member", "gone", "10.0.0.1"], "gone"),
    ],
)
def test_bad_input_names_what_is_wrong_and_exits_with_2(
    instance: Path, words: list[str], named: str
) -> None:
    """Nothing is changed."""
    done = mailstead(*words, instance=instance)
    assert (done.returncode, named in done.stderr) == (2, True), done.stderr
    assert json.loads(mailstead("--json", "plan", instance=instance).stdout)["empty"]


def test_being_told_to_end_is_no_exit_of_a_plugins() -> None:
    """The guard of plugins' code lets it pass, with the status that a shell expects."""
    with pytest.raises(Stopped) as caught:
        command_line._stop(signal.SIGTERM, None)
    assert caught.value.code == 128 + signal.SIGTERM


def test_errors_are_json_too(instance: Path) -> None:
    """Problem, place and hint apart."""
    done = mailstead("--json", "enable", "nonsense", instance=instance)
    assert set(json.loads(done.stdout)["error"]) == {"problem", "where", "hint"}


def test_a_dangerous_command_without_an_answer_is_not_run(instance: Path) -> None:
    """Exit status 4, and the draft is still there."""
    mailstead("object", "add", "office", instance=instance)
    assert mailstead("discard", instance=instance).returncode == 4
    assert not json.loads(mailstead("--json", "plan", instance=instance).stdout)["empty"]
    assert mailstead("discard", "--yes", instance=instance).returncode == 0
    assert json.loads(mailstead("--json", "plan", instance=instance).stdout)["empty"]


def test_no_instance_is_said_with_the_next_step(tmp_path: Path) -> None:
    """Exit status 2."""
    done = mailstead("status", instance=tmp_path)
    assert done.returncode == 2
    assert "mailstead init" in done.stderr


def test_a_half_created_instance_is_said_and_completed_by_init(instance: Path) -> None:
    """The file that is written last is missing."""
    (instance / "etc/mailstead/instance.toml").unlink()
    done = mailstead("status", instance=instance)
    assert (done.returncode, "half-created" in done.stderr) == (2, True)
    assert mailstead("init", "--sandbox", instance=instance).returncode == 0
    assert mailstead("status", instance=instance).returncode == 0


def test_an_instance_of_somebody_else_is_refused(instance: Path) -> None:
    """Root does not work in a folder that an ordinary user controls."""
    os.chown(instance, 65534, 65534)
    done = mailstead("status", instance=instance)
    assert (done.returncode, "owned by user id 65534" in done.stderr) == (2, True)


def test_an_ordinary_user_is_told_to_be_root(instance: Path) -> None:
    """Exit status 2 and the next step."""
    code = (
        "import os, sys, mailstead.cli.modules, mailstead.engine, mailstead.machine.real;"
        "from mailstead.cli.main import run;"
        f"os.setuid(65534); sys.exit(run(['--instance', {str(instance)!r}, 'status']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "only root" in done.stderr) == (2, True), done.stderr


def test_the_network_is_shown_with_interfaces_and_addresses(instance: Path) -> None:
    """As found, and as set."""
    words = ("settings", "set", "network.service_addresses", "smtp", "addresses=127.0.0.9")
    mailstead(*words, instance=instance)
    shown = json.loads(mailstead("network", "--json", instance=instance).stdout)
    assert shown["name"] == "mail.sandbox.test"
    assert "127.0.0.1" in shown["interface lo"]
    assert shown["services listen on"] == ["127.0.0.1"]
    assert shown["smtp listens on"] == ["127.0.0.9"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(instance: Path, shell: str) -> None:
    """For the shells there are."""
    done = mailstead("completion", shell, instance=instance)
    assert "_MAILSTEAD_COMPLETE" in done.stdout


def test_module_names_are_completed(instance: Path) -> None:
    """From the manifests alone."""
    done = subprocess.run(
        [sys.executable, "-c", "from mailstead.cli.main import cli; cli(prog_name='mailstead')"],
        env={**os.environ, "_MAILSTEAD_COMPLETE": "bash_complete",
             "COMP_WORDS": "mailstead enable ne",
             "COMP_CWORD": "2", "MAILSTEAD_INSTANCE": str(instance)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "network" in done.stdout
