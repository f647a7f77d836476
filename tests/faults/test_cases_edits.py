"""Cases 20 to 22: somebody edits a file by hand, before, during and after a save."""

from __future__ import annotations

import pytest

from mailstead.engine import Engine
from mailstead.errors import ConsentNeeded
from mailstead.hand_edits.answers import Answer
from mailstead.transaction.progress import Event
from mailstead.transaction.request import Request
from mailstead.transaction.rollback import Goal
from tests.faults.calls import Calls
from tests.faults.harness import Site, save
from tests.faults.places import needs_root
from tests.faults.real_site import FILES, RealSite, edited, enabled
from tests.faults.scenarios import CONF, MINE, OTHER_LOGIN, WAIT, save_waiting, set_options
from tests.faults.stages import look
from tests.faults.wholes import changing, outside_of

TAKE = [Answer(CONF, "take")]


def write(site: Site, content: bytes) -> None:
    """Edit the file by hand."""
    site.machine.add_file(site.services.prefix / CONF.lstrip("/"), content)


def read(site: Site) -> bytes:
    """Give what stands there."""
    return site.machine.tree.read(site.services.prefix / CONF.lstrip("/"), 1 << 20)


def aside(site: Site) -> list[bytes]:
    """Give the contents that were kept aside."""
    kept = site.run(lambda engine: engine.edits.kept_aside(CONF)).result
    return [item.version.content for item in kept]


def change(engine: Engine) -> None:
    """Change the greeting in the draft."""
    set_options(engine, greeting="hi")


def test_20_an_edited_file_is_not_replaced_without_consent(saved_site: Site) -> None:
    """The plan names it; applying refuses and touches nothing at all."""
    saved_site.run(change)
    write(saved_site, MINE)
    before = outside_of(saved_site)
    assert CONF in saved_site.run(Engine.plan).result.conflicts
    calls = Calls()
    told = saved_site.run(save, calls)
    assert isinstance(told.error, ConsentNeeded)
    assert CONF in told.error.where
    assert outside_of(saved_site) == before
    assert not [call for call in changing(calls) if call.startswith(("replace_", "service."))]


def test_20_with_consent_the_edit_is_kept_aside(saved_site: Site) -> None:
    """Nothing of theirs is lost."""
    saved_site.run(change)
    write(saved_site, MINE)
    assert saved_site.run(lambda e: save(e, answers=TAKE)).result.outcome == "committed"
    assert read(saved_site) == b"greeting hi\nport 7000\n"
    assert aside(saved_site) == [MINE]


@needs_root
@pytest.mark.parametrize("number", [0, 1])
def test_21_a_file_is_edited_between_plan_and_rename(real: RealSite, number: int) -> None:
    """Compared at the last moment: the save is undone, the edit stays, also in the first file."""
    real.run(enabled)
    real.run(edited)
    old = real.see()
    target = real.path(FILES[number])

    def edit(event: Event) -> None:
        if event.phase == "write" and target.name in event.message:
            target.write_text("mine\n")

    result = real.run(lambda engine: engine.save(progress=edit))
    assert result.outcome == "rolled back"
    assert "changed since the plan" in result.reason
    assert target.read_text() == "mine\n"
    others = {name: entry for name, entry in real.see().files.items() if name != target.name}
    assert others == {name: entry for name, entry in old.files.items() if name != target.name}
    assert real.see().rows == old.rows


def test_21_a_file_is_edited_while_the_save_is_proven_and_fails(saved_site: Site) -> None:
    """Undoing does not take the edit away, and says that it stays."""
    saved_site.run(change)
    saved_site.services.dies_after("greeterd", 0.5)

    def edit(event: Event) -> None:
        if event.phase == "probe":
            write(saved_site, MINE)

    result = saved_site.run(lambda engine: engine.save(progress=edit)).result
    assert result.outcome == "rolled back"
    assert "left as somebody else made it meanwhile" in result.reason
    assert read(saved_site) == MINE


def test_22_a_file_is_edited_after_the_save_and_then_it_is_gone_back(saved_site: Site) -> None:
    """Going back asks as any save does; with consent the edit is kept aside."""
    saved_site.run(change)
    assert saved_site.run(save).result.outcome == "committed"
    write(saved_site, MINE)
    told = saved_site.run(lambda engine: save(engine, back_to=Goal(1)))
    assert isinstance(told.error, ConsentNeeded)
    assert read(saved_site) == MINE
    assert not saved_site.run(lambda engine: engine.store.has_draft()).result
    back = Request(back_to=Goal(1), answers=TAKE)
    assert saved_site.run(lambda engine: engine.save(back)).result.outcome == "committed"
    assert read(saved_site) == b"greeting hello\nport 7000\n"
    assert aside(saved_site) == [MINE]


@pytest.mark.parametrize("how", ["revert", "expiry"])
def test_22_a_file_is_edited_while_the_save_waits_and_is_then_undone(
    saved_site: Site, how: str
) -> None:
    """The edit stays where it is, the rest goes back, and the next save asks about it."""
    saved_site.run(change)
    assert saved_site.run(save_waiting).result.outcome == "committed"
    write(saved_site, MINE)
    saved_site.machine.login = OTHER_LOGIN
    if how == "revert":
        found = saved_site.run(lambda engine: engine.revert()).result
    else:
        saved_site.machine.time.pass_by(WAIT)
        found = saved_site.run(lambda engine: engine.recovered).result
    assert "left as somebody else made it meanwhile" in found.reason
    assert read(saved_site) == MINE
    assert look(saved_site).open is None
    assert saved_site.run(Engine.plan).result.conflicts == (CONF,)
