"""Programs edit scripts by ManageSieve: two clients, inside TLS alone, within limits."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import managesieve
import pytest
from sievelib.managesieve import Client

from tests.system.conftest import Site, new_site
from tests.system.raw import Raw
from tests.system.sandbox import PASSWORD, trust
from tests.system.sieving import ADA, FAR, FRIEND, arrived, left, send, went_out
from tests.system.watch import run_quickly, try_quickly

FILES = 'require ["fileinto", "mailbox"];\r\nfileinto :create "By program";\r\n'
LIMITS = ("scripts=3", "storage=20K", "script=10K")


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with sieve and narrow limits."""
    with new_site() as made:
        made.sandbox.run("enable", "sieve", "--yes")
        made.sandbox.run("settings", "set", "sieve.limits", *LIMITS)
        made.sandbox.run("save")
        yield made


@contextmanager
def sievelib_client(place: Site) -> Iterator[Client]:
    """Log ada in by sievelib's client."""
    client = Client(place.sandbox.address, place.sandbox.port(4190))
    with mock.patch.object(ssl, "create_default_context", trust):
        assert client.connect(ADA, PASSWORD, starttls=True, authmech="PLAIN")
    yield client
    client.logout()
    client.sock.close()


@contextmanager
def connected(place: Site) -> Iterator[Any]:
    """Connect the client of PyPI's managesieve, inside TLS."""
    client = managesieve.MANAGESIEVE(
        place.sandbox.address, place.sandbox.port(4190), use_tls=True, tls_verify=False, timeout=20
    )
    yield client
    client.sock.sslobj.close()


@contextmanager
def other_client(place: Site) -> Iterator[Any]:
    """Log ada in by it."""
    with connected(place) as client:
        assert client.login("", ADA, PASSWORD) == "OK"
        yield client
        client.logout()


def scripts(place: Site) -> dict[str, bool]:
    """Give ada's scripts as the command sees them."""
    rows = run_quickly(place.sandbox, "--json", "sieve", "list", ADA).json
    return {row["script"]: row["active"] for row in rows}


def test_what_is_uploaded_by_sievelib_runs_and_is_seen_by_commands(place: Site) -> None:
    """And what commands make is seen by it."""
    with sievelib_client(place) as client:
        assert client.checkscript(FILES)
        assert not client.checkscript("bogus;")
        assert client.putscript("büro", FILES)
        assert client.setactive("büro")
        assert scripts(place) == {"büro": True}
        shown = run_quickly(place.sandbox, "--json", "sieve", "show", ADA, "büro").json["text"]
        assert shown == FILES
        run_quickly(place.sandbox, "sieve", "deactivate", ADA)
        run_quickly(place.sandbox, "rule", "add", ADA, "x", "--always", "--keep")
        assert client.listscripts() == ("mailstead", ["büro"])
        assert "# Filter: x" in client.getscript("mailstead")
        assert client.setactive("büro")
        assert client.deletescript("mailstead")
        assert not client.putscript("bad", "bogus;")
    send(place, FRIEND, ADA, "filed")
    arrived(place, ADA, "By program", "filed")


def test_what_is_uploaded_cannot_forward_where_the_policy_forbids(place: Site) -> None:
    """Neither with a sender nor without one; the mail is kept."""
    run_quickly(place.sandbox, "settings", "set", "sieve.options", "forwarding=own")
    place.sandbox.run("save")
    with sievelib_client(place) as client:
        tricks = f'require "variables"; set "x" "{FAR}"; redirect "${{x}}"; redirect "{FAR}";'
        assert client.putscript("leak", tricks)
        assert client.setactive("leak")
    send(place, FRIEND, ADA, "secret")
    send(place, "", ADA, "notification")
    for subject in ("secret", "notification"):
        arrived(place, ADA, "INBOX", subject)
        assert not left(place, subject)
    run_quickly(place.sandbox, "settings", "set", "sieve.options", "forwarding=allowed")
    place.sandbox.run("save")
    send(place, FRIEND, ADA, "let go")
    went_out(place, "let go")
    run_quickly(place.sandbox, "sieve", "deactivate", ADA)
    run_quickly(place.sandbox, "--yes", "sieve", "delete", ADA, "leak")


def test_another_client_does_the_same(place: Site) -> None:
    """Put, list, get, activate, delete."""
    with other_client(place) as client:
        assert client.putscript("other", FILES) == "OK"
        assert ("other", False) in client.listscripts()[1]
        assert client.getscript("other")[1] == FILES
        assert client.setactive("other") == "OK"
        assert scripts(place)["other"]
        assert client.setactive("") == "OK"
        assert client.putscript("bad", "bogus;") == "NO"
        for name in scripts(place):
            assert client.deletescript(name) == "OK"
    assert scripts(place) == {}


def test_limits_hold_for_programs_and_commands_alike(place: Site) -> None:
    """How many scripts, how many bytes of all, how many of one; none of a megabyte."""
    large, huge = (f"# {'x' * size}\nkeep;\n" for size in (9000, 1 << 20))
    refused = ("sieve", "put", ADA)
    with other_client(place) as client:
        assert client.putscript("huge", huge) == "NO"
        assert "script.text" in try_quickly(place.sandbox, *refused, "huge", typed=huge).stderr
        assert client.putscript("a", large) == "OK"
        run_quickly(place.sandbox, *refused, "b", typed=large)
        assert client.putscript("c", large) == "NO"
        assert "sieve.limits.storage" in try_quickly(
            place.sandbox, *refused, "c", typed=large
        ).stderr  # fmt: skip
        assert client.putscript("c", "keep;") == "OK"
        assert client.putscript("d", "keep;") == "NO"
        assert "sieve.limits.scripts" in try_quickly(
            place.sandbox, *refused, "d", typed="keep;"
        ).stderr  # fmt: skip
        run_quickly(place.sandbox, *refused, "c", typed="discard;")
        assert sorted(scripts(place)) == ["a", "b", "c"]
        for name in "abc":
            assert client.deletescript(name) == "OK"


def test_a_password_is_taken_inside_tls_alone(place: Site) -> None:
    """Not before STARTTLS, and what comes in the clear behind it ends the connection."""
    with Raw.to(place.sandbox, 4190) as client:
        greeting = answer(client)
        assert b'"SASL" ""' in greeting
        client.send(b'AUTHENTICATE "PLAIN" "AGFkYUBleGFtcGxlLm9yZwB4"\r\n')
        assert answer(client)[-1].startswith(b"NO")
        client.send(b"STARTTLS\r\n")
        assert answer(client)[-1].startswith(b"OK")
        client.start_tls()
        assert answer(client)[-1].startswith(b"OK")
        client.send(b"LOGOUT\r\n")
        assert answer(client)[-1].startswith(b"OK")
    with Raw.to(place.sandbox, 4190) as client:
        answer(client)
        client.send(b"STARTTLS\r\nLISTSCRIPTS\r\n")
        assert answer(client)[-1].startswith(b"OK")
        assert client.pending == b""
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.start_tls()


def answer(client: Raw) -> list[bytes]:
    """Give the lines of an answer."""
    lines = [client.line()]
    while lines[-1] and not lines[-1].startswith((b"OK", b"NO", b"BYE")):
        lines.append(client.line())
    return lines


def test_a_wrong_password_is_refused(place: Site) -> None:
    """As by IMAP."""
    with connected(place) as client:
        assert client.login("", ADA, "wrong") == "NO"


def test_client_settings_name_it(place: Site) -> None:
    """Port, security and user."""
    rows = run_quickly(place.sandbox, "--json", "client-settings", ADA).json
    found = next(row for row in rows if row["protocol"] == "managesieve")
    assert (found["port"], found["security"], found["user"]) == (
        place.sandbox.port(4190), "STARTTLS", ADA
    )  # fmt: skip
