"""A plan's id: another for anything that would be done otherwise, the same for the same."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from mailstead.machine.values import RowChange
from mailstead.module import Account, Folder, Generated
from mailstead.transaction.changes import Plan, Rows
from tests.core.transaction.conftest import Site


@pytest.fixture
def full(site: Site) -> Plan:
    """Give the plan of a first save, with something of each kind."""
    site.machine.add_file(site.engine.instance.path("/etc/greeter.conf"), b"foreign\n")
    site.engine.enable(["greeter"], consents=["greeter"])
    site.engine.editor.add_row("greeter.guests", {"name": "ada"}, site.engine.actor)
    plan = site.engine.plan()
    assert all((plan.changes, plan.enable, plan.packages, plan.accounts, plan.folders,
                plan.generated, plan.files, plan.rows, plan.services))  # fmt: skip
    return plan


def other_file(side: str = "", **fields: object) -> Callable[[Plan], Plan]:
    """Let something about the first file differ, or about what it was or becomes."""

    def move(plan: Plan) -> Plan:
        file = plan.files[0]
        parts = fields if not side else {side: attrs.evolve(getattr(file, side), **fields)}
        return attrs.evolve(plan, files=(attrs.evolve(file, **parts), *plan.files[1:]))

    return move


def other_rows(plan: Plan) -> Plan:
    """Publish as many rows, but others."""
    rows = plan.rows[0]
    change = RowChange("guests", {"name": "eve"}, None, {"name": "eve"})
    return attrs.evolve(plan, rows=(Rows(rows.module, rows.database, (change,)),))


MOVES: dict[str, Callable[[Plan], Plan]] = {
    "revision": lambda plan: attrs.evolve(plan, revision=7),
    "setting": lambda plan: attrs.evolve(plan, changes=plan.changes[1:]),
    "enabled": lambda plan: attrs.evolve(plan, enable=()),
    "disabled": lambda plan: attrs.evolve(plan, disable=("clock",)),
    "package": lambda plan: attrs.evolve(plan, packages=()),
    "account": lambda plan: attrs.evolve(plan, accounts=(Account("other", "why"),)),
    "folder": lambda plan: attrs.evolve(plan, folders=(Folder("/var/lib/greeter", mode=0o777),)),
    "generated": lambda plan: attrs.evolve(
        plan, generated=(("greeter", Generated("/etc/greeter.key", lambda _: b"", mode=0o644)),)
    ),
    "old content": other_file("old", content=b"edited\n"),
    "old rights": other_file("old", mode=0o600),
    "new content": other_file("new", content=b"greeting bye\n"),
    "new rights": other_file("new", mode=0o600),
    "new owner": other_file(owner="greeter"),
    "removal": other_file(new=None),
    "rows": other_rows,
    "action": lambda plan: attrs.evolve(plan, services=()),
    "verb": lambda plan: attrs.evolve(
        plan, services=(attrs.evolve(plan.services[0], verb="reload"),)
    ),
    "boot": lambda plan: attrs.evolve(
        plan, services=(attrs.evolve(plan.services[0], at_boot=True),)
    ),
}


@pytest.mark.parametrize("move", MOVES)
def test_whatever_would_be_done_otherwise_has_another_id(full: Plan, move: str) -> None:
    """Not only settings and contents."""
    other = MOVES[move](full)
    assert other != full
    assert other.id != full.id


def test_the_same_state_gives_the_same_id(full: Plan, site: Site) -> None:
    """Also after time has passed, and for another engine's eyes."""
    site.machine.sleep(3600)
    assert site.engine.plan().id == full.id
    assert site.engine.preview([]).id == full.id
    again = attrs.evolve(full, checks=(), unchecked="later")
    assert again.id == full.id


def test_a_revision_keeps_the_id_that_was_agreed_to(full: Plan, site: Site) -> None:
    """Though the plan is made again once its packages are there."""
    assert site.save() == "committed"
    assert site.engine.store.revisions(1)[0].plan == full.id
    record = site.engine.journal.last()
    assert record is not None
    assert record.plan == full.id
