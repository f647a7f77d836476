"""Messages that a mail filter looks at: good, spam by Rspamd's rules, test files, attachments."""

from __future__ import annotations

import io
import tarfile
import zipfile
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import Parser
from email.utils import format_datetime

# Test strings that every filter knows; here in two parts, so that none finds them in this file.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-" + rb"TEST-FILE!$H+H*"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-" + "TEST-EMAIL*C.34X"
SENDER = "friend@elsewhere.example"
# Rspamd's own rules, without any look-up, give it about 10 points, and 4 if it is less.
SPAM = """\
From: "friend@bank.example" <friend@elsewhere.example>
To: {to}
Subject: {subject}
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8
X-PHP-Originating-Script: 33:evil.php
{more}
<html><body><a href="http://evil.example/">http://bank.example/login</a><img src="http://192.0.2.4/x.png"></body></html>
"""
DATE = format_datetime(datetime.now(UTC))  # what is old, or to come, has a score
DATED = f"Date: {DATE}\nMessage-ID: <dated@elsewhere.example>\n"


def plain(subject: str, text: str = "Shall we meet on Monday?\n", **headers: str) -> EmailMessage:
    """Give a good message."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = SENDER, "ada@example.org", subject
    made["Date"] = DATE
    made["Message-ID"] = f"<{subject.replace(' ', '.')}@elsewhere.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def attached(
    subject: str, name: str, content: bytes = b"MZ\x90\x00", kind: str = "application/octet-stream"
) -> EmailMessage:
    """Give a message with an attachment."""
    made = plain(subject)
    main, _, sub = kind.partition("/")
    made.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return made


def zipped(name: str, content: bytes, *, locked: bool = False) -> bytes:
    """Give an archive of one file; locked, it says that it has a password."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr(name, content)
    data = bytearray(archive.getvalue())
    if locked:
        data[6] |= 1  # in the file's header
        data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    return bytes(data)


def tarred(name: str, content: bytes) -> bytes:
    """Give a tar of one file."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as made:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        made.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def spam(subject: str = "=?utf-8?B?QlVZIFZJQUdSQSBOT1c=?=", *, less: bool = False) -> EmailMessage:
    """Give a message that Rspamd takes for spam, or only suspects."""
    to = "ada@example.org" if less else "undisclosed-recipients:;"
    text = SPAM.format(subject=subject, to=to, more=DATED if less else "")
    made = Parser(policy=policy.SMTP).parsestr(text)
    assert isinstance(made, EmailMessage)
    return made


def forwarded(inner: EmailMessage) -> EmailMessage:
    """Give a message that holds another one."""
    made = plain("forwarded")
    made.add_attachment(inner)
    return made


def named(header: str) -> bytes:
    """Give a message whose second part is named by a header line."""
    return (
        b"From: friend@elsewhere.example\r\nTo: ada@example.org\r\nSubject: named\r\n"
        + f"Date: {DATE}\r\nMessage-ID: <named@elsewhere.example>\r\n".encode()
        + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\n"
        + header.encode()
        + b"\r\nContent-Transfer-Encoding: base64\r\n\r\nTVqQAA==\r\n"  # it does not end
    )
