"""Tests of `mailstead.instance_file`, over a fake machine."""

from __future__ import annotations

import pytest

from mailstead.errors import InstanceError
from mailstead.instance import CONFIG, Instance
from mailstead.instance_file import check_arguments, make_folders, read_instance, write_instance
from mailstead.machine.fake import FakeMachine
from mailstead.machine.values import Path

PREFIX = Path("/srv/box")


def made(machine: FakeMachine, instance: Instance) -> FakeMachine:
    """Make an instance."""
    make_folders(machine, instance)
    write_instance(machine, instance)
    return machine


@pytest.mark.parametrize(
    "instance",
    [
        Instance(prefix=PREFIX),
        Instance(prefix=PREFIX, kind="sandbox", addresses=("127.0.0.1", "::1"), port_offset=9,
                 ports={"smtp": 2525}, outside="[::1]:25", soak=0.5),
    ],
)  # fmt: skip
def test_what_is_written_is_read_back(instance: Instance) -> None:
    """Every field."""
    assert read_instance(made(FakeMachine(), instance), PREFIX) == instance


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("format = 1", "format = 2", "format"),
        ('kind = "system"', 'kind = "cloud"', "cloud"),
        ("addresses = []", 'addresses = ["x"]', "'x'"),
        ("port_offset = 0", "port_offset = ", "line 4"),
        ("soak", "saok", "saok"),
        ('outside = ""', 'outside = "localhost:25"', "localhost:25"),
    ],
)
def test_a_wrong_file_is_refused_naming_file_and_what_is_wrong(
    old: str, new: str, named: str
) -> None:
    """With the next step."""
    machine = made(FakeMachine(), Instance(prefix=PREFIX))
    path = PREFIX / CONFIG.lstrip("/")
    text = machine.read_file(path).decode().replace(old, new, 1)
    machine.add_file(path, text.encode())
    with pytest.raises(InstanceError) as error:
        read_instance(machine, PREFIX)
    assert str(path) in str(error.value)
    assert named in str(error.value)


def test_an_instance_is_not_made_over_another() -> None:
    """Its daemons would go on under the old addresses; making the same again is no harm."""
    machine = made(FakeMachine(), Instance(prefix=PREFIX, port_offset=1))
    make_folders(machine, Instance(prefix=PREFIX, port_offset=1))
    with pytest.raises(InstanceError, match="other properties"):
        make_folders(machine, Instance(prefix=PREFIX, port_offset=2))


def test_a_folder_others_cannot_enter_is_refused() -> None:
    """The daemons' users must reach what lies below it."""
    machine = FakeMachine()
    machine.add_directory("/srv", mode=0o700)
    with pytest.raises(InstanceError, match="/srv: other users may not enter"):
        make_folders(machine, Instance(prefix=PREFIX))


def test_a_file_in_the_place_of_the_folder_is_refused() -> None:
    """By name."""
    machine = FakeMachine()
    machine.add_file("/srv", b"")
    with pytest.raises(InstanceError, match="/srv: it is not a folder"):
        make_folders(machine, Instance(prefix=PREFIX))


def test_only_root_makes_or_reads_an_instance() -> None:
    """Its daemons belong to root."""
    machine = FakeMachine()
    machine.root = False
    for act in (lambda: make_folders(machine, Instance(prefix=PREFIX)),
                lambda: read_instance(machine, PREFIX)):  # fmt: skip
        with pytest.raises(InstanceError, match="only root"):
            act()


@pytest.mark.parametrize("outside", ["x", "127.0.0.1:25", "[a]:25", "[127.0.0.1]:25 evil"])
def test_an_outside_that_is_no_address_and_port_is_refused(outside: str) -> None:
    """It becomes relayhost."""
    with pytest.raises(InstanceError):
        check_arguments(Instance(prefix=PREFIX, outside=outside))
