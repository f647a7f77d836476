"""What became of a run of Fetchmail, in plain words: EXIT CODES in fetchmail(1)."""

from __future__ import annotations

import re

from mailstead.plugin import Completed, MachineError

FETCHED, NOTHING_NEW = 0, 1
RUNS_ALREADY = 8
LIMIT_REACHED = 13
LONGEST = 300
_PASSED_OVER = "continuing anyways."
# Then it goes on to tell of a connection that was never made, and of a file that does not exist.
_LOOKUP = re.compile(r"\bgetaddrinfo\([^)]*\) error: (.*?)( \w+ connection to \S+ failed: .*)?$")
_IS_FULL = re.compile(r"\b[45]\.2\.2\b")
CIRCLE = "mail goes round in a circle: this account brought the message here before"
_FULL = "the mailbox here is full"
_NOT_TAKEN = "the mailbox here does not take the mail"
_SAYS: tuple[tuple[str, str], ...] = (
    (r"Cannot load verify locations", "the file fetchmail.options.ca cannot be read here"),
    (r"Connection refused", "the server refuses connections on this port"),
    (r"(?i)name resolution|name or service not known|nodename nor servname|no address associated",
     "there is no server of this name, or names cannot be looked up now"),
    (r"Network is unreachable|No route to host", "the server cannot be reached"),
    (r"(?i)self[- ]signed", "the server's certificate is self-signed and not trusted"),
    (r"(?i)certificate has expired", "the server's certificate has expired"),
    (r"(?i)Server CommonName mismatch|certificate subject|hostname mismatch|does not match",
     "the server's certificate is for another name"),
    (r"(?i)unable to get (?:local )?issuer|certificate verif|unable to verify",
     "the server's certificate is signed by nobody who is trusted"),
    (r"(?i)upgrade to TLS failed|STARTTLS|opportunistic|not? support.{0,20}TLS|TLS is mandatory",
     "the server does not offer TLS, which is asked for"),
    (r"(?i)SSL connection failed|wrong version number|SSL_connect",
     "the server does not speak TLS on this port as asked for"),
    (r"(?i)timeout after|timed out", "the server did not answer in time"),
    (r"(?i)Authorization failure|Login incorrect|AUTHENTICATIONFAILED|Authentication failed",
     "the server does not accept this account name and password"),
    (r"(?i)lock busy|\[IN-USE\]", "the account is in use by another program; it is tried again"),
)  # fmt: skip
_STATUSES = {
    2: "the connection to the server failed",
    3: "the server does not accept this account name and password",
    4: "the server answered in a way that is not understood",
    5: "Fetchmail does not understand what it was told",
    7: "the server closed the connection or refused access",
    9: "the account is in use by another program; it is tried again",
    10: "the mailbox here does not take the mail; it stays on the server",
    11: "there is no server of this name, or names cannot be looked up now",
    14: "the server is busy; it is tried again",
}


def went_well(done: Completed | MachineError) -> bool:
    """Tell whether a run ended its session with the server as it should."""
    return isinstance(done, Completed) and done.status in (FETCHED, NOTHING_NEW, LIMIT_REACHED)


def error_of(done: Completed | MachineError, refusal: str = "") -> str:
    """Tell what went wrong in a run, or "".

    ``refusal`` is what Dovecot said when it did not take a message.
    """
    if refusal:
        if refusal == CIRCLE:
            return f"{CIRCLE}; it stays on the server"
        words = _FULL if _IS_FULL.search(refusal) else _NOT_TAKEN
        return f"{words}; the mail stays on the server: {refusal}"[:LONGEST]
    if went_well(done):
        return ""
    if isinstance(done, MachineError):
        return done.problem + (f"; {done.hint}" if done.hint else "")
    return _words(done)


def _words(done: Completed) -> str:
    # What was warned of and then passed over is not what went wrong.
    own = " ".join(done.stderr.rpartition(_PASSED_OVER)[2].replace("fetchmail: ", "").split())
    own = _LOOKUP.sub(r"\1", own)
    said = next((words for pattern, words in _SAYS if re.search(pattern, own)), "")
    words = said or _STATUSES.get(done.status, f"Fetchmail failed with status {done.status}")
    return f"{words}: {own}"[:LONGEST] if own else words
