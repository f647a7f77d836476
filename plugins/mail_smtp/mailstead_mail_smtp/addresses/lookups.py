"""What Postfix asks the directory, in SQL; it writes quoted parts of an address in each query.

sqlite_table(5): ``%s`` is the whole key, ``%u`` and ``%d`` what is left and right of its last @;
a query with one that is missing is not made. Keys come in lower-case. An address is looked up at
the domain that its own is an alias of. What belongs to a domain that is no longer managed finds
nothing, so that its mail can go to wherever that domain is now.
"""

from __future__ import annotations

from collections.abc import Mapping

_MANAGED = "(SELECT name FROM domains UNION ALL SELECT name FROM domain_aliases)"
# The one address a key stands for, if its domain is managed.
_KEY = (
    "WITH k(address) AS ("
    "SELECT '%u@' || name FROM domains WHERE name = '%d' UNION ALL "
    "SELECT '%u@' || domain FROM domain_aliases WHERE name = '%d')"
)
_DOMAIN_OF_KEY = (
    "coalesce((SELECT domain FROM domain_aliases WHERE name = substr('%s', 2)), substr('%s', 2))"
)
_ALIAS = "FROM k JOIN aliases USING (address)"
_LIVE = "JOIN domains ON domains.name = accounts.domain"
CLOSED = "550 5.2.1 this mailbox takes no mail"
LOOKUPS = (
    "domains", "mailboxes", "aliases", "roles", "default_mailbox", "catch_all", "senders", "closed"
)  # fmt: skip
ROLES = ("postmaster", "abuse")  # RFC 5321 section 4.5.1, RFC 2142 sections 2 and 4


def queries(postmaster: str) -> Mapping[str, str]:
    """Give each lookup by the name of its file; ``postmaster`` gets the mail for `ROLES`."""
    return {
        "domains": (
            "SELECT name FROM domains WHERE name = '%s' UNION ALL "
            "SELECT name FROM domain_aliases WHERE name = '%s'"
        ),
        "mailboxes": "SELECT maildir FROM accounts WHERE address = '%s'",
        "aliases": _aliases(),
        "roles": _roles(postmaster),
        "default_mailbox": (
            "SELECT address FROM domains home JOIN accounts ON address = home.default_mailbox "
            f"{_LIVE} WHERE '%s' LIKE '@_%%' AND home.name = {_DOMAIN_OF_KEY}"
        ),
        "catch_all": (
            "SELECT catch_all FROM domains "
            f"WHERE catch_all IS NOT NULL AND '%s' LIKE '@_%%' AND name = {_DOMAIN_OF_KEY}"
        ),
        "senders": (
            f"{_KEY} SELECT address FROM k JOIN accounts USING (address) UNION ALL "
            f"SELECT account {_ALIAS} WHERE account IS NOT NULL"
        ),
        "closed": (
            f"{_KEY} SELECT '{CLOSED}' FROM k JOIN accounts USING (address) WHERE refuses_mail "
            f"UNION ALL SELECT '{CLOSED}' {_ALIAS} "
            "JOIN accounts ON accounts.address = aliases.account WHERE refuses_mail"
        ),
    }


def _aliases() -> str:
    # An account is found as itself, or its mail would go to the domain's default mailbox.
    to_account = "JOIN accounts ON accounts.address = aliases.account"
    to_group = (
        "JOIN group_accounts USING (group_id) "
        "JOIN accounts ON accounts.address = group_accounts.account"
    )
    return (
        f"{_KEY} SELECT address FROM k JOIN accounts USING (address) "
        f"UNION ALL SELECT external {_ALIAS} WHERE external IS NOT NULL "
        f"UNION ALL SELECT account {_ALIAS} {to_account} {_LIVE} "
        f"UNION ALL SELECT group_accounts.account {_ALIAS} {to_group} {_LIVE} "
        "WHERE NOT refuses_mail"
    )


def _roles(postmaster: str) -> str:
    names = ", ".join(f"'{name}'" for name in ROLES)
    target = postmaster.replace("'", "''").replace("%", "%%")
    return f"SELECT '{target}' FROM {_MANAGED} WHERE name = '%d' AND '%u' IN ({names})"
