"""A Postfix that is all data: parameters and maps, over a fake machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailstead.machine.fake import FakeMachine
from mailstead.plugin import Completed, Path
from mailstead_mail_smtp.trace.answers import Outcome, unknown
from mailstead_mail_smtp.trace.live import Live
from mailstead_mail_smtp.trace.restrictions import Asked

FRIEND, ADA = "friend@elsewhere.example", "ada@example.org"
VALUES = {
    "mail_owner": "postfix", "mydestination": "mail.example.org, localhost",
    "virtual_mailbox_domains": "texthash:domains", "virtual_mailbox_maps": "texthash:mailboxes",
    "virtual_alias_maps": "texthash:aliases", "recipient_delimiter": "+",
    "mynetworks": "192.0.2.0/24, [2001:db8::]/32", "relay_domains_reject_code": "554",
    "reject_code": "554", "virtual_transport": "lmtp:unix:private/dovecot-lmtp",
    "default_transport": "smtp", "local_transport": "local:$myhostname",
    "non_fqdn_reject_code": "504", "unknown_virtual_mailbox_reject_code": "550",
}  # fmt: skip
MAPS = {
    "texthash:domains": {"example.org": "example.org"},
    "texthash:mailboxes": {ADA: "example.org/ada/Maildir/"},
    "texthash:aliases": {ADA: ADA},
}


class MapsMachine(FakeMachine):
    """A machine whose postmap looks in mappings; a map that is not among them is broken."""

    def __init__(self, maps: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__()
        self.maps = maps
        self.users["postfix"] = (101, 102)

    def run(
        self, argv: Sequence[str], *, timeout: float = 60.0, stdin: str = "",
        background_output: Path | None = None,
    ) -> Completed:  # fmt: skip
        """Answer postmap -q -."""
        super().run(argv, timeout=timeout, stdin=stdin, background_output=background_output)
        table = self.maps.get(argv[-1])
        if table is None:
            return Completed(1, "", f"postmap: fatal: open {argv[-1]}: No such file or directory\n")
        found = [f"{key}\t{table[key]}\n" for key in stdin.splitlines() if key in table]
        return Completed(0 if found else 1, "".join(found), "")


def live(maps: Mapping[str, Mapping[str, str]] = MAPS, **values: str) -> Live:
    """Give a service with parameters beside the usual ones."""
    return Live(MapsMachine({**MAPS, **maps}), Path("/etc/postfix"), "25", {**VALUES, **values})


def asked(
    service: Live, sender: str = FRIEND, recipient: str = ADA, client: str = "198.51.100.1",
    login: str = "",
) -> Asked:  # fmt: skip
    """Give a question; nobody knows foreign restrictions."""
    return Asked(service, client, login, sender, recipient, _unknown)


def _unknown(_: str) -> Outcome:
    return unknown("who knows")
