"""Open an instance's store, after recovery: what a killed save left is finished first.

Kept quick for the usual case: recovery is imported only when there is something to do.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mailstead.errors import Locked, StoreDamaged
from mailstead.instance import Instance
from mailstead.machine.base import Machine
from mailstead.settings.store import Store

if TYPE_CHECKING:
    from mailstead.journal.recover import Recovered
    from mailstead.settings.rescue import Rescued
    from mailstead.transaction.services import Controls


def open_recovered(
    machine: Machine, instance: Instance, controls: Controls, *, booting: bool = False
) -> tuple[Store, Recovered | None]:
    """Open the store. Raises InstanceError; StoreDamaged, once what can be undone is undone."""
    path = instance.state_path("state.db")
    try:
        store = Store.open(path)
    except StoreDamaged as error:
        raise _undone_without(machine, instance, controls, error, booting=booting) from error
    try:
        return store, _recover(machine, instance, controls, store, booting=booting)
    except StoreDamaged as error:
        store.close()
        raise _undone_without(machine, instance, controls, error, booting=booting) from error
    except BaseException:
        store.close()
        raise


def rebuild(machine: Machine, instance: Instance) -> Rescued:
    """Make the store anew of what can be read of it. Raises Locked, StoreDamaged."""
    from mailstead.settings.rescue import rescue

    with machine.lock(instance.state_path("lock")):
        return rescue(instance.state_path("state.db"))


def is_quiet(machine: Machine, instance: Instance, store: Store) -> bool:
    """Tell that no save is unfinished: two folders are empty and one query gives nothing."""
    if machine.list_directory(instance.state_path("staging")):
        return False
    return not machine.list_directory(instance.state_path("journal")) and not store.is_saving()


def _recover(
    machine: Machine, instance: Instance, controls: Controls, store: Store | None, *, booting: bool
) -> Recovered | None:
    if store is not None and is_quiet(machine, instance, store):
        return None
    from mailstead.journal.recover import Recovery

    recovery = Recovery(machine, instance, controls, store, booting=booting)
    if not recovery.is_due():
        return None
    # While another process saves there is nothing to recover: it is alive.
    with suppress(Locked), machine.lock(instance.state_path("lock")):
        return recovery.run()
    return None


def _undone_without(
    machine: Machine, instance: Instance, controls: Controls, error: StoreDamaged, *, booting: bool
) -> StoreDamaged:
    """Undo by the journal's files alone; gives the error with what became of that."""
    recovered = _recover(machine, instance, controls, None, booting=booting)
    problem = f"{error.problem}; {recovered}" if recovered else error.problem
    return StoreDamaged(problem, where=error.where, hint=error.hint)


def real_machine() -> Machine:
    """Give the machine this runs on."""
    from mailstead.machine.real import RealMachine

    return RealMachine()


def service_control(machine: Machine, instance: Instance) -> Controls:
    """Give how the daemons of an instance are controlled."""
    from mailstead.machine.services import service_for

    return lambda daemon: service_for(machine, instance, daemon)
