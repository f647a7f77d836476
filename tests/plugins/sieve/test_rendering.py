"""The files of sieve: golden, pure, and without effect on others while it is disabled."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import pytest

import mailstead_sieve
from mailstead.instance import Instance
from mailstead.plugin import Snippet
from mailstead_mail_retrieval import module as retrieval
from mailstead_mail_retrieval.clients import client_services
from mailstead_mail_smtp import module as postfix
from tests.plugins.contexts import SANDBOX, SYSTEM, bench, compare

GOLDEN = Path(__file__).parent / "golden"
THREE = ("network", "mail_smtp", "mail_retrieval")
WITH = (*THREE, "sieve")
OWN = "/etc/dovecot/mailstead.d/sieve.conf"
BEFORE = "/etc/dovecot/mailstead-before.sieve"
MASTER = "/etc/postfix/master.cf"


@pytest.mark.parametrize(("name", "instance"), [("sandbox", SANDBOX), ("system", SYSTEM)])
def test_golden_files(tmp_path: Path, name: str, instance: Instance) -> None:
    """Every file is as it was when a person last looked at it; rendered twice it is the same."""
    with bench(tmp_path, WITH) as made:
        made.set("sieve.options", forwarding="own")
        made.add("mail_smtp.domains", name="example.org")
        first = made.render("sieve", made.context(instance))
        assert first == made.render("sieve", made.context(instance))
    # Without what mail_retrieval adds to Postfix, which is not looked at here.
    (tmp_path / "2").mkdir()
    with bench(tmp_path / "2", ("network", "mail_smtp", "sieve")) as made:
        made.set("sieve.options", forwarding="own")
        master = made.render("mail_smtp", made.context(instance))[MASTER]
    _, heading, services = master.content.partition(b"# from sieve\n")
    part = attrs.evolve(master, content=heading + services)
    compare(GOLDEN, name, {**first, MASTER: part})


def test_every_rendered_file_is_in_the_manifest(tmp_path: Path) -> None:
    """An admin reads a reason for each."""
    text = Path(mailstead_sieve.__path__[0], "manifest.toml").read_text()
    with bench(tmp_path, WITH) as made:
        made.set("sieve.options", forwarding="never")
        paths = made.render("sieve", made.context())
    assert [path for path in paths if f'path = "{path}"' not in text] == []


def test_without_it_no_line_of_it_stands_in_a_file(tmp_path: Path) -> None:
    """Of Postfix's and Dovecot's."""
    with bench(tmp_path, THREE) as made:
        files = {
            **made.render("mail_smtp", made.context()),
            **made.render("mail_retrieval", made.context()),
        }
    here = sys.executable.encode()  # a path that tells nothing
    found = [path for path, it in files.items() if b"sieve" in it.content.replace(here, b"")]
    assert found == []


def test_managesieve_is_open_and_offered_while_it_is_switched_on(tmp_path: Path) -> None:
    """A port that is looked at before a save and asked after it; rules run without it."""
    daemon = retrieval.daemons[0]
    assert daemon.listens is not None
    assert daemon.probes is not None
    with bench(tmp_path, WITH) as made:
        on = made.context()
        sockets = {item.service: item for item in daemon.listens(on)}
        assert (sockets["sieve"].port, sockets["sieve"].address) == (24190, "127.7.8.9")
        assert postfix.daemons[0].listens is not None
        sending = {item.service: item.port for item in postfix.daemons[0].listens(on)}
        assert sending["postfix/sieve-sending"] == 30028
        assert "sieve answers" in [item.title for item in daemon.probes(on)]
        offered = {item.protocol: item for item in client_services(on, "ada@example.org")}
        assert (offered["managesieve"].port, offered["managesieve"].security) == (24190, "STARTTLS")
        made.set("mail_retrieval.services", managesieve=False)
        off = made.context()
        assert "sieve" not in [item.service for item in daemon.listens(off)]
        assert "sieve answers" not in [item.title for item in daemon.probes(off)]
        assert "managesieve" not in [item.protocol for item in client_services(off, "a@b.cd")]
        text = made.render("sieve", off)[OWN].content.decode()
    assert "managesieve" not in text
    assert "protocols" not in text
    assert "mail_plugins = $mail_plugins sieve" in text


def test_spam_stays_where_it_is_when_nobody_wants_it_in_junk(tmp_path: Path) -> None:
    """The script that comes first does nothing then."""
    with bench(tmp_path, WITH) as made:
        assert b'fileinto :create "Junk"' in made.render("sieve", made.context())[BEFORE].content
        made.set("sieve.options", spam_to_junk=False)
        assert b"Junk" not in made.render("sieve", made.context())[BEFORE].content


def test_extensions_for_an_admins_own_lines_are_loaded_with_them_only(tmp_path: Path) -> None:
    """They are named once, where RFC 5228 wants them: before all else."""
    (template,) = (item for item in mailstead_sieve.module.files if item.path == BEFORE)
    assert template.merge is not None
    with bench(tmp_path, WITH) as made:
        text = made.render("sieve", made.context())[BEFORE].content.decode()
    merged = template.merge(text, Snippet("/own", 'if envelope "from" "" { keep; }\n'))
    assert [given.count("require [") for given in (text, merged)] == [1, 1]
    assert [given.count('"envelope"') for given in (text, merged)] == [0, 1]
    assert merged.index("require [") < merged.index("fileinto :create") < merged.index("keep;")


@pytest.mark.parametrize(
    ("forwarding", "redirects", "has_second_port"),
    [("allowed", "4", False), ("own", "4", True), ("never", "0", True)],
)
def test_the_policy_of_forwarding_is_in_both_daemons(
    tmp_path: Path, forwarding: str, redirects: str, has_second_port: bool
) -> None:
    """Pigeonhole knows how many, Postfix knows where to."""
    with bench(tmp_path, WITH) as made:
        made.set("sieve.options", forwarding=forwarding)
        context = made.context()
        dovecot = made.render("sieve", context)[OWN].content.decode()
        postfix = made.render("mail_smtp", context)[MASTER].content.decode()
    assert f"  sieve_max_redirects = {redirects}\n" in dovecot
    assert "sieve_extensions = -regex" in dovecot
    assert ("sieve_extensions = -regex -enotify" in dovecot) == has_second_port
    assert ("permit_auth_destination" in postfix) == has_second_port
    assert ("127.7.8.9:30029" in postfix) == has_second_port
    assert "127.7.8.9:30028" in postfix
