"""What the IMAP server asks the directory, in SQL; it writes a quoted login for ``%u``.

https://doc.dovecot.org/2.3/configuration_manual/authentication/sql/
"""

from __future__ import annotations


def passdb_query(homes: str) -> str:
    """Give the query for a login's password and home; a disabled user has no row.

    ``homes`` is the real folder below which the homes of all logins lie.
    """
    return (
        f"SELECT l.login AS user, u.password AS password, '{homes}/' || l.home AS userdb_home "  # noqa: S608 - a path of ours
        "FROM logins l JOIN users u ON u.id = l.user_id WHERE l.login = '%u' AND u.enabled = 1"
    )


def userdb_query(homes: str) -> str:
    """Give the query for a login's home; a disabled user still receives mail."""
    return (
        f"SELECT l.login AS user, '{homes}/' || l.home AS home "  # noqa: S608 - a path of ours
        "FROM logins l WHERE l.login = '%u'"
    )
