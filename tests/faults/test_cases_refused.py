"""Cases 9 to 13, 19 and 23: what the disk, templates, checkers and rights refuse.

Those that are about one file alone, below the calls, are in test_files_*.py.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailstead.errors import CheckFailed, MachineError, MailsteadError, PlanError, RenderError
from mailstead.machine.values import Completed
from mailstead.registry import Registry
from tests.core import greeter
from tests.core.packages import Packages
from tests.faults.driver import cases, run_case
from tests.faults.harness import Site, save, short_folder
from tests.faults.moments import strike, writes
from tests.faults.pictures import picture
from tests.faults.places import flagged, needs_root, read_only
from tests.faults.real_site import FILES, RealSite, edited, enabled
from tests.faults.scenarios import GREETER, greeter_machine, set_options
from tests.faults.stages import Stage, look
from tests.faults.wholes import outside_of

StageOf = Callable[[str], Stage]
LAST = """
depends = ["greeter"]
[[paths]]
path = "/etc/last.conf"
reason = "is last"
"""
LAST_CODE = """
from mailstead.plugin import *

module = Module(files=[Template("/etc/last.conf", "conf.j2")])
"""


@pytest.mark.parametrize("kind", ["full-once", "full", "full-for-good"])
@pytest.mark.parametrize("name", ["write_scratch", "store INSERT steps", "replace_file"])
def test_09_the_disk_is_full_in_staging_in_the_journal_or_at_a_target(
    stage: StageOf, kind: str, name: str
) -> None:
    """The save is refused, or undone."""
    ready = stage("rows")
    struck = [case for case in cases(ready, [kind]) if case.call == name]
    assert struck
    assert [item for case in struck for item in run_case(ready, case)] == []


def test_09_undoing_on_a_full_disk_needs_no_more_than_was_held_back(stage: StageOf) -> None:
    """Whoever filled the disk keeps every byte that was free; the reserve is enough."""
    ready = stage("rows")
    for point in writes(ready):
        told = strike(ready, point, "full")
        assert told.result.outcome == "rolled back"
        assert "no space left" in told.result.reason
        assert outside_of(ready.site) == ready.before.whole.outside


def test_09_too_little_space_is_found_before_anything_is_touched(saved_site: Site) -> None:
    """With how much is missing."""
    saved_site.run(lambda engine: set_options(engine, greeting="hi"))
    saved_site.machine.space = 1 << 20
    told = saved_site.run(save)
    assert isinstance(told.error, PlanError)
    assert "1 MiB are free" in str(told.error)


@pytest.mark.parametrize("kind", ["error", "late-error"])
def test_10_a_file_that_cannot_be_synced_counts_as_not_written(stage: StageOf, kind: str) -> None:
    """Also where the new one stands there already; no revision is acknowledged."""
    ready = stage("rows")
    for point in writes(ready):
        told = strike(ready, point, kind)
        assert (told.result.outcome, told.result.revision) == ("rolled back", 1)
        assert "input/output error" in told.result.reason
        assert outside_of(ready.site) == ready.before.whole.outside
        assert look(ready.site).whole == ready.before.whole


@pytest.mark.parametrize(
    ("template", "line", "words"),
    [("one\n{{ missing }}\n", 2, "missing"), ("one\n\n{% if %}\n", 3, "Expected an expression")],
)
def test_11_a_template_of_the_last_module_is_wrong(
    packages: Packages, template: str, line: int, words: str
) -> None:
    """The plan names module, template and line; no module has written anything."""
    with short_folder() as folder:
        site = two_modules(folder, packages, template)
        names = [GREETER, "last"]
        assert site.run(lambda engine: engine.enable(names, names)).error is None
        told = site.run(save)
        assert isinstance(told.error, RenderError)
        assert "module last: /etc/last.conf" in told.error.where
        assert f"conf.j2:{line}" in told.error.where
        assert words in told.error.problem
        assert outside_of(site).files == {}
        assert site.machine.packages == {}
        assert look(site).faults == ()


def two_modules(folder: Path, packages: Packages, template: str) -> Site:
    """Give a site with the greeter and a module after it, whose template is given."""
    first = packages.add(
        GREETER, greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    last = packages.add("last", LAST, LAST_CODE, conf=template)
    return Site.make(folder / "site", greeter_machine(), Registry.discover([first, last]))


def refused_by_checker(site: Site, answer: object) -> MailsteadError:
    """Save while the checker answers so; gives the error, nothing being changed."""
    site.run(lambda engine: set_options(engine, greeting="hi"))
    site.machine.on_command(["greeterd", "-t"], answer)  # type: ignore[arg-type]
    before = outside_of(site)
    told = site.run(save)
    assert isinstance(told.error, CheckFailed)
    assert outside_of(site) == before
    assert look(site).faults == ()
    return told.error


def test_13_a_checker_that_rejects(saved_site: Site) -> None:
    """Its own words; nothing of ours in them."""
    error = refused_by_checker(saved_site, Completed(1, "", "greeter.conf line 1: no"))
    assert error.problem == "greeter.conf line 1: no"


def test_13_a_checker_that_hangs(saved_site: Site) -> None:
    """Time that is up is no consent."""
    assert "30 s" in str(refused_by_checker(saved_site, raising("did not end within 30 s")))


def test_13_a_checker_that_is_missing(saved_site: Site) -> None:
    """Nothing is saved untested: the program is named."""
    error = refused_by_checker(saved_site, raising("there is no such program"))
    assert "there is no such program" in str(error)
    assert error.where.endswith("greeterd")


def test_13_a_checker_that_only_warns(saved_site: Site) -> None:
    """What it prints is no refusal, unless the module says which warnings are."""
    saved_site.run(lambda engine: set_options(engine, greeting="hi"))
    saved_site.machine.on_command(["greeterd", "-t"], Completed(0, "", "warning: odd"))
    assert saved_site.run(save).result.outcome == "committed"


def test_13_warnings_of_postconf_are_refusals(stage: StageOf) -> None:
    """postconf(1) ends with 0 for a parameter it does not know."""
    ready = stage("all-option")
    ready.site.restore(ready.world)
    warning = "postconf: warning: main.cf: unused parameter: x=y"
    ready.site.machine.on_command(["postconf"], Completed(0, "", warning))
    told = ready.site.run(save)
    assert isinstance(told.error, CheckFailed)
    assert "unused parameter" in told.error.problem
    assert look(ready.site).whole == ready.before.whole


def raising(problem: str) -> Callable[[object], Completed]:
    """Give a command that fails as the machine says."""

    def run(argv: object) -> Completed:
        raise MachineError(problem, where=str(argv))

    return run


@pytest.mark.parametrize(
    ("number", "hint"),
    [(errno.EPERM, "immutable"), (errno.EROFS, "read-only"), (errno.EACCES, "right")],
)
def test_19_a_target_that_cannot_be_replaced(stage: StageOf, number: int, hint: str) -> None:
    """Files before it are put back; the message names the file and the likely cause."""
    ready = stage("rows")
    count = len(writes(ready))
    for position in range(1, count + 1):
        ready.site.restore(ready.world)
        target = ready.calls[writes(ready)[position - 1] - 1].args[0]
        before = [call for call in ready.calls if call.name == "replace_file"]
        at = 1 + next(n for n, call in enumerate(before) if call.args[0] == target)
        ready.site.machine.fail("replace_file", OSError(number, os.strerror(number)), at=at)
        result = ready.site.run(save).result
        assert result.outcome == "rolled back"
        assert str(target) in result.reason
        assert hint in result.reason
        assert outside_of(ready.site) == ready.before.whole.outside


@needs_root
def test_19_a_second_file_that_is_really_immutable(real: RealSite) -> None:
    """The first is put back, the daemon serves the old; the flag is named."""
    real.run(enabled)
    real.run(edited)
    old = real.see()
    with flagged(real.path(FILES[1]), "i"):
        result = real.run(lambda engine: engine.save())
    assert result.outcome == "rolled back"
    assert "second.conf" in result.reason
    assert "immutable" in result.reason
    assert real.see() == old
    assert real.run(lambda engine: engine.save()).outcome == "committed"


@needs_root
def test_19_a_folder_that_is_really_mounted_read_only(real: RealSite) -> None:
    """Nothing of ours is left in it."""
    real.run(enabled)
    real.run(edited)
    old = real.see()
    with read_only(real.path("/etc/leaflet")):
        result = real.run(lambda engine: engine.save())
    assert result.outcome == "rolled back"
    assert "read-only" in result.reason
    assert real.see() == old


@needs_root
@pytest.mark.parametrize("kind", ["link", "dangling link", "loop", "folder"])
def test_23_what_is_no_file_where_a_file_belongs_is_left_alone(real: RealSite, kind: str) -> None:
    """The plan says so; a link is never followed, and nothing at all is written."""
    real.run(enabled)
    real.run(edited)
    target, elsewhere = real.path(FILES[1]), real.path("/elsewhere")
    target.unlink()
    elsewhere.write_text("theirs\n")
    if kind == "folder":
        target.mkdir()
    else:
        target.symlink_to({"link": elsewhere, "loop": target}.get(kind, "nowhere"))
    before = picture(real.path("/etc/leaflet"))
    with pytest.raises(MachineError, match=r"second\.conf") as error:
        real.run(lambda engine: engine.save())
    assert "stands there, not a file" in error.value.problem
    assert picture(real.path("/etc/leaflet")) == before
    assert elsewhere.read_text() == "theirs\n"


@needs_root
def test_23_another_name_of_the_file_keeps_the_old_content(real: RealSite) -> None:
    """A hard link is a file; undoing gives the name a file of the old content."""
    real.run(enabled)
    real.run(edited)
    other = real.path("/other")
    other.hardlink_to(real.path(FILES[0]))
    assert real.run(lambda engine: engine.save()).outcome == "committed"
    assert (other.read_text(), real.path(FILES[0]).read_text()) == ("text old\n", "text new\n")
