"""Names of the DNS and of mail: RFC 1123 hosts, IDNA 2008 labels, RFC 5321 mailboxes.

The canonical form of a domain is lower-case A-labels, so that twins in case or in
internationalised spelling are one value and one key.
"""

from __future__ import annotations

import re

import attrs

from mailstead.settings.grammar import line_of, refusal

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# A last label like these makes inet_aton read the whole name as an IPv4 address.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
ATOM = r"[a-z0-9!#$%&*+/=?^_{|}~-]+"
LOCAL_PART = re.compile(rf"(?!-){ATOM}(\.{ATOM})*")
LONGEST_DOMAIN = 253
LONGEST_LOCAL_PART = 64
LONGEST_ADDRESS = 254


@attrs.frozen
class Domain:
    """A domain name; ``labels`` is how many parts it has at least."""

    labels: int = 2
    name: str = "domain name"
    accepts: str = "a domain name such as example.org"
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read a domain name."""
        text = line_of(raw, self.name, maximum=LONGEST_DOMAIN)
        ascii_form = text.lower() if text.isascii() else self._encode(text)
        labels = ascii_form.split(".")
        if problem := _problem_of(labels) or self._problem_of_size(ascii_form, labels):
            raise refusal(raw, self.name, problem)
        return ascii_form

    def _encode(self, text: str) -> str:
        import idna

        try:
            return idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower()
        except UnicodeError as error:
            raise refusal(text, self.name, _reason(error)) from None

    def _problem_of_size(self, text: str, labels: list[str]) -> str:
        if len(text) > LONGEST_DOMAIN:
            return f"it is longer than {LONGEST_DOMAIN} characters"
        if len(labels) < self.labels:
            return "it has no dot"
        return ""

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


def host() -> Domain:
    """Make the grammar of host names: a domain name of which one label is enough."""
    return Domain(labels=1, name="host name", accepts="a host name such as mail.example.org")


@attrs.frozen
class Mailbox:
    """A mail address: an RFC 5321 dot-string without quotes, at a domain."""

    name: str = "mail address"
    accepts: str = "a mail address such as ann@example.org"
    secret: bool = False

    def parse(self, raw: object) -> str:
        """Read a mail address."""
        text = line_of(raw, self.name, maximum=LONGEST_ADDRESS)
        local, at, domain = text.rpartition("@")
        if not at or not local.isascii() or not LOCAL_PART.fullmatch(local.lower()):
            raise refusal(raw, self.name, f"expected {self.accepts}")
        if len(local) > LONGEST_LOCAL_PART:
            raise refusal(raw, self.name, f"more than {LONGEST_LOCAL_PART} characters before the @")
        address = f"{local.lower()}@{Domain().parse(domain)}"
        if len(address) > LONGEST_ADDRESS:
            raise refusal(raw, self.name, f"it is longer than {LONGEST_ADDRESS} characters")
        return address

    def dump(self, value: str) -> str:
        """Give it as JSON holds it."""
        return value


def _problem_of(labels: list[str]) -> str:
    for label in labels:
        if not LABEL.fullmatch(label):
            return "a part of it is empty, too long, or has characters other than a-z 0-9 -"
        if label.startswith("xn--") and (problem := _problem_of_encoded(label)):
            return problem
    return "its last part is a number" if NUMBER.fullmatch(labels[-1]) else ""


def _problem_of_encoded(label: str) -> str:
    import idna

    try:
        same = idna.alabel(idna.ulabel(label)).decode("ascii") == label
    except UnicodeError as error:
        return _reason(error)
    return "" if same else f"{label} is not in canonical form"


def _reason(error: UnicodeError) -> str:
    # idna quotes code points as they are; escape them, since a message is shown on a terminal.
    return str(error).encode("ascii", "backslashreplace").decode("ascii")
