"""How the parts of an external account are written."""

from __future__ import annotations

import re
from typing import Any

from mailstead.plugin import InvalidValue, types

WHERE = "external"
PORTS = {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995}
PROTOCOLS = tuple(PORTS)
# Fetchmail's own buffers hold no more of it: USERNAMELEN in its fetchmail.h.
LONGEST_LOGIN = 128  # bytes
LOGIN = types.text(
    LONGEST_LOGIN,
    r"[^\s\x00-\x20\x7f][^\x00-\x1f\x7f]*(?<!\s)",
    "an account such as ada or ada@example.org, at most 128 bytes, no spaces at its ends",
)
PASSWORD = types.field_type_of(types.Secret)
LONGEST_PASSWORD = 255  # bytes
LONGEST_QUOTE = 60
HOST = types.field_type_of(types.HostName)
ADDRESS = types.field_type_of(types.IPAddress)
PORT = types.field_type_of(types.Port)
SERVER_HINT = "accepted: a host name such as imap.example.org, or an address"
PORT_HINT = "give its name alone, and the port with --port"
_WITH_PORT = re.compile(r"[^:]+:[0-9]+|\[[^]]*\](:[0-9]+)?")


def parse_protocol(raw: str) -> str:
    """Read a protocol. Raises InvalidValue."""
    name = raw.lower() if raw.isascii() else raw
    if name not in PORTS:
        hint = f"accepted: {', '.join(PROTOCOLS)}"
        raise InvalidValue(f"{raw!r} is not a protocol", where=f"{WHERE}.protocol", hint=hint)
    return name


def is_address(server: str) -> bool:
    """Tell whether a server is given by its address rather than by its name."""
    last = server.rpartition(".")[2]
    return ":" in server or (last.isascii() and last.isdigit())


def parse_server(raw: str) -> str:
    """Read the name or address of a server, in canonical form. Raises InvalidValue."""
    where = f"{WHERE}.server"
    if "/" in raw:
        problem = f"{raw[:LONGEST_QUOTE]!r} is not the name of a server but of a place there"
        raise InvalidValue(problem, where=where, hint=SERVER_HINT)
    if _WITH_PORT.fullmatch(raw):
        problem = f"{raw[:LONGEST_QUOTE]!r} is more than the name of a server"
        raise InvalidValue(problem, where=where, hint=PORT_HINT)
    grammar = ADDRESS if is_address(raw) else HOST
    return str(_parse(grammar, raw, "server", SERVER_HINT))


def parse_port(raw: int | str) -> int:
    """Read a port. Raises InvalidValue."""
    return int(_parse(PORT, raw, "port"))


def parse_login(raw: str) -> str:
    """Read the name of an account elsewhere. Raises InvalidValue."""
    login = str(_parse(LOGIN, raw, "login"))
    if len(login.encode()) > LONGEST_LOGIN:
        raise InvalidValue("is too long", where=f"{WHERE}.login", hint=f"accepted: {LOGIN.accepts}")
    return login


def parse_password(raw: types.Secret) -> types.Secret:
    """Read a password; no error quotes it. Raises InvalidValue."""
    hint = f"accepted: 1 to {LONGEST_PASSWORD} bytes without control characters"
    size = len(raw.reveal().encode(errors="surrogatepass"))
    if not 1 <= size <= LONGEST_PASSWORD:
        problem = "the password is too long" if size else "the password is empty"
        raise InvalidValue(problem, where=f"{WHERE}.password", hint=hint)
    password: types.Secret = _parse(PASSWORD, raw, "password", hint)
    return password


def _parse(grammar: types.FieldType, raw: object, name: str, hint: str = "") -> Any:
    try:
        return grammar.parse(raw)
    except ValueError as error:
        where, step = f"{WHERE}.{name}", hint or f"accepted: {grammar.accepts}"
        raise InvalidValue(str(error), where=where, hint=step) from None
