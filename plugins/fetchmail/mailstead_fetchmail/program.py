"""How Fetchmail is started: setpriv(1)."""

from __future__ import annotations


def command(ids: tuple[int, int]) -> tuple[str, ...]:
    """Give the command that polls what it reads, as the user with these ids."""
    # It ends when we do: two of one account would fetch the same mail.
    return (*as_user(*ids), "fetchmail", "--fetchmailrc", "-", "--nodetach", "--nosyslog")


def as_user(uid: int, gid: int) -> tuple[str, ...]:
    """Give the words before a command that let a user run it; it ends when we do."""
    return (
        "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs",
        "--reset-env", "--pdeathsig=TERM", "--",
    )  # fmt: skip
