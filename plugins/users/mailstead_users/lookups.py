"""What the IMAP server asks the directory, in SQL; it writes a quoted login for ``%u``.

https://doc.dovecot.org/2.3/configuration_manual/authentication/sql/
"""

from __future__ import annotations

QUOTA = "'*:bytes=' || l.quota"  # nothing where the login has no quota of its own


def passdb_query(homes: str) -> str:
    """Give the query for a login's password, home and quota; who is disabled has no row.

    ``homes`` is the real folder below which the homes of all logins lie.
    """
    return (
        f"SELECT l.login AS user, u.password AS password, '{homes}/' || l.home AS userdb_home, "  # noqa: S608 - a path of ours
        f"{QUOTA} AS userdb_quota_rule "
        "FROM logins l JOIN users u ON u.id = l.user_id WHERE l.login = '%u' "
        "AND u.enabled = 1 AND l.enabled = 1"
    )


def userdb_query(homes: str) -> str:
    """Give the query for a login's home and quota; a disabled user still receives mail."""
    return (
        f"SELECT l.login AS user, '{homes}/' || l.home AS home, "  # noqa: S608 - a path of ours
        f"{QUOTA} AS quota_rule "
        "FROM logins l WHERE l.login = '%u'"
    )
