"""What Postfix asks the directory, in SQL; it writes quoted parts of an address in each query.

sqlite_table(5): ``%s`` is the whole key, ``%u`` and ``%d`` what is left and right of its last @;
a query with one that is missing is not made. Keys come in lower-case. An address is looked up at
the domain that its own is an alias of. What belongs to a domain that is no longer managed finds
nothing, so that its mail can go to wherever that domain is now.

Each message is worth several queries, and Postfix prepares each anew, which takes longer than
running it: what is asked for every message is short, and speaks of no feature that nobody uses.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

_ACCOUNT_DOMAIN = "JOIN domains ON domains.name = accounts.domain"
# Where the domain of table {} has a catch-all, the address that its copies go to: below COPIES,
# so that postfix.copies takes them. It names the domain: address extensions are put in what is
# left of an @, and must not change where a copy goes.
COPIES = "catch-all.invalid"  # RFC 2606: nobody's
_COPY = f"copy@' || {{0}}.name || '.{COPIES}'"
# What is found is one value to Postfix, a list.
_WITH_COPY = f" || CASE WHEN {{0}}.catch_all <> '' THEN ',{_COPY} ELSE '' END"
_WITHOUT = ""
_ALIAS_DOMAIN = "JOIN domains ON domains.name = aliases.domain"
LISTED = "reject_unlisted_sender"
CLOSED = "550 5.2.1 this mailbox takes no mail"
UNREACHED = "550 5.1.1 this address reaches nobody now"
ROUTES = ("accounts", "aliases", "roles", "default_mailbox")
COPY_ROUTES = ("copies", *(f"uncopied_{name}" for name in ROUTES))
LOOKUPS = (
    "domains", "mailboxes", *ROUTES, "catch_all", "senders", "own_domains", "closed", *COPY_ROUTES
)  # fmt: skip
ROLES = ("postmaster", "abuse")  # RFC 5321 section 4.5.1, RFC 2142 sections 2 and 4


@attrs.frozen
class Used:
    """Features of domains that somebody uses; a query speaks of no other.

    Attributes:
        aliases: there are aliases of domains.
        catch_alls: a domain has a catch-all.
    """

    aliases: bool = True
    catch_alls: bool = True


@attrs.frozen
class _Key:
    """A key in SQL: its domain, where it is one of ours, and the address at that."""

    aliases: bool

    @property
    def home(self) -> str:
        return self._real("'%d'")

    @property
    def address(self) -> str:
        return f"'%u@' || {self.home}"

    @property
    def at_domain(self) -> str:
        """Of a key that is a domain alone: @example.org; another could look like one inside."""
        return self._real("substr('%s', 2)") + " AND '%s' LIKE '@%%'"

    def _real(self, part: str) -> str:
        known = f"SELECT domain FROM domain_aliases WHERE name = {part}"
        return f"coalesce(({known}), {part})" if self.aliases else part


def queries(
    postmaster: str, ours: str = "", root: str = "", used: Used | None = None
) -> Mapping[str, str]:
    """Give each lookup by the name of its file; ``postmaster`` gets the mail for `ROLES`.

    ``ours`` is the address in a domain of ours that ``postmaster`` leads to. While nobody has it,
    its mail goes to ``root``: to ``postmaster`` it would go round, and nobody would hear of it.
    Who does not say what is ``used`` gets what serves all.

    Those of `ROUTES` say where mail for an address goes; the first that knows it is obeyed. They
    add the domain's catch-all, which costs no query of its own. Those of `COPY_ROUTES` do the same
    for a copy, and add nothing: a copy is not copied.
    """
    used = used or Used()
    key = _Key(used.aliases)
    role = _of_role(postmaster, ours, root)
    uncopied = _routes(key, role, _WITHOUT)
    return {
        **(_routes(key, role, _WITH_COPY) if used.catch_alls else uncopied),
        **{f"uncopied_{name}": query for name, query in uncopied.items()},
        "domains": _managed("name", "name = '%s'", used),
        "mailboxes": "SELECT maildir FROM accounts WHERE address = '%s'",
        # Asked for each sender: by the whole address, for which there is one query, not two.
        "catch_all": (
            f"SELECT '{_COPY.format('domains')} FROM domains WHERE name = {key.home} "
            "AND catch_all <> '' AND '%u' <> ''"
        ),
        # Of a key such as @example.org.catch-all.invalid, or the same without @: access(5).
        "copies": (
            f"SELECT catch_all FROM domains WHERE '%s' LIKE '%%.{COPIES}' "
            f"AND name = ltrim(replace('%s', '.{COPIES}', ''), '@') AND catch_all <> ''"
        ),
        "senders": (
            f"SELECT address FROM accounts {_ACCOUNT_DOMAIN} WHERE address = {key.address} "
            "UNION ALL "
            f"SELECT account FROM aliases {_ALIAS_DOMAIN} WHERE address = {key.address}"
        ),
        "own_domains": _managed(f"'{LISTED}'", "name = '%d'", used),
        "closed": (
            f"SELECT '{CLOSED}' FROM accounts {_ACCOUNT_DOMAIN} WHERE address = {key.address} "
            f"AND refuses_mail UNION ALL SELECT '{CLOSED}' FROM aliases {_ALIAS_DOMAIN} "
            "JOIN accounts ON accounts.address = aliases.account "
            f"WHERE aliases.address = {key.address} AND refuses_mail "
            # Else the domain's default mailbox would get its mail.
            f"UNION ALL SELECT '{UNREACHED}' FROM aliases {_ALIAS_DOMAIN} "
            f"WHERE aliases.address = {key.address} AND NOT EXISTS ({_aliases(key, _WITHOUT)})"
        ),
    }


def _managed(found: str, condition: str, used: Used) -> str:
    """Give what is found where a domain is managed, or an alias of one."""
    tables = ("domains", "domain_aliases") if used.aliases else ("domains",)
    return " UNION ALL ".join(f"SELECT {found} FROM {table} WHERE {condition}" for table in tables)


def _routes(key: _Key, role: tuple[str, str], copy: str) -> dict[str, str]:
    of_domain, of_home = copy.format("domains"), copy.format("home")
    target, is_role = role
    return {
        # An account is found as itself, or its mail would go to the domain's default mailbox.
        "accounts": (
            f"SELECT address{of_domain} FROM accounts {_ACCOUNT_DOMAIN} "
            f"WHERE address = {key.address}"
        ),
        "aliases": _aliases(key, of_domain),
        "roles": f"SELECT {target}{of_domain} FROM domains WHERE name = {key.home} AND {is_role}",
        "default_mailbox": (
            f"SELECT address{of_home} FROM domains home "
            f"JOIN accounts ON address = home.default_mailbox {_ACCOUNT_DOMAIN} "
            f"WHERE home.name = {key.at_domain} AND NOT refuses_mail"
        ),
    }


def _aliases(key: _Key, copy: str) -> str:
    found = f"FROM aliases {_ALIAS_DOMAIN}"
    of_group = f"{found} JOIN group_accounts USING (group_id)"
    live = "JOIN domains live ON live.name = accounts.domain"
    this = f"WHERE aliases.address = {key.address}"
    return (
        f"SELECT external{copy} {found} {this} AND external IS NOT NULL "
        f"UNION ALL SELECT account{copy} {found} "
        f"JOIN accounts ON accounts.address = aliases.account {live} {this} "
        f"UNION ALL SELECT group_accounts.account{copy} {of_group} "
        f"JOIN accounts ON accounts.address = group_accounts.account {live} {this} "
        "AND NOT refuses_mail"
    )


def _of_role(postmaster: str, ours: str, root: str) -> tuple[str, str]:
    """Give what mail for a role goes to, and what tells that it is for one."""
    names = ", ".join(f"'{name}'" for name in ROLES)
    target, is_role = _text(postmaster), f"'%u' IN ({names})"
    if not ours:
        return target, is_role
    is_ours = f"'%u@' || name = {_text(ours)}"
    return f"CASE WHEN {is_ours} THEN {_text(root)} ELSE {target} END", f"({is_role} OR {is_ours})"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''").replace("%", "%%") + "'"
