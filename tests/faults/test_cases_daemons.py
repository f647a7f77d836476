"""Cases 14 to 18: checks pass, and the daemon lets the save down all the same.

With real mail daemons in test_cases_mail.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mailstead.engine import Engine
from mailstead.machine.conversation import Conversation
from mailstead.machine.services import SystemdService
from mailstead.registry import Registry
from mailstead.transaction.progress import Event
from mailstead.transaction.request import SaveResult
from tests.core import greeter
from tests.core.packages import Packages
from tests.faults.calls import Calls
from tests.faults.fake_systemd import LIMIT, FakeSystemd
from tests.faults.harness import Site, save, short_folder
from tests.faults.scenarios import CONF, GREETER, greeter_machine, set_options
from tests.faults.stages import Stage, look
from tests.faults.wholes import deaf_daemons, outside_of

StageOf = Callable[[str], Stage]
GUEST = """
from mailstead.plugin import *

module = Module(daemons=[Daemon("guestd")])
"""
DEPENDS = 'depends = ["greeter"]\nenable_depends = ["greeter"]'
NEW = b"greeting hi\nport 7000\n"


@pytest.fixture
def changed(saved_site: Site) -> Site:
    """Give a saved site with another greeting in its draft."""
    saved_site.run(lambda engine: set_options(engine, greeting="hi"))
    return saved_site


def conf(site: Site) -> bytes:
    """Give the file as it stands."""
    return site.machine.tree.read(site.services.prefix / CONF.lstrip("/"), 1 << 20)


def undone(site: Site) -> str:
    """Save in vain: everything is as before, proven by its probes; gives the reason."""
    before = outside_of(site)
    calls = Calls()
    result = site.run(save, calls).result
    assert result.outcome == "rolled back", result
    assert outside_of(site) == before
    assert list(deaf_daemons(site)) == []
    assert [call.name for call in calls.made if call.name in ("replace_file", "converse")][-1] == (
        "converse"
    )
    assert look(site).faults == ()
    return str(result.reason)


def test_14_the_reload_fails(changed: Site) -> None:
    """The daemon is told of the old file again and proven to serve."""
    changed.services.break_reload("greeterd")
    assert "greeterd refused to reload" in undone(changed)
    assert changed.services.of("greeterd").reloads == 2


def test_14_the_daemon_died_before_it_was_told(changed: Site) -> None:
    """It is started again with the old file."""

    def die(event: Event) -> None:
        if event.phase == "act":
            changed.services.kill("greeterd")

    before = outside_of(changed)
    result = changed.run(lambda engine: engine.save(progress=die)).result
    assert result.outcome == "rolled back"
    assert "it does not run" in result.reason
    assert outside_of(changed) == before
    assert changed.services.of("greeterd").starts == 2


@pytest.mark.parametrize("after", [0.05, 0.5, 0.95])
def test_15_the_daemon_starts_and_dies_within_the_soak_time(changed: Site, after: float) -> None:
    """Found by its process, its last words told; started again with the old file."""
    changed.services.dies_after("greeterd", after)
    changed.services.of("greeterd").said = "panic: no hope"
    reason = undone(changed)
    assert "last lines of its log:\npanic: no hope" in reason
    assert "greeterd" in reason
    assert "not running" in reason
    assert changed.services.of("greeterd").starts == 2


def test_15_a_process_that_was_replaced_is_not_believed(changed: Site) -> None:
    """Somebody restarts what dies: it runs, and is another one."""

    def replace() -> None:
        changed.services.kill("greeterd")
        changed.services.of("greeterd").pid = changed.machine.spawn("greeterd").pid

    def later(event: Event) -> None:
        if event.message.startswith("watching") and conf(changed) == NEW:
            changed.machine.time.later(0.3, replace)

    result = changed.run(lambda engine: engine.save(progress=later)).result
    assert result.outcome == "rolled back"
    assert "its process was replaced within 1 s" in result.reason


class Pair:
    """The greeter and a guest under systemd."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.systemd = FakeSystemd(site.machine)
        with self.open() as engine:
            engine.enable([GREETER, "guest"], consents=[GREETER, "guest"])
            assert engine.save().outcome == "committed"
            set_options(engine, greeting="hi")

    def open(self) -> Engine:
        """Open it as a process does."""
        machine = self.site.machine
        return Engine.open(
            self.site.folder, machine=machine, registry=self.site.registry,
            services=lambda daemon: SystemdService(machine, daemon.name),
        )  # fmt: skip

    def dying(self, fails: int) -> SaveResult:
        """Save while the greeter dies at its reload, and cannot be started so many times."""

        def die(event: Event) -> None:
            if event.phase == "act":
                self.systemd.kill("greeterd")
                self.systemd.units["greeterd"].fails = fails

        with self.open() as engine:
            return engine.save(progress=die)


@pytest.fixture
def pair(packages: Packages) -> Iterator[Pair]:
    """Give the pair, saved, with a change in the draft."""
    host = packages.add(
        GREETER, greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    guest = packages.add("guest", DEPENDS, GUEST)
    with short_folder() as folder:
        machine, registry = greeter_machine(), Registry.discover([host, guest])
        yield Pair(Site.make(folder / "site", machine, registry))


def test_16_the_restart_limit_is_hit_while_it_is_undone(pair: Pair) -> None:
    """The unit is given a clean slate, once, and started: rolled back."""
    result = pair.dying(fails=1)
    assert result.outcome == "rolled back"
    assert pair.systemd.units["greeterd"].resets == 1
    assert pair.systemd.runs(pair.systemd.units["greeterd"])
    assert conf(pair.site) == b"greeting hello\nport 7000\n"


def test_16_the_restart_limit_is_hit_again(pair: Pair) -> None:
    """An operator is needed: told why, and what to run; the other daemon was left in peace."""
    guest = pair.systemd.units["guestd"].pid
    result = pair.dying(fails=2)
    assert result.outcome == "needs operator"
    assert pair.systemd.units["greeterd"].resets == 1
    assert LIMIT in result.reason
    assert "greeterd: cannot read its mind" in result.reason
    assert result.commands == (
        "mailstead recover", "systemctl restart guestd", "systemctl restart greeterd",
    )  # fmt: skip
    assert pair.systemd.units["guestd"].pid == guest
    assert pair.systemd.runs(pair.systemd.units["guestd"])
    assert conf(pair.site) == b"greeting hello\nport 7000\n"
    with pair.open() as engine:
        found = engine.recover()
    assert found is not None
    assert found.outcome == "rolled back"


@pytest.mark.parametrize("what", ["port", "banner"])
def test_17_the_service_runs_and_does_not_answer_as_it_must(changed: Site, what: str) -> None:
    """Whether nobody answers or another speaks there; the old one is proven."""

    def answers(talk: Conversation) -> bool:
        return conf(changed) != NEW and (what == "port" or talk.turns[0].expect == "hello")

    changed.machine.answers = answers
    assert "greets does not work" in undone(changed)


def test_18_a_daemon_breaks_whose_files_did_not_change(stage: StageOf) -> None:
    """Postfix alone is acted on; that Dovecot's LMTP is silent afterwards undoes it."""
    ready = stage("all-option")
    site = ready.site
    site.restore(ready.world)
    site.run(Engine.discard)
    assert site.run(allow_relay).error is None
    main_cf = site.services.prefix / "etc/postfix/main.cf"
    old = site.machine.tree.read(main_cf, 1 << 20)

    def answers(talk: Conversation) -> bool:
        is_lmtp = talk.socket.endswith("dovecot-lmtp")
        return not is_lmtp or site.machine.tree.read(main_cf, 1 << 20) == old

    site.machine.answers = answers
    reloads = site.services.of("dovecot").reloads
    assert "LMTP answers does not work" in undone(site)
    assert site.services.of("dovecot").reloads == reloads


def allow_relay(engine: Engine) -> None:
    """Let an object relay, in the draft: main.cf changes, and none of Dovecot's files."""
    editor, actor = engine.editor, engine.actor
    editor.add_row("network.objects", {"name": "office"}, actor)
    member = {"object": "office", "name": "all", "address": "192.0.2.0/24"}
    editor.add_row("network.members", member, actor)
    editor.add_row("mail_smtp.relay", {"object": "office"}, actor)
