"""Filter, rules and fetched mail come and go in any order, also with their package gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path

import attrs
import pytest

from mailstead.registry import GROUP, installed_plugins
from tests.system.conftest import Site, new_site
from tests.system.filtering import ADA, send
from tests.system.mail_samples import plain
from tests.system.sieving import arrived

NEEDED = {"filter": ("mail_smtp.filter", "use=mailstead", "use=none"),
          "fetchmail": ("mail_retrieval.services", "external_retrieval=yes",
                        "external_retrieval=no")}  # fmt: skip
PID_FILES = {"filter": ("run/rspamd/rspamd.pid", "run/clamav/clamd.pid",
                        "run/mailstead-redis/redis.pid"),
             "sieve": (), "fetchmail": ("run/mailstead/fetchmail.pid",)}  # fmt: skip
ORDERS = (
    ("filter sieve fetchmail", "filter sieve fetchmail"),
    ("sieve fetchmail filter", "fetchmail filter sieve"),
    ("fetchmail filter sieve", "sieve fetchmail filter"),
)
# Users' data: passwords are encrypted with it.
STAYS = "mailstead/fetchmail.key"


@attrs.define
class Switchboard:
    """A site whose modules come and go.

    Attributes:
        trees: what lay below /etc with which modules enabled.
    """

    site: Site
    enabled: set[str] = attrs.field(factory=set)
    trees: dict[frozenset[str], dict[str, bytes]] = attrs.field(factory=dict)
    sent: int = 0

    def enable(self, name: str) -> None:
        """Enable a module, and let mail pass by it."""
        self._run("enable", name, "--yes")
        self._choose(name, 1)
        self._run("save")
        self.enabled.add(name)
        self._look()
        for path in PID_FILES[name]:
            assert self._is_alive(path), path

    def disable(self, name: str) -> None:
        """Disable a module; what it ran runs no more, and no more than it ran is stopped."""
        ours = [self._pid(path) for path in PID_FILES[name]]
        self._choose(name, 2)
        self._run("disable", name, "--yes")
        self._run("save")
        self.enabled.remove(name)
        assert [pid for pid in ours if is_alive(pid)] == []
        self._look()

    def receive(self) -> None:
        """Let mail come in."""
        self.sent += 1
        assert send(self.site, plain(f"letter {self.sent}")) == ""
        arrived(self.site, ADA, "INBOX", f"letter {self.sent}")

    def files(self) -> dict[str, bytes]:
        """Give what lies below /etc but what stays."""
        etc = self.site.sandbox.path("/etc")
        found = (path for path in etc.rglob("*") if path.is_file())
        named = {str(path.relative_to(etc)): path.read_bytes() for path in found}
        return {name: content for name, content in named.items() if name != STAYS}

    def _choose(self, name: str, which: int) -> None:
        if name in NEEDED:
            self._run("settings", "set", NEEDED[name][0], NEEDED[name][which])

    def _look(self) -> None:
        """Mail comes in, the others run, and the files are those of what is enabled, no others."""
        self.receive()
        assert "nothing to save" in self._run("plan")
        for name in self.enabled:
            assert all(map(self._is_alive, PID_FILES[name])), name
        now = self.files()
        assert now == self.trees.setdefault(frozenset(self.enabled), now)

    def _pid(self, path: str) -> int:
        """Give the number of a process, 0 where there is none."""
        with suppress(FileNotFoundError):
            return int(self.site.sandbox.path(path).read_text())
        return 0

    def _is_alive(self, path: str) -> bool:
        return is_alive(self._pid(path))

    def _run(self, *words: str) -> str:
        return self.site.sandbox.run(*words).stdout


@pytest.fixture(scope="module")
def board() -> Iterator[Switchboard]:
    """Give a site on which none of them was ever enabled."""
    with new_site() as made:
        made.sandbox.run("settings", "set", "filter.options", "offline=true")
        found = Switchboard(made)
        found.trees[frozenset()] = found.files()
        yield found


@pytest.mark.parametrize(("coming", "going"), ORDERS)
def test_the_order_in_which_they_come_and_go_leaves_no_trace(
    board: Switchboard, coming: str, going: str
) -> None:
    """What lies below /etc is given by what is enabled, to the byte, and not by the way there."""
    for name in coming.split():
        board.enable(name)
    for name in going.split():
        board.disable(name)


@pytest.mark.parametrize("name", ["filter", "sieve", "fetchmail"])
def test_one_whose_package_is_gone_is_named_and_the_others_go_on(
    board: Switchboard, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their settings are saved and mail comes in; with the package back it can be disabled."""
    run = board.site.sandbox.run
    board.enable(name)
    uninstall(name, tmp_path)
    with monkeypatch.context() as changed:
        changed.setenv("PYTHONPATH", str(tmp_path))
        (row,) = [row for row in board.site.sandbox.json("modules") if row["id"] == name]
        assert (row["state"], row["reason"]) == ("broken", "its package is not installed")
        told = f"{name} is enabled, and broken: its package is not installed"
        assert told in run("status", status=3).stderr
        if name == "filter":
            refuse_a_filter_that_is_not_there(board)
        run("settings", "set", "mail_smtp.options", "message_size=20M")
        told = f"module {name} is broken (its package is not installed): its files and daemons are"
        assert told in run("plan").stdout
        run("save")
        board.receive()
        run("settings", "unset", "mail_smtp.options", "message_size")
        run("save")
    board.disable(name)


def test_a_filter_that_is_chosen_and_disabled_is_named_by_the_plan(board: Switchboard) -> None:
    """With the field that names it, and what can be done."""
    board.enable("filter")
    board.site.sandbox.run("disable", "filter", "--yes")
    refuse_a_filter_that_is_not_there(board)
    board.site.sandbox.run("discard", "--yes")
    board.disable("filter")


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody waited for does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


def refuse_a_filter_that_is_not_there(board: Switchboard) -> None:
    """See the plan name field and next step, and go on without."""
    run = board.site.sandbox.run
    said = run("plan", status=2).stderr
    assert "mail_smtp.filter.use: there is no mail filter mailstead" in said
    assert "choose one of none, custom, or enable its module" in said
    run("settings", "set", *NEEDED["filter"][::2])


def uninstall(name: str, folder: Path) -> None:
    """Hide one module's entry point, as for a package that was removed: found first by its path."""
    (metadata,) = (it for it in distributions() if it.metadata["Name"] == "mailstead")
    hiding = folder / f"mailstead-{metadata.version}.dist-info"
    hiding.mkdir()
    points = [f"{it.name} = {it.package}" for it in installed_plugins() if it.name != name]
    (hiding / "METADATA").write_text(str(metadata.metadata))
    (hiding / "entry_points.txt").write_text("\n".join((f"[{GROUP}]", *points)))
