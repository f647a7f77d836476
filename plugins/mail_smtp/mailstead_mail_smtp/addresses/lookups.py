"""What Postfix asks the directory, in SQL; it writes quoted parts of an address in each query.

sqlite_table(5): ``%s`` is the whole key, ``%u`` and ``%d`` what is left and right of its last @;
a query with one that is missing is not made. Keys come in lower-case. An address is looked up at
the domain that its own is an alias of. What belongs to a domain that is no longer managed finds
nothing, so that its mail can go to wherever that domain is now.

Each message is worth several queries, and Postfix prepares each anew, which takes longer than
running it: what is asked for every message is short.
"""

from __future__ import annotations

from collections.abc import Mapping

# The domain of a key, where it is one of ours, and the address at it; {} is a part of the key.
_REAL = "coalesce((SELECT domain FROM domain_aliases WHERE name = {0}), {0})"
_HOME = _REAL.format("'%d'")
_ADDRESS = f"'%u@' || {_HOME}"
# A key that is a domain alone: @example.org. Another could look like one from its second letter on.
_AT_DOMAIN = _REAL.format("substr('%s', 2)") + " AND '%s' LIKE '@%%'"
_ACCOUNT_DOMAIN = "JOIN domains ON domains.name = accounts.domain"
# With what is found goes a copy to the domain's catch-all; a list is one value to Postfix.
_COPY = "coalesce(',' || {}.catch_all, '')"
_ALIAS_DOMAIN = "JOIN domains ON domains.name = aliases.domain"
LISTED = "reject_unlisted_sender"
CLOSED = "550 5.2.1 this mailbox takes no mail"
LOOKUPS = (
    "domains", "mailboxes", "accounts", "aliases", "roles", "default_mailbox", "catch_all",
    "senders", "own_domains", "closed",
)  # fmt: skip
ROUTES = ("accounts", "aliases", "roles", "default_mailbox")
ROLES = ("postmaster", "abuse")  # RFC 5321 section 4.5.1, RFC 2142 sections 2 and 4


def queries(postmaster: str) -> Mapping[str, str]:
    """Give each lookup by the name of its file; ``postmaster`` gets the mail for `ROLES`.

    Those of `ROUTES` say where mail for an address goes; the first that knows it is obeyed. They
    add the domain's catch-all: a copy by recipient_bcc_maps(5) would carry NOTIFY=NONE, and
    nobody would hear that it bounced.
    """
    return {
        "domains": (
            "SELECT name FROM domains WHERE name = '%s' UNION ALL "
            "SELECT name FROM domain_aliases WHERE name = '%s'"
        ),
        "mailboxes": "SELECT maildir FROM accounts WHERE address = '%s'",
        # An account is found as itself, or its mail would go to the domain's default mailbox.
        "accounts": (
            f"SELECT address || {_COPY.format('domains')} FROM accounts {_ACCOUNT_DOMAIN} "
            f"WHERE address = {_ADDRESS}"
        ),
        "aliases": _aliases(),
        "roles": _roles(postmaster),
        "default_mailbox": (
            f"SELECT address || {_COPY.format('home')} FROM domains home "
            f"JOIN accounts ON address = home.default_mailbox {_ACCOUNT_DOMAIN} "
            f"WHERE home.name = {_AT_DOMAIN}"
        ),
        "catch_all": f"SELECT catch_all FROM domains WHERE name = {_AT_DOMAIN}",
        "senders": (
            f"SELECT address FROM accounts {_ACCOUNT_DOMAIN} WHERE address = {_ADDRESS} UNION ALL "
            f"SELECT account FROM aliases {_ALIAS_DOMAIN} WHERE address = {_ADDRESS}"
        ),
        "own_domains": (
            f"SELECT '{LISTED}' FROM domains WHERE name = '%d' UNION ALL "
            f"SELECT '{LISTED}' FROM domain_aliases WHERE name = '%d'"
        ),
        "closed": (
            f"SELECT '{CLOSED}' FROM accounts {_ACCOUNT_DOMAIN} WHERE address = {_ADDRESS} "
            f"AND refuses_mail UNION ALL SELECT '{CLOSED}' FROM aliases {_ALIAS_DOMAIN} "
            "JOIN accounts ON accounts.address = aliases.account "
            f"WHERE aliases.address = {_ADDRESS} AND refuses_mail"
        ),
    }


def _aliases() -> str:
    copy = _COPY.format("domains")
    found = f"FROM aliases {_ALIAS_DOMAIN}"
    of_group = f"{found} JOIN group_accounts USING (group_id)"
    live = "JOIN domains live ON live.name = accounts.domain"
    key = f"WHERE aliases.address = {_ADDRESS}"
    return (
        f"SELECT external || {copy} {found} {key} AND external IS NOT NULL "
        f"UNION ALL SELECT account || {copy} {found} "
        f"JOIN accounts ON accounts.address = aliases.account {live} {key} "
        f"UNION ALL SELECT group_accounts.account || {copy} {of_group} "
        f"JOIN accounts ON accounts.address = group_accounts.account {live} {key} "
        "AND NOT refuses_mail"
    )


def _roles(postmaster: str) -> str:
    names = ", ".join(f"'{name}'" for name in ROLES)
    target = postmaster.replace("'", "''").replace("%", "%%")
    return (
        f"SELECT '{target}' || {_COPY.format('domains')} FROM domains "
        f"WHERE name = {_HOME} AND '%u' IN ({names})"
    )
