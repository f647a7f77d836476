"""A mail filter of an admin's own: takes mail by SMTP, adds a header, and gives it back.

Started as ``python header_filter.py ADDRESS PORT BACK_ADDRESS BACK_PORT``; it ends with SIGTERM.
"""

from __future__ import annotations

import asyncio
import smtplib
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HEADER = b"X-Filtered: yes\r\n"


class AddHeader:
    """Give each message back with a header before all others."""

    def __init__(self, own: str, address: str, port: int) -> None:
        self.own = own
        self.back = (address, port)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one message: it is accepted once Postfix has it again."""
        return await asyncio.to_thread(self._give_back, envelope)

    def _give_back(self, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        source = (self.own, 0)  # a program on another machine has its own address by itself
        try:
            with smtplib.SMTP(*self.back, timeout=20, source_address=source) as client:
                client.sendmail(envelope.mail_from or "", envelope.rcpt_tos, HEADER + content)
        except (smtplib.SMTPException, OSError):
            return "451 4.3.0 try again"  # Postfix keeps it
        return "250 2.0.0 filtered"


def main() -> None:
    """Serve until the process is ended."""
    address, port, back_address, back_port = sys.argv[1:]
    handler = AddHeader(address, back_address, int(back_port))
    Controller(handler, hostname=address, port=int(port)).start()
    asyncio.new_event_loop().run_forever()


if __name__ == "__main__":
    main()
