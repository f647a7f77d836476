"""What a running Postfix makes of many addresses: a recipient, and an alias just added."""

from __future__ import annotations

import random
import smtplib
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.addresses import PER_DOMAIN, domain_name, fill, local_part
from bench.generated import Generated
from mailstead.engine import Engine
from mailstead_mail_smtp.addresses.aliases import alias_account
from mailstead_users.directory import Directory
from mailstead_users.opening import open_directory

RUNS = 25  # after 100 messages begun and not sent, Postfix waits a second: in_flow_delay
LONGEST = 60.0


def lookup_costs(folder: Path, *sizes: int) -> Iterator[str]:
    """Give lines: milliseconds from RCPT TO to its answer, for each number of accounts."""
    title = "addresses in a running Postfix (hoped: 1000 for an alias)"
    yield f"{title:<58} {'median':>8} {'worst':>8}"
    for number, accounts in enumerate(sizes):
        place = Generated(folder / f"lookups{number}", "127.61.7.6", 22700, [])
        try:
            with _directory(place) as directory:
                fill(directory, accounts)
                yield _line(f"a recipient among {accounts}", _recipients(place, accounts))
                yield _line(f"an alias added among {accounts}", _aliases(place, directory))
        finally:
            place.stop()


@contextmanager
def _directory(place: Generated) -> Iterator[Directory]:
    with Engine.open(place.folder) as engine, open_directory(engine.context("running")) as found:
        yield found


def _recipients(place: Generated, accounts: int) -> Iterator[float]:
    chosen = random.Random(1)  # noqa: S311 - addresses to ask for
    for _ in range(RUNS):
        number = chosen.randrange(accounts)
        address = f"{local_part(number)}@{domain_name(number // PER_DOMAIN)}"
        with _session(place) as client:
            begun = time.monotonic()
            if client.rcpt(address)[0] != 250:  # noqa: PLR2004 - RFC 5321
                raise RuntimeError(f"{address} is not known")
            yield time.monotonic() - begun


def _aliases(place: Generated, directory: Directory) -> Iterator[float]:
    """Ask from the moment on that the change is made."""
    account = f"{local_part(0)}@{domain_name(0)}"
    for number in range(RUNS):
        address = f"one-more-{number}@{domain_name(0)}"
        with _session(place) as client:
            with directory.write() as connection:
                alias_account(connection, address, account)
            begun = time.monotonic()
            while client.rcpt(address)[0] != 250:  # noqa: PLR2004 - RFC 5321
                if time.monotonic() - begun > LONGEST:
                    raise RuntimeError(f"{address} is not seen")
            yield time.monotonic() - begun


@contextmanager
def _session(place: Generated) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(*place.place, timeout=LONGEST) as client:
        client.ehlo("client.example")
        client.mail("load@elsewhere.example")
        yield client


def _line(name: str, seconds: Iterator[float]) -> str:
    spent = [item * 1000 for item in seconds]
    return f"{name:<58} {statistics.median(spent):8.1f} {max(spent):8.1f}"
