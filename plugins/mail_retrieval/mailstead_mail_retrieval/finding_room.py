"""Find out which mailboxes have room; see `room`."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from mailstead.plugin import Context, Machine, MachineError
from mailstead_mail_retrieval.room import has_room, largest_message, terms
from mailstead_mail_retrieval.usage import usage_of
from mailstead_mail_smtp.addresses import room
from mailstead_users.directory import Directory

BELIEVED = 30 * 86400  # seconds until a mailbox is looked at again


@attrs.frozen
class Look:
    """What was found out about a mailbox; ``trouble`` says why nothing was."""

    address: str
    has_room: bool
    trouble: MachineError | None = None


def find_room(context: Context, machine: Machine, directory: Directory) -> Iterator[Look]:
    """Look at the mailboxes of which nothing is known."""
    now, last = machine.now(), ""
    with directory.write() as connection:
        room.forget_closed(connection)
    while True:
        with directory.read() as connection:
            found = room.to_look_at(connection, terms(context), now - BELIEVED, last)
        if not found:
            return
        last = found[-1]
        yield from (_look_at(context, machine, directory, name) for name in found)


def _look_at(context: Context, machine: Machine, directory: Directory, address: str) -> Look:
    look = _look(context, machine, address)
    if look.has_room:
        with directory.write() as connection:
            room.remember(connection, address, terms(context), machine.now())
        # What came meanwhile may have filled it, and Dovecot told it before it was known.
        look = _look(context, machine, address)
    if not look.has_room:
        with directory.write() as connection:
            room.forget(connection, address)
    return look


def _look(context: Context, machine: Machine, address: str) -> Look:
    try:
        usage = usage_of(context, machine, address)
    except MachineError as error:
        return Look(address, has_room=False, trouble=error)
    return Look(address, has_room(usage, largest_message(context)))
