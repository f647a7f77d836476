"""Handing a message to another mail server as a client, step by step: RFC 5321, 3207, 4954."""

from __future__ import annotations

import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from mailstead.machine.conversation import Submission, SubmissionStep


def submit(submission: Submission, *, timeout: float) -> tuple[SubmissionStep, ...]:
    """Take the steps until one fails; ``timeout`` is for each answer, in seconds."""
    return tuple(_Attempt(submission, timeout).steps())


_CONTINUE, _AUTHENTICATED = 334, 235
_DONE = range(200, 300)
_NO_LOGIN = "it offers no login here (AUTH): log in at another port, inside TLS, or not at all"
_NEXT: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, "nothing listens there; see whether name and port are right"),
    (TimeoutError, "nobody answers; see whether name and port are right, and open in firewalls"),
    (socket.gaierror, "see whether the name is right, and whether this machine has a resolver"),
)


class _Attempt:
    def __init__(self, submission: Submission, timeout: float) -> None:
        self.submission = submission
        self.timeout = timeout
        self.client = smtplib.SMTP()  # connects in the first step

    def steps(self) -> Iterator[SubmissionStep]:
        """Take each step; gives it with the server's words."""
        try:
            for title, call in self._plan():
                step = _take(title, call, self._place)
                yield step
                if not step.is_done:
                    return
        finally:
            with suppress(smtplib.SMTPException, OSError):
                self.client.quit()
            self.client.close()

    @property
    def _place(self) -> str:
        host = self.submission.host
        return f"{f'[{host}]' if ':' in host else host}:{self.submission.port}"

    def _plan(self) -> Iterator[tuple[str, Callable[[], str]]]:
        wanted = self.submission
        if wanted.tls == "implicit":
            yield "connect inside TLS", self._connect_in_tls
        else:
            yield "connect", self._connect
        yield "greet", self._greet
        if wanted.tls == "required" or (
            wanted.tls == "opportunistic" and self.client.has_extn("starttls")
        ):
            yield "STARTTLS", self._start_tls
        if wanted.user:
            yield "log in", self._log_in
        if wanted.recipient:
            yield f"send a message to {wanted.recipient}", self._send

    def _connect(self) -> str:
        wanted = self.submission
        self.client = smtplib.SMTP(
            wanted.host, wanted.port, timeout=self.timeout, local_hostname=wanted.hello
        )
        return "connected"

    def _connect_in_tls(self) -> str:
        wanted, context = self.submission, self._trust()
        self.client = smtplib.SMTP_SSL(
            wanted.host, wanted.port, timeout=self.timeout, local_hostname=wanted.hello,
            context=context,
        )  # fmt: skip
        return f"connected ({self._tls_version()})"

    def _greet(self) -> str:
        self.client.ehlo_or_helo_if_needed()
        return (self.client.ehlo_resp or b"").decode(errors="replace").splitlines()[0]

    def _start_tls(self) -> str:
        said = _said(self.client.starttls(context=self._trust()))
        self.client.ehlo()
        return f"{said} ({self._tls_version()})"

    def _log_in(self) -> str:
        if not (isinstance(self.client.sock, ssl.SSLSocket) or self.submission.clear_password):
            raise smtplib.SMTPNotSupportedError("no TLS: the password is not sent in the clear")
        user, password = (
            text.encode() for text in (self.submission.user, self.submission.password)
        )
        offered = self.client.esmtp_features.get("auth", "").upper().split()
        # Not smtplib's login, which knows ASCII alone: RFC 4616 has UTF-8.
        if "PLAIN" in offered:
            return self._authenticate(f"PLAIN {_base64(bytes(1) + user + bytes(1) + password)}")
        if "LOGIN" in offered:
            return self._authenticate("LOGIN", _base64(user), _base64(password))
        known = f"it offers no login we know: {' '.join(offered)}"
        raise smtplib.SMTPNotSupportedError(known if offered else _NO_LOGIN)

    def _authenticate(self, *words: str) -> str:
        command, *answers = words
        code, said = self.client.docmd("AUTH", command)
        for answer in answers:
            if code != _CONTINUE:
                break
            code, said = self.client.docmd(answer)
        if code in _DONE and code != _AUTHENTICATED:
            # smtp-sink(1) and other servers for tests say so to anything.
            answered = f"it takes no logins: it answered AUTH with {_said((code, said))!r}, not 235"
            raise smtplib.SMTPNotSupportedError(answered)
        if code != _AUTHENTICATED:
            raise smtplib.SMTPAuthenticationError(code, said)
        return _said((code, said))

    def _send(self) -> str:
        message = EmailMessage()
        message["From"], message["To"] = self.submission.sender, self.submission.recipient
        message["Subject"] = f"Test of {self.submission.host} by {self.submission.hello}"
        message["Date"], message["Message-ID"] = (
            formatdate(),
            make_msgid(domain=self.submission.hello),
        )
        message.set_content("This message proves that mail can be sent this way.\n")
        self.client.send_message(message)
        return "accepted"

    def _trust(self) -> ssl.SSLContext:
        if self.submission.tls == "opportunistic":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        return ssl.create_default_context(cafile=self.submission.ca)

    def _tls_version(self) -> str:
        found = self.client.sock.version() if isinstance(self.client.sock, ssl.SSLSocket) else ""
        return found or "no TLS"


def _take(title: str, call: Callable[[], str], place: str) -> SubmissionStep:
    try:
        return SubmissionStep(title, True, call())
    except smtplib.SMTPRecipientsRefused as error:
        return SubmissionStep(title, False, _said(next(iter(error.recipients.values()))))
    except smtplib.SMTPResponseException as error:
        return SubmissionStep(title, False, _said((error.smtp_code, error.smtp_error)))
    except ssl.SSLCertVerificationError as error:
        return SubmissionStep(
            title, False, f"its certificate is not trusted: {error.verify_message}"
        )
    except (smtplib.SMTPException, ValueError) as error:  # the first is an OSError, too
        return SubmissionStep(title, False, str(error) or type(error).__name__)
    except OSError as error:
        return SubmissionStep(title, False, f"{place}: {_plain(error)}")


def _plain(error: OSError) -> str:
    """Say what the system says, without its number, and what to do next."""
    if isinstance(error, ssl.SSLError):
        if error.reason == "WRONG_VERSION_NUMBER":
            return "it does not begin with TLS; see whether the port is that of implicit TLS"
        return str(error)
    words = error.strerror or str(error) or type(error).__name__
    hint = next((words for kind, words in _NEXT if isinstance(error, kind)), "")
    return f"{words[0].lower()}{words[1:]}{f': {hint}' if hint else ''}"


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _said(reply: tuple[int, bytes | str]) -> str:
    code, words = reply
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text.split())}"
