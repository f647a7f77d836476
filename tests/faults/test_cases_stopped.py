"""Case 30: the process is told to stop, and journals of older and newer versions.

The journal in golden/ was written by the first version that had one. It must be read for ever:
never write it anew.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mailstead.engine import Engine
from mailstead.errors import MachineError
from mailstead.journal.codec import checksum
from mailstead.machine.fake_files import Node
from mailstead.machine.values import Path as MachinePath
from tests.faults.calls import Calls
from tests.faults.driver import cases, run_case
from tests.faults.harness import Site, save
from tests.faults.moments import committed, prepared
from tests.faults.places import needs_root
from tests.faults.real_site import RealSite, edited, enabled, in_another_process
from tests.faults.stages import Stage
from tests.faults.wholes import changing

StageOf = Callable[[str], Stage]
GOLDEN = Path(__file__).parent / "golden/journal_1.jsonl"
ROOT = MachinePath("/srv/golden")
NAMES = ROOT / "var/lib/golden/names.db"
NUMBER = 7
ROW = (NUMBER, 1, "prepared", "0123456789ab", 1, "ada", "command line", 1790000000.5)


@needs_root
def test_30_a_real_process_is_told_to_stop(real: RealSite) -> None:
    """SIGTERM while it checks, writes and proves: it undoes before it ends, with status 143."""
    real.run(enabled)
    real.run(edited)
    old = real.see()
    calls = Calls()
    with real.process(calls) as engine:
        engine.plan()
    checking = [call.name for call in calls.made].index("write_scratch") + 1
    for beyond in (0, 60, 75, 95, 110):
        words = in_another_process(real, str(int(signal.SIGTERM)), str(checking + beyond))
        done = subprocess.run(words, check=False, capture_output=True)
        assert done.returncode == 128 + signal.SIGTERM, done.stdout
        assert real.see() == old
        with real.process() as engine:
            assert engine.recovered is None
    assert real.run(lambda engine: engine.save()).outcome == "committed"


def test_30_it_is_told_to_stop_at_any_call_once_it_is_prepared(stage: StageOf) -> None:
    """Undone at once, or committed: the driver sees to it that nobody must come after it."""
    ready = stage("rows")
    struck = [case for case in cases(ready, ["stop"])
              if prepared(ready) <= case.point <= committed(ready) + 3]  # fmt: skip
    assert [item for case in struck[::2] for item in run_case(ready, case)] == []


def test_30_the_machine_goes_down_while_it_undoes(stage: StageOf) -> None:
    """Ten seconds were not enough: a kill while it undoes, and a boot."""
    ready = stage("refused")
    struck = list(cases(ready, ["reboot"]))
    assert [item for case in struck for item in run_case(ready, case)] == []


def lines() -> list[str]:
    """Give the JSON texts of the golden journal, head first."""
    return [line.partition(" ")[2] for line in GOLDEN.read_text("utf-8").splitlines()]


def plant(site: Site, text: str) -> None:
    """Leave a site as the old version left it: written, its daemon told, and killed then."""
    tree = site.machine.tree
    tree.plant(ROOT / "etc/golden.conf", Node("file", 0o644, content=b"name = other\n"))
    tree.plant(ROOT / "etc/golden.new", Node("file", 0o600, content=b"made\n"))
    tree.plant(NAMES, Node("file", 0o600))
    joan: dict[str, str | int | None] = {"name": "joan", "quota": None}
    site.machine.rows[NAMES] = {"names": {(("name", "joan"),): joan}}
    for name in ("goldend", "sided"):
        site.services.of(name).pid = site.machine.spawn(name).pid
    site.services.of("sided").at_boot = True
    journal = site.services.prefix / f"var/lib/mailstead/journal/{NUMBER}.jsonl"
    site.machine.add_file(journal, text.encode(), mode=0o600)


def enter(engine: Engine, *, form: int = 1) -> None:
    """Enter the save into the store as the old version did."""
    run = engine.store.run
    insert = """INSERT INTO saves (id, format, phase, plan, base, who, origin, at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
    run(insert, (ROW[0], form, *ROW[2:]))
    for number, text in enumerate(lines()[1:]):
        run("INSERT INTO steps VALUES (?, ?, ?, ?, 1)", (NUMBER, number, text, checksum(text)))


def is_old(site: Site) -> bool:
    """Tell whether everything the golden journal speaks of is as it was before."""
    nodes = site.machine.tree.nodes
    conf, gone = nodes[ROOT / "etc/golden.conf"], nodes[ROOT / "etc/golden.gone"]
    ada = {"name": "ada", "quota": 5}
    return (
        (conf.content, conf.mode, conf.uid, conf.gid)
        == ("name = mail\n# ä\n".encode(), 0o640, 0, 7)
        and conf.attributes == {"user.note": b"\0kept"}
        and ROOT / "etc/golden.new" not in nodes
        and (gone.content, gone.mode) == (b"stays\n", 0o644)
        and list(site.machine.rows[NAMES]["names"].values()) == [ada]
        and site.services.of("goldend").reloads == 1
        and site.services.of("sided").stops == 1
        and site.services.of("sided").at_boot is False
    )


@pytest.mark.parametrize("where", ["store and file", "file"])
def test_30_a_journal_of_the_first_version_is_read(saved_site: Site, where: str) -> None:
    """Whether the store still knows of it or not; the daemon is proven by the old probes."""
    if where == "store and file":
        saved_site.run(enter)
    plant(saved_site, GOLDEN.read_text("utf-8"))
    calls = Calls()
    told = saved_site.run(lambda engine: engine.recovered, calls)
    assert told.error is None
    assert told.result.record.actor.name == "ada"
    assert told.result.outcome == "rolled back"
    assert is_old(saved_site)
    (talk, *_) = [call.args[0] for call in calls.made if call.name == "converse"]
    assert [turn.send for turn in talk.turns] == [None, "EHLO mail.example.org"]
    assert (str(talk), talk.tls) == ("127.0.0.1:7025", False)
    assert saved_site.run(save).result.outcome == "nothing to do"


def test_30_the_golden_journal_is_as_it_was_written() -> None:
    """Its checksums are those of its lines: nobody has touched it."""
    for line in GOLDEN.read_text("utf-8").splitlines():
        expected, _, text = line.partition(" ")
        assert checksum(text) == expected
    assert json.loads(lines()[0])["format"] == 1


@pytest.mark.parametrize("where", ["store and file", "file"])
def test_30_a_journal_of_a_newer_version_is_refused(saved_site: Site, where: str) -> None:
    """With what to do; nothing is changed, by no command."""
    head: dict[str, Any] = json.loads(lines()[0])
    newer = json.dumps({**head, "format": 99, "what": "nobody knows"})
    text = "".join(f"{checksum(line)} {line}\n" for line in (newer, *lines()[1:]))
    if where == "store and file":
        saved_site.run(lambda engine: enter(engine, form=99))
    plant(saved_site, text)
    before = dict(saved_site.machine.tree.nodes)
    for action in (Engine.plan, save, Engine.recover, Engine.discard):
        calls = Calls()
        told = saved_site.run(action, calls)
        assert isinstance(told.error, MachineError)
        assert "format 99" in told.error.problem
        assert "finish it with the Mailstead that began it, or upgrade this one" in told.error.hint
        assert changing(calls) == []
    assert saved_site.machine.tree.nodes.keys() == before.keys()
    assert not is_undone_in_part(saved_site)


def is_undone_in_part(site: Site) -> bool:
    """Tell whether anything of the journal was undone."""
    nodes = site.machine.tree.nodes
    return nodes[ROOT / "etc/golden.conf"].content != b"name = other\n"


def test_30_a_save_of_today_is_written_in_the_golden_form(stage: StageOf) -> None:
    """The same keys in every kind of step, unless it says that it is of another form."""
    written = [call.args[1].decode().splitlines() for call in stage("all-first").calls
               if call.name == "replace_file" and str(call.args[0]).endswith(".jsonl")]  # fmt: skip
    (today,) = [[line.partition(" ")[2] for line in found] for found in written]
    golden, found = keys_by_kind(lines()[1:]), keys_by_kind(today[1:])
    assert {"file", "rows", "service"} <= found.keys()
    is_same = all(found[kind] <= golden[kind] for kind in found)
    assert is_same or json.loads(today[0])["format"] > 1


def keys_by_kind(steps: Sequence[str]) -> dict[str, set[str]]:
    """Give all keys in steps, by their kind."""
    found: dict[str, set[str]] = {}
    for data in map(json.loads, steps):
        found.setdefault(data["kind"], set()).update(keys(data))
    return found


def keys(data: Any, place: str = "") -> set[str]:
    """Give all keys in a document, with where they stand; what a table's row holds is its own."""
    if isinstance(data, list):
        return {key for item in data for key in keys(item, f"{place}[]")}
    if not isinstance(data, dict) or place.endswith((".key", ".old", ".new", ".attributes")):
        return {place}
    return {place} | {key for name, item in data.items() for key in keys(item, f"{place}.{name}")}
