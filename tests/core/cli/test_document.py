"""Export, import and apply: what is written where, asked, told, and left in the draft."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from mailstead.cli.app import App
from mailstead.cli.document import commands
from mailstead.cli.main import CORE_COMMANDS
from mailstead.document.importer import Importer
from mailstead.document.text import document_text
from mailstead.errors import (
    ConsentNeeded,
    InvalidInput,
    MachineError,
    MailsteadError,
    NotFound,
    PlanError,
)
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.testing import fake_engine
from tests.core import greeter
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

ON = '[modules]\nenabled = ["greeter"]\n'
HELLO = ON + '[greeter.options]\ngreeting = "hi"\n[greeter.guests.ada]\n'
OFFICE = '[network.objects.office]\ncomment = "Büro"\n'
FILE = PurePosixPath("/root/settings.toml")


@attrs.frozen
class Done:
    """What a command did: status, printed text, data for JSON, and the error it ended with."""

    status: int
    out: str
    data: Any
    error: MailsteadError | None


class Recorder(App):
    """Keeps what would be printed as JSON."""

    data: Any = None

    def emit(self, data: Any) -> None:
        """Keep it; the last one counts."""
        self.data = data


@attrs.frozen
class Terminal:
    """Runs commands over a site; there is no terminal to ask on."""

    site: Site

    def __call__(self, *words: str, typed: str = "", yes: bool = False, js: bool = False) -> Done:
        """Run one command."""
        app = Recorder(prefix="/", json=js, yes=yes)
        app.__dict__["engine"] = self.site.engine
        command = next(item for item in commands if item.name == words[0])
        done = CliRunner().invoke(command, words[1:], input=typed, obj=app, standalone_mode=False)
        error = done.exception
        if error is None:
            return Done(done.return_value or 0, done.stdout, app.data, None)
        if not isinstance(error, MailsteadError):
            raise error
        return Done(error.exit_status, done.stdout, app.data, error)

    def apply(self, text: str, *words: str, yes: bool = False) -> Done:
        """Apply a text by standard input."""
        return self("apply", "-", *words, typed=text, yes=yes)

    @property
    def draft(self) -> list[str]:
        """Give the places of unsaved changes."""
        return [change.where for change in self.site.engine.store.draft_changes()]


@pytest.fixture
def run(tmp_path: Path, packages: Packages) -> Iterator[Terminal]:
    """Give the commands over a site whose greeter is not enabled yet."""
    templates = {"conf": greeter.CONF, "secret": greeter.SECRET}
    source = packages.add("greeter", greeter.MANIFEST, greeter.CODE, **templates)
    machine = FakeMachine()
    machine.available["greeterd"] = "1.0"
    machine.add_directory("/root", mode=0o700)
    services = FakeServices(machine)
    plugins = {source.name: source.package}
    with fake_engine(tmp_path, plugins, machine=machine, services=services) as engine:
        yield Terminal(Site(engine, machine, services))


# apply


def test_applying_twice_saves_once(run: Terminal) -> None:
    """The second time there is nothing to save; with JSON it says so too."""
    done = run.apply(HELLO, "--comment", "from git", yes=True)
    assert done.status == 0
    assert "standard input enables greeter:" in done.out
    assert "Packages to install: greeterd" in done.out
    assert "Saved as revision 1." in done.out
    assert run.site.content("/etc/greeter.conf") == b"greeting hi\nport 7000\n"
    assert ["from git"] == [item.comment for item in run.site.engine.store.revisions()]
    run.site.machine.calls.clear()
    done = run.apply(HELLO)
    assert (0, True) == (done.status, "There is nothing to save." in done.out)
    data = run("apply", "-", typed=HELLO, js=True).data
    assert ("nothing to do", 1) == (data["outcome"], data["revision"])
    assert "replace_file" not in [name for name, _ in run.site.machine.calls]


def test_without_an_answer_the_draft_is_as_it_was(run: Terminal) -> None:
    """Exit status 4; an earlier unsaved change is still there, and no consent was noted."""
    run.site.set(greeting="good day")
    before = run.site.engine.store.draft_changes()
    done = run.apply(HELLO)
    assert (4, ConsentNeeded) == (done.status, type(done.error))
    assert "/etc/greeter.conf" in done.out
    assert before == run.site.engine.store.draft_changes()
    assert set() == run.site.engine.store.consents("greeter")


def test_a_plan_that_is_refused_leaves_the_draft_to_correct(run: Terminal) -> None:
    """The message says so."""
    run.apply(HELLO, yes=True)
    done = run.apply(ON + '[greeter.options]\ngreeting = "bad"\n')
    assert (2, PlanError) == (done.status, type(done.error))
    assert "is rude" in str(done.error)
    assert "the imported settings stay in the draft" in str(done.error)
    assert "greeter.options.greeting" in run.draft


def test_a_hand_edit_is_not_overwritten(run: Terminal) -> None:
    """The save asks for consent to that by its own option; the draft stays."""
    run.apply(HELLO, yes=True)
    path = run.site.engine.instance.path("/etc/greeter.conf")
    run.site.machine.add_file(path, b"mine\n")
    done = run.apply(HELLO.replace('"hi"', '"hello"'), yes=True)
    assert (4, ConsentNeeded) == (done.status, type(done.error))
    assert "--take FILE" in str(done.error)
    assert "the imported settings stay in the draft" in str(done.error)
    assert ["greeter.options.greeting"] == run.draft


def test_a_save_that_is_rolled_back_leaves_the_draft(run: Terminal) -> None:
    """Exit status 5, and the old file is back."""
    run.apply(HELLO, yes=True)
    run.site.services.break_reload("greeterd")
    done = run.apply(HELLO.replace('"hi"', '"hello"'))
    assert 5 == done.status
    assert "your changes are still in the draft" in done.out
    assert ["greeter.options.greeting"] == run.draft
    assert run.site.content("/etc/greeter.conf") == b"greeting hi\nport 7000\n"


def test_a_plan_is_shown_before_it_is_saved(run: Terminal) -> None:
    """With settings, the diff, and without the secret."""
    run.apply(HELLO, yes=True)
    secret = HELLO.replace('"hi"', '"hello"\npassword = "sesame"')
    done = run.apply(secret)
    assert done.out.index("-greeting hi") < done.out.index("Saved as revision 2.")
    assert "greeter.options.password" in done.out
    assert "sesame" not in done.out
    assert run.site.content("/etc/greeter.secret") == b"password sesame\n"


def test_a_module_that_leaves_needs_no_consent(run: Terminal) -> None:
    """Its daemon is stopped by the save."""
    run.apply(HELLO, yes=True)
    assert 0 == run.apply("[modules]\nenabled = []\n").status
    assert run.site.services.of("greeterd").stops == 1


# import


def test_an_import_tells_what_it_changed(run: Terminal) -> None:
    """And what it replaced, and what is to be done next; the machine is left alone."""
    run.site.set(port=7001)
    before = run.site.tree()
    done = run("import", "-", typed=HELLO)
    assert "standard input: 3 settings changed." in done.out
    assert "Enabled: greeter" in done.out
    assert "Unsaved changes that the file replaced: greeter.options.port" in done.out
    assert "`mailstead enable greeter`" in done.out
    assert before == run.site.tree()
    done = run("import", "-", typed=HELLO)
    assert done.out.startswith("standard input: the working settings are like that already.\n")
    assert "`mailstead enable greeter`" in done.out
    assert "takes effect" not in done.out


def test_an_import_in_json(run: Terminal) -> None:
    """The same as data."""
    data = run("import", "-", typed=HELLO, js=True).data
    expected = {"settings": 2, "enabled": ("greeter",), "disabled": (), "replaced": ()}
    assert {**expected, "unagreed": ("greeter",)} == data


def test_merging_names_no_modules(run: Terminal) -> None:
    """What is there stays."""
    run.site.set(port=7001)
    run("import", "--merge", "-", typed='[greeter.options]\ngreeting = "hi"\n')
    assert ["greeter.options.greeting", "greeter.options.port"] == run.draft


@pytest.mark.parametrize("command", ["import", "apply"])
def test_a_refused_file_is_named(
    run: Terminal, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing, a folder, too large, or wrong inside: exit status 2, nothing changed."""
    run.site.machine.add_file(FILE, ON.encode() + b"[greeter.option]\n")
    for file, message in (
        ("/root/gone", "/root/gone: there is no such file"),
        ("/root", "/root: is not a regular file"),
        (str(FILE), f"{FILE}: no section 'greeter.option' (did you mean greeter.options"),
    ):
        done = run(command, file)
        assert (2, True) == (done.status, str(done.error).startswith(message)), done.error
    monkeypatch.setattr("mailstead.document.document.LIMIT", 10)
    for file in (str(FILE), "-"):
        done = run(command, file, typed=HELLO)
        assert isinstance(done.error, InvalidInput)
        assert "is larger than" in str(done.error)
    assert [] == run.draft


def test_a_missing_file_is_not_found(run: Terminal) -> None:
    """So that scripts can tell."""
    assert isinstance(run("import", "/root/gone").error, NotFound)


# export


def test_an_export_is_private_and_says_what_it_leaves_out(run: Terminal) -> None:
    """Mode 0600 from the first byte, since the machine writes it; no secret is in it."""
    run.apply(HELLO.replace('"hi"', '"hi"\npassword = "sesame"'), yes=True)
    done = run("export", str(FILE))
    assert "greeter.options.password; --with-secrets" in done.out
    found = run.site.machine.stat_file(FILE)
    assert found is not None
    assert (0o600, 0, 0) == (found.mode, found.uid, found.gid)
    assert b"sesame" not in run.site.machine.read_file(FILE)
    assert 0 == run.apply(run.site.machine.read_file(FILE).decode()).status
    run("export", "--with-secrets", str(FILE))
    assert b'password = "sesame"\n' in run.site.machine.read_file(FILE)


def test_an_export_prints_the_same_bytes(run: Terminal) -> None:
    """As they are in the file, and with JSON as one text."""
    run.site.set(greeting="grüß\u202fgott")
    run("export", "--draft", str(FILE))
    content = run.site.machine.read_file(FILE).decode()
    assert content == run("export", "--draft").out
    assert content == run("export", "--draft", js=True).data["document"]
    assert "grüß\u202fgott" in content
    assert "greeting" not in run("export").out


def test_a_relative_file_is_made_absolute(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links are not resolved, and one at the place is left alone."""
    monkeypatch.chdir("/root")
    run("export", "../root/settings.toml")
    assert run.site.machine.stat_file(FILE) is not None
    run.site.machine.add_link("/root/link", "/etc/passwd")
    done = run("export", "link")
    assert isinstance(done.error, MachineError)
    assert "symbolic link" in str(done.error)


# the process


def test_the_commands_are_found_by_name() -> None:
    """Each is in the table of the core's commands."""
    names = sorted(item.name or "" for item in commands)
    assert names == sorted(name for name, module in CORE_COMMANDS.items() if module == "document")


def test_a_real_instance_goes_there_and_back(tmp_path: Path) -> None:
    """With the first-party modules, real files and pipes, whatever the terminal's encoding."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest-", "popen-")) or folder == tmp_path:
            folder.chmod(0o755)
    place = ("--instance", str(tmp_path / "i"))
    _mailstead(*place, "init", "--sandbox")
    _mailstead(*place, "import", "--merge", "-", typed=OFFICE)
    text = _mailstead(*place, "export", "--draft")
    assert OFFICE in text
    file = tmp_path / "settings.toml"
    _mailstead(*place, "export", "--draft", str(file))
    assert (text, 0o600) == (file.read_text("utf-8"), stat.S_IMODE(file.stat().st_mode))
    _mailstead(*place, "discard", "--yes")
    _mailstead(*place, "import", "-", typed=text)
    assert text == _mailstead(*place, "export", "--draft")
    assert "revision 1" in _mailstead(*place, "apply", str(file), "--yes")
    done = json.loads(_mailstead(*place, "apply", str(file), "--json"))
    assert "nothing to do" == done["outcome"]
    done = json.loads(_mailstead(*place, "import", str(file), "--json"))
    assert [] == done["replaced"]
    done = json.loads(_mailstead(*place, "export", "--json"))
    assert ({"document", "left_out"}, []) == (set(done), done["left_out"])


def test_the_example_in_the_documentation_is_what_is_written(tmp_path: Path) -> None:
    """Imported and exported again it is the same, byte for byte, below the head."""
    page = Path(__file__).resolve().parents[3] / "docs/settings-as-a-file.md"
    example = page.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    plugins = {name: f"mailstead_{name}" for name in ("network", "users", "mail_smtp")}
    with fake_engine(tmp_path, plugins) as engine:
        importer = Importer(engine)
        importer.run(importer.read(example.encode(), page.name))
        text = document_text(engine.store, engine.schema, "draft").text
    assert example == text.partition("\n\n")[2]


def _mailstead(*words: str, typed: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mailstead.cli", *words],
        input=typed.encode(),
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode(errors="replace")
