"""Rules of domains: each address means one thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.errors import InUse, InvalidInput, MailsteadError
from mailstead_mail_smtp.settings import Domains, Options
from tests.plugins.contexts import ACTOR, bench

BAD_NAMES = [
    "good.com\nevil", "good.com\r", "good.com x", "good.com;evil", "", "../evil", "./t.com",
    "foo/bar", "/etc/passwd", "test..com", "a.com\0.b", "-a.com", "a.com.", "{{7*7}}.com",
    "127.0.0.1", "com",
]  # fmt: skip


@pytest.mark.parametrize(
    "target",
    ["ada@example.com", "ada@EXAMPLE.COM", "copy@example.org.Catch-All.invalid",
     "copy@catch-all.invalid"],
)  # fmt: skip
def test_a_catch_all_leads_out_of_its_domain(tmp_path: Path, target: str) -> None:
    """Copies of copies would never end."""
    with bench(tmp_path) as made, pytest.raises(InvalidInput, match=r"\[example.com\]\.catch_all"):
        made.add("mail_smtp.domains", name="example.com", catch_all=target)


@pytest.mark.parametrize("name", ["catch-all.invalid", "example.com.Catch-All.invalid"])
def test_no_domain_takes_the_addresses_of_copies(tmp_path: Path, name: str) -> None:
    """All mail for it would go the way of copies, and wait there."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.com")
        with pytest.raises(InvalidInput, match=r"domains\[.*\]\.name"):
            made.add("mail_smtp.domains", name=name)
        with pytest.raises(InvalidInput, match=r"domain_aliases\[.*\]\.name"):
            made.add("mail_smtp.domain_aliases", name=name, domain="example.com")


def test_another_name_of_the_domain_is_in_it_too(tmp_path: Path) -> None:
    """Whichever is said first."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.com", catch_all="ada@example.net")
        with pytest.raises(InvalidInput, match=r"domain_aliases\[example.net\]\.name"):
            made.add("mail_smtp.domain_aliases", name="example.net", domain="example.com")
        made.add("mail_smtp.domain_aliases", name="example.edu", domain="example.com")
        with pytest.raises(InvalidInput, match=r"\[example.com\]\.catch_all"):
            made.editor.change_row(
                "mail_smtp.domains", "example.com", {"catch_all": "ada@example.edu"}, ACTOR
            )


def test_a_default_mailbox_is_one_of_ours(tmp_path: Path) -> None:
    """An alias would be one more step to follow, and elsewhere is no mailbox."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.com", default_mailbox="ada@example.com")
        for target in ("ada@elsewhere.example", "ada@example.net"):
            with pytest.raises(InvalidInput, match=r"default_mailbox"):
                made.add("mail_smtp.domains", name="example.org", default_mailbox=target)


def test_a_name_is_a_domain_or_an_alias(tmp_path: Path) -> None:
    """Never both."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.com")
        with pytest.raises(InvalidInput, match="cannot be a mail domain and an alias"):
            made.add("mail_smtp.domain_aliases", name="example.com", domain="example.com")
        made.add("mail_smtp.domain_aliases", name="example.net", domain="example.com")
        with pytest.raises(InvalidInput, match="cannot be a mail domain and an alias"):
            made.add("mail_smtp.domains", name="example.net")


def test_an_alias_of_an_alias_is_refused(tmp_path: Path) -> None:
    """Its domain must be one."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.com")
        made.add("mail_smtp.domain_aliases", name="example.net", domain="example.com")
        with pytest.raises(MailsteadError, match="domain"):
            made.add("mail_smtp.domain_aliases", name="example.org", domain="example.net")


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("section", ["domains", "domain_aliases"])
def test_what_is_no_domain_is_refused_with_the_field(
    tmp_path: Path, section: str, name: str
) -> None:
    """Before it is anywhere."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.com")
        values = {"name": name} | ({"domain": "example.com"} if section != "domains" else {})
        with pytest.raises(InvalidInput, match=rf"mail_smtp\.{section}.*name"):
            made.add(f"mail_smtp.{section}", **values)


def test_twins_of_a_domain_are_one(tmp_path: Path) -> None:
    """By case and by international spelling."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="BÜCHER.example")
        with pytest.raises(InvalidInput, match="exists"):
            made.add("mail_smtp.domains", name="xn--bcher-kva.EXAMPLE")


def test_a_default_mailbox_is_named_as_its_account_is(tmp_path: Path) -> None:
    """Postfix would not find it by another name of the domain, so that one is given."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.com")
        made.add("mail_smtp.domain_aliases", name="example.net", domain="example.com")
        with pytest.raises(InvalidInput, match=r"default_mailbox.*give ada@example\.com"):
            made.editor.change_row(
                "mail_smtp.domains", "example.com", {"default_mailbox": "ada@example.net"}, ACTOR
            )


@pytest.mark.parametrize(
    ("section", "name"),
    [("mail_smtp.domains", "example.org"), ("mail_smtp.domain_aliases", "example.edu")],
)
def test_a_domain_goes_only_when_nothing_leads_to_it(
    tmp_path: Path, section: str, name: str
) -> None:
    """Or copies and the postmaster's mail would be sent to whoever owns it then."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.org")
        made.add("mail_smtp.domain_aliases", name="example.edu", domain="example.org")
        made.add("mail_smtp.domains", name="example.com", catch_all=f"watch@{name}")
        made.set("mail_smtp.options", postmaster=f"ada@{name}")
        with pytest.raises(InUse) as caught:
            made.editor.remove_row(section, name, ACTOR)
        assert set(caught.value.users) >= {
            "mail_smtp.domains[example.com].catch_all", "mail_smtp.options.postmaster"
        }  # fmt: skip
        made.editor.remove_row(section, name, ACTOR, force=True)
        context = made.context()
        assert context.settings.row(Domains, "example.com") == Domains(name="example.com")
        assert context.settings.form(Options).postmaster is None
