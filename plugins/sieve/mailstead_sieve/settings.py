"""What an admin can set about rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from mailstead.plugin import Context, Problem, field, form, types

SMALLEST, LARGEST = 1 << 10, 1 << 18


@form(title="Sieve rules")
class Options:
    """What users' rules may do, and what is done before them."""

    spam_to_junk: bool = field(
        default=True, help="mail that a filter marked as spam goes to Junk, before users' rules"
    )
    forwarding: Literal["allowed", "own", "never"] = field(
        default="allowed",
        help="where rules may forward mail: anywhere, to managed domains only, or nowhere",
    )
    redirects: Annotated[int, types.integer(1, 100)] = field(
        default=4, help="addresses that one message may be forwarded to"
    )
    actions: Annotated[int, types.integer(1, 1000)] = field(
        default=32, help="things that may be done to one message"
    )


@form(title="Limits of Sieve scripts")
class Limits:
    """How much each account may store, by ManageSieve and by commands alike."""

    scripts: Annotated[int, types.integer(1, 1000)] = field(
        default=30, help="scripts of each account"
    )
    storage: types.Size = field(default=1 << 20, help="bytes of all scripts of an account")
    script: types.Size = field(default=1 << 17, help="bytes of one script, at most 256K")


def problems(context: Context) -> Iterator[Problem]:
    """Give problems with the limits."""
    form = context.settings.form(Limits)
    if not SMALLEST <= form.script <= LARGEST:
        problem = f"{form.script} bytes are no limit for a script that people write"
        yield Problem("sieve.limits.script", problem, "give 1K to 256K")
    if form.storage < form.script:
        problem = "all scripts together could not hold one of the size that one may have"
        yield Problem("sieve.limits.storage", problem, f"give {form.script} or more")
