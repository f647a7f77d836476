"""What lines of the logs become in the table. Each is used once; order within a log is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from mailstead.plugin import Context, Machine
from mailstead_mail_log import lines
from mailstead_mail_log.events import event_of, kind_of
from mailstead_mail_log.places import DOVECOT_LOG, POSTFIX_LOG
from mailstead_mail_log.sources import left_off, new_pieces
from mailstead_mail_log.store import LogStore
from mailstead_mail_smtp.addresses.lookups import COPIES
from mailstead_mail_smtp.postfix.filters import NONE, chosen_filter
from mailstead_mail_smtp.settings import DomainAliases, Domains, Filter, Options
from mailstead_network.names import find_fqdn

FILTERED = "filter"
REMOTE = ("smtp", "lmtp", "relay")


def catch_up(context: Context, machine: Machine, store: LogStore) -> int:
    """Read the logs on to their ends; gives how many lines were read."""
    count = 0
    reader = Reader(store, managed_domains(context), filter_place(context))
    for name, read in ((POSTFIX_LOG, reader.postfix), (DOVECOT_LOG, reader.dovecot)):
        while True:
            # Whoever else catches up waits here, and then finds how far this one came.
            with store.write():
                piece = next(new_pieces(context, machine, store, name), None)
                if piece is None:
                    break
                read(piece.lines, machine.now())
                left_off(store, piece)
            count += len(piece.lines)
    return count


def managed_domains(context: Context) -> frozenset[str]:
    """Give the domains that are managed now, their aliases, and the names of this machine."""
    domains = (row.name for row in context.settings.rows(Domains))
    aliases = (row.name for row in context.settings.rows(DomainAliases))
    own = (find_fqdn(context), context.settings.form(Options).mailname, "localhost")
    return frozenset((*domains, *aliases, *(name.lower() for name in own if name)))


def filter_place(context: Context) -> str:
    """Give the filter that mail passes through now, as the end of a relay has it; or nothing."""
    is_used = context.settings.form(Filter).use != NONE
    chosen = chosen_filter(context) if is_used else None
    return f"[{chosen.address}]:{chosen.port}" if chosen and chosen.port else ""


@attrs.frozen
class Reader:
    """Puts lines into the table, within a transaction.

    Attributes:
        managed: see `managed_domains`.
        filter: see `filter_place`.
    """

    store: LogStore
    managed: frozenset[str]
    filter: str = ""

    def postfix(self, texts: Iterable[str], now: float) -> None:
        """Use lines of mail.log."""
        for text in texts:
            line = lines.postfix_line(text, now)
            if line is not None:
                self._use(line)

    def dovecot(self, texts: Iterable[str], now: float) -> None:
        """Use lines of dovecot.log."""
        for text in texts:
            found = lines.wrong_login(text, now)
            if found is not None:
                values = (found.at, found.account, found.client, found.reason)
                insert = "INSERT INTO logins (at, account, client, reason) VALUES (?, ?, ?, ?)"
                self.store.run(insert, values)

    def _use(self, line: lines.Line) -> None:
        if line.queue_id:
            self._step(line)
        if rejected := lines.reject_of(line.text):
            self._rejected(line, rejected)
        elif delivered := lines.delivery_of(line.text):
            self._delivered(line, delivered)
        elif end := lines.end_of(line):
            self._ended(line, end)
        elif line.text.startswith("warning: ") and line.queue_id:
            self._too_large(line)
        else:
            self._learn(line)

    def _learn(self, line: lines.Line) -> None:
        """Use what a line tells of a message before its end."""
        if client := lines.client_of(line.text):
            self._message(
                line, client_ip=client["ip"], client_name=client["name"],
                login=client["login"] or "", parent=client["parent"] or "",
            )  # fmt: skip
        elif sender := lines.sender_of(line.text):
            self._message(line, sender=sender["sender"], size=int(sender["size"]))
        elif local := lines.local_sender_of(line.text):
            self._picked_up(line, local)
        elif (message_id := lines.message_id_of(line.text)) is not None:
            self._message(line, message_id=message_id)
        elif notice := lines.notice_of(line.text):
            told = attrs.evolve(line, queue_id=notice)
            self._message(told, parent=line.queue_id)

    def _step(self, line: lines.Line) -> None:
        values = (line.queue_id, line.at, line.program.removeprefix("postfix/"), line.text)
        self.store.run(
            "INSERT INTO steps (queue_id, at, program, text) VALUES (?, ?, ?, ?)", values
        )

    def _message(self, line: lines.Line, **values: str | int) -> None:
        """Learn something of a message."""
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        changes = ", ".join(f"{name} = excluded.{name}" for name in values)
        self.store.run(
            f"INSERT INTO messages (queue_id, at, {names}) VALUES (:queue_id, :at, {marks}) "  # noqa: S608 - names are ours
            f"ON CONFLICT (queue_id) DO UPDATE SET {changes}",
            {"queue_id": line.queue_id, "at": line.at, **values},
        )

    def _delivered(self, line: lines.Line, found: re.Match[str]) -> None:
        if found["status"] == "sent" and found["recipient"].endswith(f".{COPIES}"):
            self._handed_on(line.queue_id, found["recipient"])
            return
        program = line.program.rpartition("/")[2]
        if program == "local" and (new := lines.forwarded_as(found["text"])):
            self._goes_on(attrs.evolve(line, queue_id=new), line.queue_id)
            self._handed_on(line.queue_id, found["recipient"])
            return
        known = self._known(line.queue_id)
        is_remote = program in REMOTE and "private/" not in found["relay"]
        self._entry({
            **known, "at": line.at, "queue_id": line.queue_id, "recipient": found["recipient"],
            "original": found["orig"] or "", "relay": found["relay"], "status": found["status"],
            "event": event_of(found["status"], found["text"], is_ours=not is_remote),
            "kind": FILTERED if self._is_filtered(found) else self._kind(
                str(known["sender"]), found["recipient"], found["orig"] or ""
            ),
            "text": found["text"],
        })  # fmt: skip

    def _is_filtered(self, found: re.Match[str]) -> bool:
        """Tell whether the filter has a message now, which comes back under another queue id."""
        at_filter = bool(self.filter) and found["relay"].endswith(self.filter)
        return at_filter and found["status"] == "sent"

    def _handed_on(self, queue_id: str, recipient: str) -> None:
        """Leave out a way within this server: what becomes of it has an entry of its own."""
        gone = "DELETE FROM entries WHERE queue_id = ? AND recipient = ?"
        self.store.run(gone, (queue_id, recipient))

    def _picked_up(self, line: lines.Line, found: re.Match[str]) -> None:
        """Begin a message; a requeued one goes on from the one it was, and what waited of that."""
        self._message(line, sender=found["sender"])
        if old := found["old"]:
            self._goes_on(line, old)
            self.store.run("DELETE FROM entries WHERE queue_id = ? AND status = 'deferred'", (old,))

    def _goes_on(self, line: lines.Line, old: str) -> None:
        """Let a message be the same that had another queue id, from the same client."""
        known = self._known(old)
        client = {name: known[name] or "" for name in ("client_ip", "client_name", "login")}
        self._message(line, parent=old, **client)

    def _ended(self, line: lines.Line, status: str) -> None:
        """Close what still waited; why it did stays."""
        update = "UPDATE entries SET status = ?, at = ? WHERE queue_id = ? AND status = 'deferred'"
        self.store.run(update, (status, line.at, line.queue_id))

    def _rejected(self, line: lines.Line, found: re.Match[str]) -> None:
        known = self._known(line.queue_id) if line.queue_id else dict(_UNKNOWN)
        sender = found["sender"] if found["sender"] is not None else str(known["sender"])
        recipient = found["recipient"] or ""
        self._entry({
            **known, "at": line.at, "queue_id": line.queue_id, "recipient": recipient,
            "original": "", "relay": "", "status": "rejected", "sender": sender,
            "client_ip": found["ip"], "client_name": found["name"],
            "event": event_of("rejected", found["text"], is_ours=True),
            "kind": self._kind(sender, recipient), "text": found["text"],
        })  # fmt: skip

    def _too_large(self, line: lines.Line) -> None:
        known = self._known(line.queue_id)
        self._entry({
            **known, "at": line.at, "queue_id": line.queue_id, "recipient": "", "original": "",
            "relay": "", "status": "rejected", "event": "maxmsgsize", "kind": "unknown",
            "text": line.text,
        })  # fmt: skip

    def _kind(self, sender: str, recipient: str, original: str = "") -> str:
        """Tell a message's direction; a copy for a catch-all is told by its way: docs/adr/0017."""
        if any(address.lower().endswith(f".{COPIES}") for address in (recipient, original)):
            return "copy"
        return kind_of(sender, recipient, self.managed)

    def _known(self, queue_id: str) -> dict[str, str | int | None]:
        columns = ", ".join(_UNKNOWN)
        select = f"SELECT {columns} FROM messages WHERE queue_id = ?"  # noqa: S608 - names are ours
        found = self.store.run(select, (queue_id,)).fetchone()
        return dict(found) if found else dict(_UNKNOWN)

    def _entry(self, values: dict[str, str | int | float | None]) -> None:
        """Add an entry; of one recipient of one message there is one, the latest."""
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        changes = ", ".join(f"{name} = excluded.{name}" for name in values)
        self.store.run(
            f"INSERT INTO entries ({names}) VALUES ({marks}) "  # noqa: S608 - names are ours
            "ON CONFLICT (queue_id, recipient, original) WHERE queue_id <> '' "
            f"DO UPDATE SET {changes}, attempts = attempts + 1",
            values,
        )


_UNKNOWN: dict[str, str | int | None] = {
    "message_id": "", "client_ip": "", "client_name": "", "login": "", "sender": "", "size": None,
}  # fmt: skip
