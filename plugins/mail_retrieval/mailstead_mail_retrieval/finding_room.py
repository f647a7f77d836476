"""Find out which mailboxes have room; see `room`."""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Context, Machine, MachineError
from mailstead_mail_retrieval.room import has_room, largest_message, terms
from mailstead_mail_retrieval.usage import usage_of
from mailstead_mail_smtp.addresses import room
from mailstead_users.directory import Directory

BELIEVED = 30 * 86400  # seconds until a mailbox is looked at again


def find_room(context: Context, machine: Machine, directory: Directory) -> Iterator[str]:
    """Look at the mailboxes of which nothing is known; gives those that have room."""
    now, last = machine.now(), ""
    with directory.write() as connection:
        room.forget_closed(connection)
    while True:
        with directory.read() as connection:
            found = room.to_look_at(connection, terms(context), now - BELIEVED, last)
        if not found:
            return
        last = found[-1]
        yield from (name for name in found if _look_at(context, machine, directory, name))


def _look_at(context: Context, machine: Machine, directory: Directory, address: str) -> bool:
    if not _has_room(context, machine, address):
        with directory.write() as connection:
            room.forget(connection, address)
        return False
    with directory.write() as connection:
        room.remember(connection, address, terms(context), machine.now())
    # What came meanwhile may have filled it, and Dovecot told it before it was known.
    if _has_room(context, machine, address):
        return True
    with directory.write() as connection:
        room.forget(connection, address)
    return False


def _has_room(context: Context, machine: Machine, address: str) -> bool:
    try:
        usage = usage_of(context, machine, address)
    except MachineError:
        return False
    return has_room(usage, largest_message(context))
