"""Dovecot's files: golden, pure, by dialect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mailstead_mail_retrieval
from mailstead.errors import RenderError
from mailstead.instance import Instance
from mailstead.snippet import Snippet
from mailstead.transaction.additions import Additions
from mailstead_mail_retrieval import module
from mailstead_mail_retrieval.render import find_version
from tests.plugins.contexts import SANDBOX, SYSTEM, bench, compare

GOLDEN = Path(__file__).parent / "golden"
OWN = "/etc/dovecot/mailstead.d/mail_retrieval.conf"


@pytest.mark.parametrize(("name", "instance"), [("sandbox", SANDBOX), ("system", SYSTEM)])
def test_golden_files(tmp_path: Path, name: str, instance: Instance) -> None:
    """Every file is as it was when a person last looked at it; rendered twice it is the same."""
    with bench(tmp_path) as made:
        first = made.render("mail_retrieval", made.context(instance))
        assert first == made.render("mail_retrieval", made.context(instance))
    compare(GOLDEN, name, first)


def test_every_rendered_file_is_in_the_manifest(tmp_path: Path) -> None:
    """An admin reads a reason for each."""
    text = Path(mailstead_mail_retrieval.__path__[0], "manifest.toml").read_text()
    with bench(tmp_path) as made:
        paths = made.render("mail_retrieval", made.context())
    assert [path for path in paths if f'path = "{path}"' not in text] == []


def test_switched_off_services_have_port_0_and_no_probe(tmp_path: Path) -> None:
    """A protocol without any port is left out."""
    with bench(tmp_path) as made:
        made.set("mail_retrieval.services", pop3=False, pop3s=False, imap=False)
        context = made.context()
        files = made.render("mail_retrieval", context)
        daemon = module.daemons[0]
        assert daemon.listens is not None
        assert daemon.probes is not None
        assert [item.service for item in daemon.listens(context)] == ["imaps"]
        titles = [item.title for item in daemon.probes(context)]
    assert b"inet_listener pop3 {\n    port = 0\n" in files[OWN].content
    assert b"\nprotocols = imap lmtp\n" in files["/etc/dovecot/dovecot.conf"].content
    assert titles == [
        "imaps answers", "LMTP answers", "submission takes logins", "submissions takes logins",
    ]  # fmt: skip


def test_a_snippet_stands_after_all_else_and_so_wins(tmp_path: Path) -> None:
    """The last of two settings holds, and the include of mailstead.d is before it."""
    snippet = Snippet("/etc/mailstead/snippets/mail_retrieval/dovecot.conf", "mail_debug = yes\n")
    with bench(tmp_path) as made:
        plain = made.render("mail_retrieval", made.context())
        more = made.render(
            "mail_retrieval", made.context(), Additions(snippets={"dovecot.conf": snippet})
        )
    path = "/etc/dovecot/dovecot.conf"
    assert plain[path].content.endswith(b"\n!include mailstead.d/*.conf\n")
    assert more.pop(path).content.decode() == (
        f"{plain.pop(path).content.decode()}\n# from {snippet.path}\nmail_debug = yes\n"
    )
    assert plain == more


def test_the_lookup_file_is_not_for_everyone(tmp_path: Path) -> None:
    """0640, group dovecot."""
    with bench(tmp_path) as made:
        item = made.render("mail_retrieval", made.context())["/etc/dovecot/mailstead-sql.conf.ext"]
    assert (oct(item.mode), item.owner, item.group) == ("0o640", "root", "dovecot")


@pytest.mark.parametrize(("version", "words"), [("2.4", "2.4 is not supported"), (None, "no Dov")])
def test_another_dialect_is_refused_saying_where_it_goes(
    tmp_path: Path, version: str | None, words: str
) -> None:
    """Never a 2.3 file for a 2.4 Dovecot."""
    with bench(tmp_path) as made, pytest.raises(RenderError, match=words):
        made.render("mail_retrieval", made.context(dovecot_version=version))


class Packages:
    """A machine that knows one package."""

    def __init__(self, installed: str | None, available: str | None) -> None:
        self.installed, self.available = installed, available

    def package_versions(self, names: Any) -> dict[str, str]:
        """Give the version of what is installed."""
        return dict.fromkeys(names, self.installed) if self.installed else {}

    def available_version(self, name: str) -> str | None:  # noqa: ARG002
        """Give the version apt would install."""
        return self.available


@pytest.mark.parametrize(
    ("installed", "available", "expected"),
    [
        ("1:2.3.19.1+dfsg1-2.1+deb12u1", None, "2.3"),
        (None, "1:2.4.1+dfsg1-6", "2.4"),
        ("2.3.21", "1:2.4.1", "2.3"),
        (None, None, None),
    ],
)
def test_the_version_is_the_installed_one_or_the_one_to_come(
    installed: str | None, available: str | None, expected: str | None
) -> None:
    """Without its epoch."""
    machine: Any = Packages(installed, available)
    assert find_version(machine) == expected
