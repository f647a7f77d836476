"""A save that is killed while it replaces a file edited by hand loses nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.settings.decisions import Choice
from mailstead.settings.file_history import FileHistory
from mailstead.transaction.answers import Answer
from mailstead.transaction.save import Request, SaveResult
from tests.core.packages import Packages
from tests.faults.conftest import make_site
from tests.faults.harness import Site

CONF = "/etc/greeter.conf"
YOURS = b"greeting hello\nport 7000\n# mine\n"
RESULTS: dict[Choice, bytes] = {
    "take": b"greeting hi\nport 7000\n",
    "merge": b"greeting hi\nport 7000\n# mine\n",
}


def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Give a site whose file was edited, and whose draft would change it too."""
    folder.mkdir()
    site = make_site(folder, Packages(folder, monkeypatch))
    with site.process() as engine:
        engine.enable(["greeter"], consents=["greeter"])
        assert engine.save().outcome == "committed"
        site.machine.add_file(engine.instance.path(CONF), YOURS, mode=0o640)
        engine.editor.set_form("greeter.options", {"greeting": "hi"}, engine.actor)
    return site


def whole(site: Site, choice: Choice) -> bool:
    """Tell whether the save holds; fail where the edit is lost, or store and file disagree."""
    with site.process() as engine:
        content = site.machine.read_file(engine.instance.path(CONF))
        file = FileHistory(engine.store).owned()[CONF]
        saved = engine.store.revision() == 2
        assert content == (RESULTS[choice] if saved else YOURS)
        assert file.choice == (choice if saved and choice != "take" else "")
        aside = {item.version.content for item in engine.edits.kept_aside(CONF)}
        assert YOURS in {content, *aside}
        assert bool(engine.plan().conflicts) != saved
        return saved


@pytest.mark.parametrize("choice", ["take", "merge"])
def test_an_edit_survives_a_save_that_is_killed_at_any_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: Choice
) -> None:
    """It stands there as before, or the save has ended and it lies aside."""

    def save(engine: Engine) -> SaveResult:
        return engine.save(Request(answers=[Answer(CONF, choice)]))

    points = prepare(tmp_path / "count", monkeypatch).calls(save)
    seen = set()
    for point in range(1, points + 1):
        site = prepare(tmp_path / str(point), monkeypatch)
        assert site.die(point, save)
        seen.add(whole(site, choice))
    assert seen == {False, True}
