"""Case 25: two admins at once. One wins, the other is told, and nothing is lost or done twice."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailstead.engine import Engine
from mailstead.errors import Locked, PlanMoved
from mailstead.settings.cells import Actor
from mailstead.transaction.request import Request
from tests.faults.calls import Calls
from tests.faults.harness import Site
from tests.faults.places import needs_root
from tests.faults.real_site import RealSite, edited, edited_again, enabled, in_another_process
from tests.faults.scenarios import invite, set_options
from tests.system.sandbox import wait_until

MIDDLE = r"root \(engine\) saves since .*, step 2 of 4 .*second\.conf"
ADA, GRACE = Actor("ada", "ssh from 192.0.2.7"), Actor("grace", "ssh from 192.0.2.8")


@contextmanager
def halted(process: subprocess.Popen[str]) -> Iterator[None]:
    """Do something while another process is stopped."""
    status = Path(f"/proc/{process.pid}/stat")
    wait_until(lambda: status.read_text().rpartition(")")[2].split()[0] == "T")
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


@needs_root
def test_25_two_really_save_at_once(real: RealSite) -> None:
    """The second is refused at once and told who saves since when; the first is not disturbed."""
    real.run(enabled)
    real.run(edited)
    calls = Calls()
    with real.process(calls) as engine:
        engine.save()
    names = [call.name for call in calls.made]
    second_file = len(names) - names[::-1].index("replace_file")
    real.run(edited_again)
    words = in_another_process(real, str(int(signal.SIGSTOP)), str(second_file))
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        with halted(process), pytest.raises(Locked, match=MIDDLE) as error:
            real.run(lambda engine: engine.save())
        assert f"process {process.pid}" in str(error.value)
        assert process.communicate(timeout=30)[0] == "committed"
    assert real.see().loaded == "text newer\ntext newer\n"


def test_25_the_second_based_on_an_old_revision_is_told_what_moved(saved_site: Site) -> None:
    """With what the first has saved, and what the second's own draft is now."""
    saved_site.run(lambda engine: set_options(engine, greeting="hi"), actor=GRACE)
    agreed = saved_site.run(shown).result
    saved_site.run(lambda engine: invite(engine, "ada"), actor=ADA)
    assert saved_site.run(Engine.save, actor=ADA).result.outcome == "committed"
    saved_site.run(lambda engine: set_options(engine, port=7001), actor=GRACE)
    told = saved_site.run(lambda engine: engine.save(Request(expected=agreed)), actor=GRACE)
    assert isinstance(told.error, PlanMoved)
    assert "ada saved revision 2 meanwhile" in str(told.error)
    moved = told.error.moved
    theirs = [change.where for item in moved.theirs for change in item.changes]
    assert theirs == ["greeter.guests[ada].name", "greeter.options.greeting"]
    assert [str(item.setting) for item in moved.yours] == ["greeter.options.port"]
    assert saved_site.run(lambda engine: engine.store.revision()).result == 2


def shown(engine: Engine) -> str:
    """Show the plan, and give its id."""
    plan = engine.plan()
    engine.history.remember(plan)
    return str(plan.id)


def test_25_no_update_is_lost(saved_site: Site) -> None:
    """Two edit the same draft: what either says is saved, under the name of who said it."""
    saved_site.run(lambda engine: set_options(engine, greeting="hi"), actor=ADA)
    saved_site.run(lambda engine: set_options(engine, port=7001), actor=GRACE)
    result = saved_site.run(Engine.save, actor=ADA).result
    authors = {change.field: change.who for change in result.plan.changes}
    assert authors == {"greeting": "ada", "port": "grace"}


def test_25_a_double_click_is_one_save(saved_site: Site) -> None:
    """The same plan asked for again is not done again, and says which revision it became."""
    saved_site.run(lambda engine: set_options(engine, greeting="hi"))
    request = Request(expected=saved_site.run(shown).result)
    results = [saved_site.run(lambda engine: engine.save(request)).result for _ in range(2)]
    assert [result.outcome for result in results] == ["committed", "nothing to do"]
    assert results[1].reason == "already saved as revision 2"
    assert saved_site.services.of("greeterd").reloads == 1
