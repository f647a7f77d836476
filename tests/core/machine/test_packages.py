"""Debian packages, by what apt and dpkg are asked and what they answer."""

from __future__ import annotations

import pytest

from mailstead.errors import CommandFailed, MachineError
from mailstead.machine import packages
from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Completed

POLICY = "postfix:\n  Installed: (none)\n  Candidate: {}\n  Version table:\n"
APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get")


def apt_verbs(fake: FakeMachine) -> list[str]:
    """Give what apt-get was asked to do."""
    runs = [args[0] for name, args in fake.calls if name == "run"]
    return [argv[6] for argv in runs if argv[:3] == APT]


def test_only_installed_packages_have_a_version(fake: FakeMachine) -> None:
    """Removed and unknown ones are left out."""
    answer = "installed postfix 3.7.11-0+deb12u1\nconfig-files exim4 4.96\n"
    fake.on_command(["dpkg-query"], Completed(1, answer, "no packages found matching x1"))
    found = packages.package_versions(fake, ["postfix", "exim4", "x1"])
    assert found == {"postfix": "3.7.11-0+deb12u1"}


def test_lists_are_fetched_only_for_unknown_packages(fake: FakeMachine) -> None:
    """A known candidate is installed at once."""
    fake.on_command(["apt-cache"], Completed(0, POLICY.format("3.7.11"), ""))
    packages.install_packages(fake, ["postfix"])
    fake.on_command(["apt-cache"], Completed(0, POLICY.format("(none)"), ""))
    packages.install_packages(fake, ["postfix"])
    assert apt_verbs(fake) == ["install", "update", "install"]


def test_a_failure_has_apts_own_words(fake: FakeMachine) -> None:
    """The admin sees what apt saw."""
    fake.on_command(["apt-cache"], Completed(0, POLICY.format("3.7.11"), ""))
    fake.on_command(APT, Completed(100, "", "E: Unable to fetch some archives"))
    with pytest.raises(CommandFailed, match="Unable to fetch"):
        packages.install_packages(fake, ["postfix"])


def test_nothing_is_removed_for_what_is_installed(fake: FakeMachine) -> None:
    """Postfix would silently take the place of Exim."""
    fake.on_command(["apt-cache"], Completed(0, POLICY.format("3.7.11"), ""))
    packages.install_packages(fake, ["postfix"])
    asked = [args[0] for name, args in fake.calls if name == "run" and args[0][:3] == APT]
    assert all("--no-remove" in argv for argv in asked)
    assert asked


@pytest.mark.parametrize("name", ["-o", "postfix-", "a b", "A", "../x.deb", "a*"])
def test_a_name_is_never_an_option(fake: FakeMachine, name: str) -> None:
    """Nothing is asked of apt for what is no package's name."""
    with pytest.raises(MachineError, match="not the name"):
        packages.install_packages(fake, [name])
    assert apt_verbs(fake) == []
