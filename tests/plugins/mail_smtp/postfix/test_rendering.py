"""Postfix's files: golden, pure, composed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.instance import Instance
from mailstead_mail_smtp import module
from mailstead_mail_smtp.postfix.identity import our_postmaster
from tests.plugins.contexts import SANDBOX, SYSTEM, Bench, bench, compare

GOLDEN = Path(__file__).parent / "golden"
CASES = [
    ("sandbox", SANDBOX, ("network", "mail_smtp", "mail_retrieval")),
    ("system", SYSTEM, ("network", "mail_smtp", "mail_retrieval")),
    ("alone", SANDBOX, ("network", "mail_smtp")),
]


def relay_for(made: Bench, *addresses: str) -> None:
    """Let an object relay."""
    made.add("network.objects", name="office")
    for number, address in enumerate(addresses):
        made.add("network.members", object="office", name=f"m{number}", address=address)
    made.add("mail_smtp.relay", object="office")


@pytest.mark.parametrize(("name", "instance", "modules"), CASES)
def test_golden_files(
    tmp_path: Path, name: str, instance: Instance, modules: tuple[str, ...]
) -> None:
    """Every file is as it was when a person last looked at it; rendered twice it is the same."""
    with bench(tmp_path, modules) as made:
        relay_for(made, "127.0.0.77", "2001:db8:7::/48")
        first = made.render("mail_smtp", made.context(instance))
        assert first == made.render("mail_smtp", made.context(instance))
    compare(GOLDEN, name, first)


@pytest.mark.parametrize(
    ("postmaster", "ours"),
    [("pm@example.org", "pm@example.org"), ("pm+x@example.net", "pm@example.org"),
     ("pm@elsewhere.example", ""), (None, "")],
)  # fmt: skip
def test_a_postmaster_of_ours_is_known_to_the_lookup(
    tmp_path: Path, postmaster: str | None, ours: str
) -> None:
    """By the address that the directory would have; elsewhere the query is as short as before."""
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.org")
        made.add("mail_smtp.domain_aliases", name="example.net", domain="example.org")
        made.set("mail_smtp.options", postmaster=postmaster)
        assert our_postmaster(made.context()) == ours
        files = made.render("mail_smtp", made.context())
    for name in ("roles", "uncopied_roles"):
        content = files[f"/etc/postfix/sqlite/{name}.cf"].content.decode()
        assert ("root@" in content, ours in content) == (bool(ours), True)


def test_every_rendered_file_is_in_the_manifest(tmp_path: Path) -> None:
    """An admin reads a reason for each."""
    import mailstead_mail_smtp

    text = Path(mailstead_mail_smtp.__path__[0], "manifest.toml").read_text()
    with bench(tmp_path) as made:
        paths = made.render("mail_smtp", made.context())
    owned = (*paths, *(item.path for item in module.generated))
    assert [path for path in owned if f'path = "{path}"' not in text] == []


def test_a_preview_before_the_system_user_exists_says_so(tmp_path: Path) -> None:
    """The save makes the user, then renders again."""
    with bench(tmp_path) as made:
        files = made.render("mail_smtp", made.context(vmail_ids=None))
    assert b"static:vmail-does-not-exist-yet" in files["/etc/postfix/main.cf"].content


def test_a_sandbox_trusts_no_loopback_and_a_system_only_its_own(tmp_path: Path) -> None:
    """Open relay by 127.0.0.0/8 is impossible."""
    with bench(tmp_path) as made:
        sandbox = made.render("mail_smtp", made.context())["/etc/postfix/main.cf"].content
        system = made.render("mail_smtp", made.context(SYSTEM))["/etc/postfix/main.cf"].content
    assert b"\nmynetworks =\n" in sandbox
    assert b"\nmynetworks = 127.0.0.1/32, [::1]/128\n" in system


def test_without_authentication_there_is_no_submission(tmp_path: Path) -> None:
    """587 and 465 are closed when nobody could log in."""
    with bench(tmp_path, ("network", "mail_smtp")) as made:
        assert module.daemons[0].listens is not None
        found = module.daemons[0].listens(made.context())
    assert [item.service for item in found] == ["smtp", "copies"]


def test_ipv6_addresses_stand_in_brackets(tmp_path: Path) -> None:
    """In master.cf, postconf(5) inet_interfaces does the same."""
    instance = Instance(prefix=SANDBOX.prefix, kind="sandbox", addresses=("::1",))
    with bench(tmp_path) as made:
        files = made.render("mail_smtp", made.context(instance))
    assert b"\n[::1]:25 inet " in files["/etc/postfix/master.cf"].content
    assert b"\ninet_protocols = all\n" in files["/etc/postfix/main.cf"].content
