"""Tests of `mailstead why`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstead.cli.why import why
from mailstead.engine import Engine
from mailstead.settings.cells import Actor
from mailstead.testing import fake
from mailstead.transaction.request import Request
from tests.core.cli.showing import shown, shown_json
from tests.core.cli.test_main import instance, mailstead
from tests.plugins.four import four_modules

__all__ = ["instance"]
MAIN = "/etc/postfix/main.cf"
DOVECOT = "/etc/dovecot/mailstead.d/mail_retrieval.conf"


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Give an engine with the four first-party modules; ann named the host."""
    with four_modules() as made:
        made.editor.set_form("network.host", {"hostname": "mx"}, Actor("ann", "web"))
        assert made.save(Request(comment="a better name")).outcome == "committed"
        yield made


def place(engine: Engine, path: str, text: str) -> str:
    """Give FILE:LINE of the line that begins so."""
    lines = fake(engine).read_file(engine.instance.path(path)).decode().split("\n")
    number = next(n for n, line in enumerate(lines, 1) if line.strip().startswith(text))
    return f"{path}:{number}"


def test_a_line_is_told_with_module_setting_revision_and_author(engine: Engine) -> None:
    """And with what is at its default."""
    words = shown(engine, why, place(engine, MAIN, "myhostname ="))
    assert "myhostname = mx.sandbox.test" in words
    assert "belongs to mail_smtp: names this server" in words
    rows = [line.split() for line in words.splitlines() if line.startswith("  network.")]
    assert ["network.host.hostname", "mx", "set", "2", "ann"] == rows[0][:5]
    assert ["web", "a", "better", "name"] == rows[0][-4:]
    assert ["network.host.domain", "-", "default"] == rows[1][:3]
    assert "is there through" not in words


def test_a_contributed_line_names_its_module(engine: Engine) -> None:
    """The LMTP line of Postfix is there through mail_retrieval, which was enabled first."""
    data = shown_json(engine, why, place(engine, MAIN, "virtual_transport ="))
    assert ("mail_smtp", ["mail_retrieval"]) == (data["module"], data["via"])
    (setting,) = data["settings"]
    assert ("module mail_retrieval enabled", 1) == (
        setting["setting"], setting["saved"]["revision"]
    )  # fmt: skip
    assert "through mail_retrieval" in shown(engine, why, place(engine, MAIN, "virtual_transport"))


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (MAIN, "mynetworks =", ["mail_smtp.relay"]),
        (MAIN, "smtpd_tls_chain_files =", ["mail_smtp.tls"]),
        (MAIN, "biff =", ["module mail_smtp enabled"]),
        (DOVECOT, "port = 10993", ["mail_retrieval.services.imaps"]),
        (DOVECOT, "ssl_cert =", ["mail_smtp.tls"]),
        ("/etc/dovecot/dovecot.conf", "protocols =", ["mail_retrieval.services"]),
        ("/etc/postfix/master.cf", "127.0.0.1:10025", ["network.service_addresses[smtp]"]),
    ],
)
def test_the_settings_behind_lines_of_mail(
    engine: Engine, path: str, text: str, expected: list[str]
) -> None:
    """Set or not; nothing perhaps."""
    data = shown_json(engine, why, place(engine, path, text))
    assert expected == [item["setting"] for item in data["settings"]]
    assert [] == data["perhaps"]


def test_a_member_of_an_object_is_found_in_mynetworks(engine: Engine) -> None:
    """By way of the policy that lets the object send."""
    engine.editor.add_row("network.objects", {"name": "office"}, engine.actor)
    values = {"object": "office", "name": "pc", "address": "192.0.2.7"}
    engine.editor.add_row("network.members", values, engine.actor)
    engine.editor.add_row("mail_smtp.relay", {"object": "office"}, engine.actor)
    engine.save()
    data = shown_json(engine, why, place(engine, MAIN, "mynetworks ="))
    found = {item["setting"]: item["value"] for item in data["settings"]}
    assert {"mail_smtp.relay[office].allow": True, "network.members[office/pc].address":
            "192.0.2.7"} == found  # fmt: skip


def test_a_fact_is_told(engine: Engine) -> None:
    """The number of a system user is the machine's."""
    words = shown(engine, why, place(engine, MAIN, "virtual_uid_maps ="))
    assert "Facts of this machine behind it: vmail_ids." in words


def test_a_line_written_by_hand_is_said_to_be(engine: Engine) -> None:
    """With what stands there otherwise."""
    real = engine.instance.path(MAIN)
    content = fake(engine).read_file(real).replace(b"biff = no", b"biff = yes")
    fake(engine).add_file(real, content)
    words = shown(engine, why, place(engine, MAIN, "biff ="))
    assert "written by hand, not by Mailstead" in words
    assert "Mailstead would write here:\n  biff = no\n" in words
    assert "myhostname" in shown(engine, why, place(engine, MAIN, "myhostname ="))


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("/etc/postfix/main.cf", "FILE:LINE"),
        ("/etc/postfix/main.cf:1", "mail_smtp, which is not enabled"),
        ("/etc/postfix/man.cf:1", "/etc/postfix/main.cf"),
        ("/etc/passwd:1", "no file of a module"),
    ],
)
def test_bad_input_is_refused_with_status_2(instance: Path, word: str, named: str) -> None:
    """With the nearest name or the next step."""
    done = mailstead("why", word, instance=instance)
    assert (2, True) == (done.returncode, named in done.stderr), done.stderr
