"""The command `backup`: what is asked, shown and refused, and with which exit status."""

from __future__ import annotations

import io
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from mailstead.cli.main import run
from tests.core.backup.conftest import quick_keys as _quick_keys

WORDS = "correct horse"
quick_keys = _quick_keys


class Typed(io.StringIO):
    """Standard input."""

    def isatty(self) -> bool:
        """Be no terminal."""
        return False


@attrs.frozen
class Shell:
    """Runs commands on an instance, in this process."""

    folder: pathlib.Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, typed: str = f"{WORDS}\n") -> tuple[int, str, str]:
        """Run a command; gives exit status, standard output and standard error."""
        self.monkeypatch.setattr(sys, "stdin", Typed(typed))
        self.capsys.readouterr()
        status = run(["--instance", str(self.folder), *words])
        out, err = self.capsys.readouterr()
        return status, out, err

    def json(self, *words: str, typed: str = f"{WORDS}\n") -> Any:
        """Run a command that succeeds and give its JSON document."""
        status, out, err = self("--json", *words, typed=typed)
        assert status == 0, err
        return json.loads(out)

    def make(self, *words: str) -> str:
        """Make a backup and give its path."""
        return str(self.json("backup", "create", "--passphrase-stdin", *words)["path"])


@pytest.fixture
def new_shell(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    quick_keys: None,  # noqa: ARG001 - used by what is run
) -> Callable[[], Shell]:
    """Give a maker of sandboxes."""

    def make() -> Shell:
        folder = tmp_path_factory.mktemp("i")
        for parent in (folder, *folder.parents):
            if parent.name.startswith(("pytest-", "popen-")) or parent == folder:
                parent.chmod(0o755)
        shell = Shell(folder / "x", monkeypatch, capsys)
        assert shell("init", "--sandbox")[0] == 0
        return shell

    return make


@pytest.fixture
def shell(new_shell: Callable[[], Shell]) -> Shell:
    """Give a sandbox with a user."""
    made = new_shell()
    assert made("enable", "users", "network", "--yes")[0] == 0
    assert made("save")[0] == 0
    assert made("user", "add", "ada", "--password-stdin", typed="correct horse\n")[0] == 0
    return made


def test_a_backup_is_made_listed_verified_and_restored(shell: Shell) -> None:
    """The whole way, as an admin goes it."""
    path = shell.make()
    shell("user", "delete", "ada", "--yes")
    shell("settings", "set", "network.host", "hostname=other")
    shell("save")
    (row,) = shell.json("backup", "list")
    assert (row["file"], row["revision"], row["secrets"], row["mail"]) == (
        pathlib.Path(path).name, 1, True, False,
    )  # fmt: skip
    status, out, _ = shell("backup", "verify", path)
    assert (status, "--decrypt also looks inside" in out) == (0, True)
    assert shell.json("backup", "verify", path, "--passphrase-stdin")["inside"] is True
    status, out, err = shell("backup", "restore", path, "--passphrase-stdin", "--yes")
    assert status == 0, err
    for words in ("network.host.hostname", "directory.db", "Saved as revision 3"):
        assert words in out
    assert [user["name"] for user in shell.json("user", "list")] == ["ada"]
    assert shell.json("settings", "show", "network.host")["network.host"]["hostname"] != "other"


def test_without_agreement_nothing_is_restored(shell: Shell) -> None:
    """The plan is shown, and the exit status is that of consent."""
    path = shell.make()
    shell("user", "delete", "ada", "--yes")
    status, out, err = shell("backup", "restore", path, "--passphrase-stdin")
    assert (status, "Restore this?" in err, "directory.db" in out) == (4, True, True)
    assert shell.json("user", "list") == []
    assert shell.json("plan")["empty"] is True


def test_a_restore_gives_one_json_document(shell: Shell) -> None:
    """With everything that was shown, and no secret."""
    path = shell.make()
    found = shell.json("backup", "restore", path, "--passphrase-stdin", "--yes")
    assert found["outcome"] == "committed"
    assert found["databases"] == [
        {
            "path": "/var/lib/mailstead/directory/directory.db",
            "now": {"users": 1, "groups": 0},
            "then": {"users": 1, "groups": 0},
        }
    ]
    assert WORDS not in json.dumps(found)


def test_an_empty_machine_takes_over(shell: Shell, new_shell: Callable[[], Shell]) -> None:
    """Modules are enabled, users are there, the instance stays what it is."""
    other, path = new_shell(), shell.make()
    status, out, err = other("backup", "restore", path, "--passphrase-stdin", "--yes")
    assert status == 0, err
    assert "none yet" in out
    assert [user["name"] for user in other.json("user", "list")] == ["ada"]


@pytest.mark.parametrize(
    ("words", "typed", "named"),
    [
        (["create", "--passphrase-stdin"], "short\n", "fewer than 8"),
        (["create", "--passphrase-stdin"], "", "fewer than 8"),
        (["create"], "", "--passphrase-stdin"),
        (["create", "--mail", "--without-secrets"], "", "mail is secret"),
        (["create", "x.tar", "--keep", "1", "--without-secrets"], "", "usual name"),
        (["verify", "/none.tar"], "", "backup list"),
        (["restore", "/none.tar"], "", "backup list"),
        (["verify", "/etc/hostname"], "", "/etc/hostname: "),
        (["restore", "/etc/hostname"], "", "/etc/hostname: "),
        (["restore", "{path}", "--passphrase-stdin", "--yes"], "wrong words\n", "is wrong"),
        (["restore", "{path}", "--yes"], "", "no terminal to ask for a passphrase"),
        (["restore", "{path}", "--passphrase-stdin", "--mail"], f"{WORDS}\n", "no mail in it"),
        (["restore", "{path}", "--passphrase-stdin", "--except", "nonsense"], f"{WORDS}\n",
         "nonsense"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_2(
    shell: Shell, words: list[str], typed: str, named: str
) -> None:
    """It says what is wrong, and nothing is changed."""
    path = shell.make()
    shown = [word.format(path=path) for word in words]
    status, _, err = shell("backup", *shown, typed=typed)
    assert (status, named in err) == (2, True), err
    assert [row["file"] for row in shell.json("backup", "list")] == [pathlib.Path(path).name]
    assert shell.json("plan")["empty"] is True


def test_unsaved_changes_are_in_the_way(shell: Shell) -> None:
    """The hint says what to do with them."""
    path = shell.make()
    shell("settings", "set", "network.host", "hostname=unsaved")
    status, _, err = shell("backup", "restore", path, "--passphrase-stdin", "--yes")
    assert (status, "mailstead discard" in err) == (2, True)


def test_a_plain_backup_needs_no_passphrase(shell: Shell) -> None:
    """It has no users, and says so by what is not there."""
    path = str(shell.folder / "plain.tar")
    assert shell("backup", "create", path, "--without-secrets", typed="")[0] == 0
    assert shell.json("backup", "verify", path, typed="")["inside"] is True
    shell("settings", "set", "network.host", "hostname=other")
    shell("save")
    status, out, _ = shell("backup", "restore", path, "--yes", typed="")
    assert (status, "Databases: none" in out) == (0, True)
    assert [user["name"] for user in shell.json("user", "list")] == ["ada"]


def test_nothing_to_restore_is_said(shell: Shell) -> None:
    """Nobody is asked."""
    path = str(shell.folder / "plain.tar")
    shell("backup", "create", path, "--without-secrets", typed="")
    status, out, _ = shell("backup", "restore", path, typed="")
    assert (status, out) == (0, "There is nothing to restore.\n")


def test_old_backups_are_removed_and_told(shell: Shell) -> None:
    """Only those beyond the number."""
    first = pathlib.Path(shell.make())
    old = first.rename(first.with_name("mailstead-1-20260101T000000Z.tar"))
    made = shell.json("backup", "create", "--passphrase-stdin", "--keep", "1")
    assert made["removed"] == [str(old)]


def test_a_passphrase_is_asked_for_twice_on_a_terminal(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once to read."""
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return WORDS if len(asked) != 2 else typed[0]

    typed = ["correct hores"]
    monkeypatch.setattr("getpass.getpass", ask)
    monkeypatch.setattr("tests.core.cli.test_backup.Typed.isatty", lambda _: True)
    status, _, err = shell("backup", "create", typed="")
    assert (status, "passphrases differ" in err) == (2, True)
    typed[0] = WORDS
    asked.clear()
    path = str(shell.folder / "a.tar")
    assert shell("backup", "create", path, typed="")[0] == 0
    assert asked == ["Passphrase: ", "Again: "]
    asked.clear()
    assert shell("backup", "verify", path, "--decrypt", typed="")[0] == 0
    assert asked == ["Passphrase: "]


def test_the_command_line_stays_quick() -> None:
    """Neither encryption nor databases are loaded before they are needed."""
    code = (
        "import sys; from mailstead.cli.main import run; run(['backup', '--help']);"
        "print([n for n in ('pyrage', 'sqlite3', 'sqlalchemy', 'tarfile', 'jinja2', 'apsw')"
        "if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
