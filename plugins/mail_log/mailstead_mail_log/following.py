"""Staying with the logs: read on every second, forget what is old every hour."""

from __future__ import annotations

from collections.abc import Callable

from mailstead.plugin import Context, Machine, MailsteadError
from mailstead_mail_log.reading import catch_up
from mailstead_mail_log.settings import Options
from mailstead_mail_log.store import LogStore

SECONDS = 1.0
HOUR = 3600.0
DAY = 86400.0
PATIENCE = 30.0  # seconds to wait after an error


def follow(
    context: Callable[[], Context], machine: Machine, store: LogStore, tell: Callable[[str], None]
) -> None:
    """Read on until the process is ended; ``context`` gives the settings as they are now."""
    pruned = 0.0
    while True:
        try:
            now = context()
            catch_up(now, machine, store)
            if machine.now() - pruned >= HOUR:
                prune(now, machine, store)
                pruned = machine.now()
            machine.sleep(SECONDS)
        except MailsteadError as error:
            tell(str(error))
            machine.sleep(PATIENCE)


def prune(context: Context, machine: Machine, store: LogStore) -> None:
    """Forget what is older than the settings say, a part at a time."""
    before = machine.now() - context.settings.form(Options).days * DAY
    more = True
    while more:
        with store.write():
            more = store.prune(before)
