"""What Postfix asks the directory, in SQL; it writes quoted parts of an address in each query.

sqlite_table(5): ``%s`` is the whole key, ``%u`` and ``%d`` what is left and right of its last @;
a query with one that is missing is not made. Keys come in lower-case. An address is looked up at
the domain that its own is an alias of. What belongs to a domain that is no longer managed finds
nothing, so that its mail can go to wherever that domain is now.
"""

from __future__ import annotations

from collections.abc import Mapping

# The one address a key stands for, and its domain, if that is managed.
_KEY = (
    "WITH k(address, domain) AS ("
    "SELECT '%u@' || name, name FROM domains WHERE name = '%d' UNION ALL "
    "SELECT '%u@' || domain, domain FROM domain_aliases WHERE name = '%d')"
)
# The domain of a key that is one alone: @example.org.
_DOMAIN_KEY = (
    "WITH k(domain) AS ("
    "SELECT name FROM domains WHERE name = substr('%s', 2) AND '%s' LIKE '@%%' UNION ALL "
    "SELECT domain FROM domain_aliases WHERE name = substr('%s', 2) AND '%s' LIKE '@%%')"
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
        "default_mailbox": _with_copy(
            _DOMAIN_KEY,
            "SELECT address FROM k JOIN domains home ON home.name = k.domain "
            f"JOIN accounts ON address = home.default_mailbox {_LIVE}",
        ),
        "catch_all": (
            f"{_DOMAIN_KEY} SELECT catch_all FROM k JOIN domains ON name = domain "
            "WHERE catch_all IS NOT NULL"
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
    return _with_copy(
        _KEY,
        "SELECT address FROM k JOIN accounts USING (address) "
        f"UNION ALL SELECT external {_ALIAS} WHERE external IS NOT NULL "
        f"UNION ALL SELECT account {_ALIAS} {to_account} {_LIVE} "
        f"UNION ALL SELECT group_accounts.account {_ALIAS} {to_group} {_LIVE} "
        "WHERE NOT refuses_mail",
    )


def _roles(postmaster: str) -> str:
    names = ", ".join(f"'{name}'" for name in ROLES)
    target = postmaster.replace("'", "''").replace("%", "%%")
    return _with_copy(_KEY, f"SELECT '{target}' FROM k WHERE '%u' IN ({names})")


def _with_copy(key: str, routes: str) -> str:
    """Add the domain's catch-all to what a key leads to, if it leads anywhere.

    A copy by recipient_bcc_maps(5) would carry NOTIFY=NONE: nobody would hear that it bounced.
    """
    return (
        f"{key}, r(target) AS ({routes}) SELECT target FROM r "
        "UNION ALL SELECT catch_all FROM k JOIN domains ON name = k.domain "
        "WHERE catch_all IS NOT NULL AND EXISTS (SELECT 1 FROM r)"
    )
