"""A restore that fails, at whatever step: everything is as it was, the directory too."""

from __future__ import annotations

import pytest

from mailstead.backup.restore import Restore
from mailstead.errors import (
    MachineError,
    ProbeFailed,
)
from mailstead.machine.conversation import Conversation
from mailstead.machine.values import Path
from tests.core.backup.changed import (
    KEY,
    Changed,
    strip,
)
from tests.core.backup.site import QuietMachine

pytestmark = pytest.mark.usefixtures("quick_keys")


@pytest.mark.parametrize("method", ["restore_database", "replace_file", "copy_databases"])
def test_a_failure_undoes_everything(
    changed: Changed, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """The second database, the last file: users, accounts and settings are as they were."""
    before = changed.state()
    real = getattr(QuietMachine, method)

    def fail(self: QuietMachine, path: object, *rest: object, **words: object) -> object:
        target = next(iter(path)) if isinstance(path, dict) else path
        images = [item for item in rest if isinstance(item, Path)]
        is_undo = any(image.name.endswith(".old") for image in images)
        if str(target).endswith(("mail.db", "notes/main.cf")) and not is_undo:
            raise MachineError("input/output error", where=str(target))
        return real(self, path, *rest, **words)

    monkeypatch.setattr(QuietMachine, method, fail)
    result = changed.site.restore(changed.path)
    monkeypatch.undo()
    assert (result.outcome, "input/output error" in result.reason) == ("rolled back", True)
    assert strip(changed.state()) == strip(before)


def test_a_probe_that_fails_undoes_the_directory_too(
    changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postfix does not answer with the restored key; the old one serves again."""
    before = changed.state()
    restored = changed.site.engine.machine.read_file(changed.site.engine.instance.path(KEY))

    def converse(self: QuietMachine, conversation: Conversation, *, timeout: float = 5.0) -> None:  # noqa: ARG001
        if self.read_file(changed.site.engine.instance.path(KEY)) != restored:
            raise ProbeFailed("no answer", where=str(conversation))

    monkeypatch.setattr(QuietMachine, "converse", converse)
    monkeypatch.setattr("mailstead.transaction.probe.READY_SECONDS", 0.0)
    result = changed.site.restore(changed.path)
    assert (result.outcome, "no answer" in result.reason) == ("rolled back", True)
    assert strip(changed.state()) == strip(before)


def test_ctrl_c_undoes_everything(changed: Changed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the databases and the end."""
    before = changed.state()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mailstead.transaction.save.Save._commit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        changed.site.restore(changed.path)
    monkeypatch.undo()
    assert strip(changed.state()) == strip(before)


def test_a_user_added_just_before_survives_an_undo(
    changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the database held is taken when the step is taken, not when the plan was shown."""

    def fail(*_: object) -> None:
        raise MachineError("no")

    with changed.site.opened(changed.path) as found:
        work = Restore(changed.site.engine, found)
        agreed = work.plan()
        changed.site.add_user("late")
        monkeypatch.setattr("mailstead.transaction.save.Save._commit", fail)
        assert work.save(agreed).outcome == "rolled back"
    assert changed.site.users() == ["ada", "grace", "joan", "late"]


def test_an_undo_that_fails_leaves_the_old_images(
    changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator finds what the databases held."""
    real = QuietMachine.restore_database

    def fail(self: QuietMachine, database: Path, image: Path) -> None:
        if database.name == "mail.db" or image.name.endswith(".old"):
            raise MachineError("input/output error", where=str(database))
        real(self, database, image)

    monkeypatch.setattr(QuietMachine, "restore_database", fail)
    result = changed.site.restore(changed.path)
    assert result.outcome == "needs operator"
    left = {p.name for p in changed.site.path("/var/lib/mailstead/restore").iterdir()}
    assert {name for name in left if name.endswith(".old")} == {"1.old", "2.old"}
    assert not changed.site.engine.store.has_draft()
