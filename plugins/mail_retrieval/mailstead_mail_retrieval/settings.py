"""What an admin can set about mail retrieval."""

from __future__ import annotations

from mailstead.plugin import field, form


@form(title="Retrieval services")
class Services:
    """Which ports are open. Passwords are taken inside TLS only, on each of them."""

    pop3: bool = field(default=True, help="POP3 with STARTTLS, port 110")
    pop3s: bool = field(default=True, help="POP3 inside TLS, port 995")
    imap: bool = field(default=True, help="IMAP with STARTTLS, port 143")
    imaps: bool = field(default=True, help="IMAP inside TLS, port 993")
