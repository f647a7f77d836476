"""What runs starts at boot, what was stopped does not, and an undone save leaves that as it was."""

from __future__ import annotations

from tests.core.transaction.conftest import Site


def test_a_save_lets_a_new_daemon_start_at_boot_and_says_so(site: Site) -> None:
    """A unit that is disabled is enabled; the plan and its id tell."""
    daemon = site.services.of("greeterd")
    site.engine.enable(["greeter"], consents=["greeter"])
    plain = site.engine.plan()
    daemon.at_boot = False
    plan = site.engine.plan()
    assert [str(action) for action in plan.services] == ["start greeterd, also at boot"]
    assert plan.id != plain.id
    assert site.save() == "committed"
    assert daemon.at_boot is True


def test_a_disabled_module_no_longer_starts_at_boot(saved: Site) -> None:
    """Neither when it runs nor when it is dead already."""
    daemon = saved.services.of("greeterd")
    daemon.at_boot = True
    saved.services.kill("greeterd")
    saved.engine.disable(["greeter"])
    actions = saved.engine.plan().services
    assert [str(action) for action in actions] == ["stop greeterd, also no longer at boot"]
    assert saved.save() == "committed"
    assert daemon.at_boot is False


def test_a_failed_save_leaves_the_boot_as_it_was(site: Site) -> None:
    """It was enabled before the probes failed."""
    daemon = site.services.of("greeterd")
    daemon.at_boot = False
    site.engine.enable(["greeter"], consents=["greeter"])
    site.services.dies_after("greeterd", 0.5)
    assert site.save() == "rolled back"
    assert daemon.at_boot is False
    assert ("service.set_at_boot", ("greeterd",)) in site.machine.calls


def test_a_change_leaves_the_boot_alone(saved: Site) -> None:
    """Nothing is enabled that is enabled already."""
    saved.services.of("greeterd").at_boot = True
    saved.set(greeting="Bye")
    assert [str(action) for action in saved.engine.plan().services] == ["reload greeterd"]


def test_stopped_by_hand_lasts_over_a_boot(saved: Site) -> None:
    """Until it is started by hand."""
    daemon = saved.services.of("greeterd")
    daemon.at_boot = True
    saved.engine.stop("greeter")
    assert daemon.at_boot is False
    saved.engine.start("greeter")
    assert daemon.at_boot is True
