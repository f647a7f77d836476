"""Service control: native against a real daemon, systemd against a scripted one."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

import attrs
import pytest

from mailstead.errors import MachineError
from mailstead.instance import Instance
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.machine.real import RealMachine
from mailstead.machine.services import NativeService, SystemdService, service_for
from mailstead.machine.values import Completed, Path
from mailstead.module import Daemon, Native

DAEMON = """
import os, signal, sys, time
pid_file, verb = sys.argv[1:3]
def pid():
    return int(open(pid_file).read())
if verb == "stop":
    os.kill(pid(), signal.SIGTERM)
elif verb == "reload":
    os.kill(pid(), signal.SIGHUP)
elif verb == "break":
    print("bad configuration line 7")
    sys.exit(75)
elif verb == "start":
    if os.path.exists(pid_file):
        sys.exit("already running")
    print("starting up", flush=True)
    if os.fork():
        sys.exit()
    os.setsid()
    signal.signal(signal.SIGHUP, lambda *_: None)
    time.sleep(0.1)
    with open(pid_file, "w") as file:
        file.write(f"    {os.getpid()}\\n")
    time.sleep(60)
"""
RUNNING = Completed(0, "ActiveState=active\nResult=success\nMainPID=77\n", "")
STOPPED = Completed(0, "ActiveState=inactive\nResult=success\nMainPID=0\n", "")


def words(verb: str) -> tuple[str, ...]:
    """Give a command of the daemon."""
    return (sys.executable, "{/daemon.py}", "{/run/d.pid}", verb)


NATIVE = Native(words("start"), words("stop"), words("reload"), "/run/d.pid")


@pytest.fixture
def instance(root: Path) -> Instance:
    """Give a sandbox with a daemon's program in it."""
    for name in ("run", "var", "var/log"):
        pathlib.Path(root / name).mkdir()
    pathlib.Path(root / "daemon.py").write_text(DAEMON)
    return Instance(prefix=root, kind="sandbox")


@pytest.fixture
def service(real: RealMachine, instance: Instance) -> Iterator[NativeService]:
    """Give control of the daemon; it is killed at the end."""
    service = NativeService(real, instance, "d", NATIVE)
    yield service
    found = service.state()
    if found is not None:
        os.kill(found.pid, signal.SIGKILL)


def with_commands(service: NativeService, **commands: tuple[str, ...]) -> NativeService:
    """Give the same daemon with other commands."""
    verbs = {"start": NATIVE.start, "stop": NATIVE.stop, "reload": NATIVE.reload, **commands}
    native = Native(verbs["start"], verbs["stop"], verbs["reload"], NATIVE.pid_file)
    return NativeService(service.machine, service.instance, "d", native)


def test_a_daemon_lives_through_its_verbs(service: NativeService) -> None:
    """Start and stop wait; reload keeps the process; restart does not."""
    assert service.state() is None
    service.start()
    first = service.state()
    service.start()
    service.reload()
    assert first is not None
    assert first == service.state()
    service.restart()
    second = service.state()
    assert second is not None
    assert first != second
    service.stop()
    service.stop()
    assert service.state() is None


def test_a_start_that_fails_quotes_the_daemon(service: NativeService) -> None:
    """What it printed is in the error, with its command."""
    broken = with_commands(service, start=words("break"))
    with pytest.raises(MachineError, match="exit status 75\nbad configuration line 7") as caught:
        broken.start()
    assert broken.describe("start") == caught.value.where


def test_a_daemon_that_died_is_quoted(service: NativeService) -> None:
    """By what it printed since it was started; nothing before it ever was."""
    assert service.last_words() == ""
    service.start()
    found = service.state()
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    assert service.last_words() == "starting up"


def test_a_start_without_a_process_is_no_start(
    service: NativeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that only claims success is found out."""
    monkeypatch.setattr("mailstead.machine.native.START_SECONDS", 0.2)
    with pytest.raises(MachineError, match="names no running process"):
        with_commands(service, start=words("nothing")).start()


def test_a_stop_without_effect_is_no_stop(
    service: NativeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is still there, and that is said."""
    monkeypatch.setattr("mailstead.machine.native.STOP_SECONDS", 0.2)
    service.start()
    with pytest.raises(MachineError, match="is still there"):
        with_commands(service, stop=words("nothing")).stop()


def test_a_reload_that_kills_is_an_error(service: NativeService) -> None:
    """Neither a failing command nor a daemon that is not running reloads."""
    with pytest.raises(MachineError, match="it does not run"):
        service.reload()
    service.start()
    with pytest.raises(MachineError, match="exit status 75"):
        with_commands(service, reload=words("break")).reload()


def test_a_stale_pid_file_is_no_daemon(service: NativeService) -> None:
    """Neither with the id of a dead process nor with that of another program."""
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        pathlib.Path(service.pid_file).write_text(f"{other.pid}\n")
        assert service.state() is None
        service.stop()
        assert other.poll() is None
        other.kill()
    assert service.state() is None
    service.start()
    assert service.state() is not None


def test_a_pid_file_of_nonsense_is_no_daemon(service: NativeService) -> None:
    """Empty or garbled files name nothing."""
    for text in ("", "abc", "-1"):
        pathlib.Path(service.pid_file).write_text(text)
        assert service.state() is None


def test_commands_are_described_as_they_are_typed(service: NativeService) -> None:
    """System paths are the instance's real ones."""
    script, pid_file = service.instance.path("/daemon.py"), service.instance.path("/run/d.pid")
    assert f"{sys.executable} {script} {pid_file} stop" == service.describe("stop")
    assert f"{service.describe('stop')} && {service.describe('start')}" == service.describe(
        "restart"
    )


def test_the_way_of_control_is_detected(fake: FakeMachine, instance: Instance) -> None:
    """Systemd on a real machine that has it; native in sandboxes and elsewhere."""
    system = attrs.evolve(instance, kind="system")
    both = Daemon("d", native=NATIVE, unit="d.service")
    assert isinstance(service_for(fake, system, both), NativeService)
    fake.systemd = True
    assert isinstance(service_for(fake, system, both), SystemdService)
    assert isinstance(service_for(fake, instance, both), NativeService)
    with pytest.raises(MachineError, match="can only be controlled by systemd"):
        service_for(fake, instance, Daemon("d", unit="d.service"))


@attrs.define
class Systemd:
    """A unit on a fake machine.

    Attributes:
        wants: the units it pulls in.
        tells_process: whether systemd knows the main process (Debian 12's Postfix: no).
        pid_file: where the daemon names its process itself.
    """

    machine: FakeMachine
    pid: int = 0
    active: bool = False
    enabled: str = "disabled"
    wants: str = ""
    tells_process: bool = True
    pid_file: Path | None = None
    is_stale: bool = False
    is_there: bool = True

    def install(self) -> None:
        """Script its commands."""
        base = ["systemctl", "--no-ask-password"]
        self.machine.on_command([*base, "show"], self.show)
        self.machine.on_command([*base, "start"], self.start)
        self.machine.on_command([*base, "restart"], self.start)
        self.machine.on_command([*base, "stop"], self.stop)
        self.machine.on_command([*base, "enable"], self.enable)
        self.machine.on_command([*base, "disable"], self.enable)
        self.machine.on_command([*base, "daemon-reload"], self.reload_units)
        self.machine.on_command(["journalctl"], Completed(0, "line 7 is bad\n", ""))

    def show(self, _: Sequence[str]) -> Completed:
        """Show the main process."""
        lines = (
            "Result=success",
            f"MainPID={self.pid if self.tells_process else 0}",
            f"ActiveState={'active' if self.active else 'inactive'}",
            f"Wants={self.wants}",
            f"UnitFileState={self.enabled}",
            f"LoadState={'loaded' if self.is_there else 'not-found'}",
            f"NeedDaemonReload={'yes' if self.is_stale else 'no'}",
        )
        return Completed(0, "\n".join(lines), "")

    def start(self, _: Sequence[str]) -> Completed:
        """Start."""
        self.pid = self.machine.spawn("d").pid
        self.active = True
        if self.pid_file:
            self.machine.replace_file(
                self.pid_file, f"{self.pid}\n".encode(), mode=0o644, uid=0, gid=0
            )
        return Completed(0, "", "")

    def stop(self, _: Sequence[str]) -> Completed:
        """Stop."""
        self.machine.kill(self.pid)
        self.pid = 0
        self.active = False
        return Completed(0, "", "")

    def reload_units(self, _: Sequence[str]) -> Completed:
        """Read the unit file."""
        self.is_stale = False
        return Completed(0, "", "")

    def enable(self, argv: Sequence[str]) -> Completed:
        """Enable or disable."""
        if not self.is_there:
            return Completed(1, "", "Failed to disable unit: Unit file d.service does not exist.")
        self.enabled = f"{argv[2]}d"
        return Completed(0, "", "")

    def commands(self) -> list[str]:
        """Give what was asked of systemctl but for looking: verb and units."""
        runs = [args[0] for name, args in self.machine.calls if name == "run"]
        asked = [argv[2:] for argv in runs if argv[0] == "systemctl" and argv[2] != "show"]
        return [" ".join(words) for words in asked]

    def verbs(self) -> list[str]:
        """Give only the verbs."""
        return [words.split()[0] for words in self.commands()]


@pytest.fixture
def systemd(fake: FakeMachine) -> Systemd:
    """Give a unit that works."""
    unit = Systemd(fake)
    unit.install()
    return unit


def test_a_unit_starts_reloads_and_stops(systemd: Systemd) -> None:
    """Each verb is one command."""
    service = SystemdService(systemd.machine, "d.service", "d@-.service")
    service.start()
    found = service.state()
    service.reload()
    assert found is not None
    assert found == service.state()
    service.stop()
    assert service.state() is None
    assert systemd.verbs() == ["start", "reload", "stop"]


@pytest.fixture
def postfix(systemd: Systemd) -> SystemdService:
    """Give Debian 12's Postfix: a shell around a unit whose main process systemd is not told."""
    instance = Instance(prefix=Path("/"))
    native = NativeService(systemd.machine, instance, "d", NATIVE)
    systemd.wants, systemd.tells_process = "p@-.service x.service", False
    systemd.pid_file = native.pid_file
    systemd.machine.make_directory(native.pid_file.parent, mode=0o755, uid=0, gid=0)
    return SystemdService(systemd.machine, "p", "p@-", native)


def test_a_process_that_systemd_does_not_know_is_in_the_pid_file(
    systemd: Systemd, postfix: SystemdService
) -> None:
    """Postfix on Debian 12 has no MainPID while it runs."""
    postfix.start()
    found = postfix.state()
    assert found is not None
    assert systemd.pid == found.pid
    postfix.stop()
    assert postfix.state() is None


def test_a_shell_is_acted_on_with_the_unit_inside(
    systemd: Systemd, postfix: SystemdService
) -> None:
    """To start or reload the shell alone succeeds even when the unit inside fails."""
    systemd.machine.on_command(["systemctl", "--no-ask-password", "reload"], Completed(0, "", ""))
    postfix.start()
    postfix.reload()
    postfix.restart()
    postfix.stop()
    postfix.set_at_boot(wanted=True)
    assert systemd.commands() == [
        "start p p@-", "reload p@-", "restart p@-", "stop p p@-", "enable p",
    ]  # fmt: skip
    assert postfix.describe("start") == "systemctl start p p@-"


def test_a_unit_that_is_not_wanted_is_left_alone(systemd: Systemd, postfix: SystemdService) -> None:
    """A Debian without p@- has it all in p."""
    systemd.wants = ""
    postfix.start()
    postfix.restart()
    assert systemd.commands() == ["start p", "restart p"]


def test_a_dead_process_in_an_active_unit_is_started(
    systemd: Systemd, postfix: SystemdService
) -> None:
    """After kill -9 the unit is active while helpers live: to start it does nothing."""
    postfix.start()
    systemd.machine.kill(systemd.pid)
    assert postfix.state() is None
    postfix.start()
    assert postfix.state() is not None
    assert systemd.verbs() == ["start", "restart"]


def test_a_unit_file_that_changed_is_read_first(systemd: Systemd) -> None:
    """systemctl(1), daemon-reload: also where the save wrote it; once."""
    service = SystemdService(systemd.machine, "d")
    systemd.is_stale = True
    service.start()
    service.set_at_boot(True)
    assert systemd.verbs() == ["daemon-reload", "start", "enable"]


def test_a_unit_that_is_not_there_is_not_enabled(systemd: Systemd) -> None:
    """A save that writes its file enables it; undoing that save finds the file gone already."""
    service = SystemdService(systemd.machine, "d")
    systemd.is_there = False
    assert service.at_boot() is False
    service.set_at_boot(wanted=False)
    assert systemd.verbs() == ["daemon-reload", "disable"]
    with pytest.raises(MachineError, match="does not exist"):
        service.set_at_boot(wanted=True)


def test_a_unit_starts_at_boot_or_not(systemd: Systemd) -> None:
    """A masked, static or unknown unit can be neither."""
    service = SystemdService(systemd.machine, "d")
    assert service.at_boot() is False
    service.set_at_boot(wanted=True)
    assert service.at_boot() is True
    service.set_at_boot(wanted=False)
    assert service.at_boot() is False
    for state in ("masked", "static", ""):
        systemd.enabled = state
        assert service.at_boot() is None


def test_a_sandbox_does_not_start_at_boot(service: NativeService) -> None:
    """There is nothing that would start it."""
    assert service.at_boot() is None
    with pytest.raises(MachineError, match="nothing to start it at boot"):
        service.set_at_boot(wanted=True)


def test_a_failing_unit_quotes_its_journal(systemd: Systemd) -> None:
    """The admin sees the daemon's own words."""
    systemd.machine.on_command(
        ["systemctl", "--no-ask-password", "start"], Completed(1, "", "Job failed.")
    )
    with pytest.raises(MachineError, match=r"(?s)systemctl start d: Job failed\..*line 7 is bad"):
        SystemdService(systemd.machine, "d", "").start()
    assert systemd.verbs() == ["start"]


def test_a_restart_limit_is_cleared_once(systemd: Systemd) -> None:
    """One more try after reset-failed, and no more."""
    systemd.machine.on_command(
        ["systemctl", "--no-ask-password", "start"],
        Completed(1, "", "d.service: Start request repeated too quickly."),
    )
    with pytest.raises(MachineError, match="repeated too quickly"):
        SystemdService(systemd.machine, "d", "").start()
    assert systemd.verbs() == ["start", "reset-failed", "start"]


def test_a_unit_without_a_process_has_not_started(systemd: Systemd) -> None:
    """The wait ends on the machine's own clock."""
    systemd.machine.on_command(["systemctl", "--no-ask-password", "start"], Completed(0, "", ""))
    with pytest.raises(MachineError, match="no main process"):
        SystemdService(systemd.machine, "d", "").start()


def test_fake_daemons_break_as_told(fake: FakeMachine) -> None:
    """A start fails as often as said; a death comes when the time has passed."""
    services = FakeServices(fake)
    control = services(Daemon("d"))
    services.break_start("d")
    with pytest.raises(MachineError, match="refused to start"):
        control.start()
    services.dies_after("d", 3)
    control.start()
    fake.sleep(2)
    assert control.state() is not None
    fake.sleep(2)
    assert control.state() is None
    control.restart()
    fake.sleep(9)
    assert control.state() is not None
    assert (services.of("d").starts, services.of("d").restarts, services.of("d").stops) == (2, 1, 0)


def test_a_unit_that_died_is_quoted_from_its_journal(systemd: Systemd) -> None:
    """And where the journal cannot be read, that is said instead of an error."""
    unit = SystemdService(systemd.machine, "d", "")
    assert unit.last_words() == "line 7 is bad"
    systemd.machine.fail("run", MachineError("no such program"), at=None)
    assert "not to be had: no such program" in unit.last_words()
