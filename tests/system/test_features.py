"""What an admin sees and does, from outside: consent, dependencies, drafts, users, domains."""

from __future__ import annotations

from tests.system.conftest import Site
from tests.system.sandbox import Sandbox
from tests.system.watch import digests, run_quickly, shown

SIZE = "mail_smtp.options"
DECLINED = 4  # nobody said yes


def offered_size(site: Site) -> str:
    """Give the largest message that SMTP takes."""
    with site.sandbox.smtp() as client:
        client.ehlo()
        return client.esmtp_features["size"]


def test_enabling_says_what_it_will_own_and_waits_for_a_yes(sandbox: Sandbox) -> None:
    """Each file with its reason; without consent nothing is enabled or written."""
    before = digests(sandbox)
    told = sandbox.run("enable", "mail_smtp", status=DECLINED)
    assert "/etc/postfix/main.cf" in told.stdout + told.stderr
    assert digests(sandbox) == before
    states = {row["id"]: row["state"] for row in shown(sandbox, "modules")}
    assert states["mail_smtp"] == "installed"


def test_a_module_brings_what_it_needs_and_takes_along_what_needs_it(sandbox: Sandbox) -> None:
    """Retrieval needs SMTP and users; without users there is no mail."""
    sandbox.run("enable", "mail_retrieval", "--yes")
    chain = {"users", "mail_smtp", "mail_retrieval"}
    assert chain <= enabled(sandbox)
    sandbox.run("disable", "users", "--yes")
    assert not chain & enabled(sandbox)


def enabled(sandbox: Sandbox) -> set[str]:
    """Give the modules that are enabled, or will be after a save."""
    rows = shown(sandbox, "modules")
    return {row["id"] for row in rows if (row["will_be"] or row["state"]) == "enabled"}


def test_an_edit_is_seen_by_no_service_until_it_is_saved(site: Site) -> None:
    """Not even after a restart; discard leaves no trace of it in the settings."""
    before = offered_size(site)
    site.sandbox.run("settings", "set", SIZE, "message_size=7M")
    site.sandbox.run("restart", "mail_smtp")
    assert offered_size(site) == before
    assert not site.sandbox.json("plan")["empty"]
    site.sandbox.run("discard", "--yes")
    assert site.sandbox.json("plan")["empty"]


def test_the_audit_log_tells_an_edit_and_that_it_was_dropped(site: Site) -> None:
    """Who looks later sees both."""
    site.sandbox.run("settings", "set", SIZE, "message_size=8M")
    site.sandbox.run("discard", "--yes")
    told = run_quickly(site.sandbox, "audit", "--limit", "5").stdout
    assert "discard" in told
    assert "message_size" in told


def test_the_name_of_this_host_is_no_mail_domain(site: Site) -> None:
    """Its mail goes to local aliases, not to accounts."""
    name = "mail.example.org"
    site.sandbox.run("domain", "add", name)
    told = site.sandbox.run("save", status=2).stderr
    assert f"mail_smtp.domains[{name}].name" in told
    site.sandbox.run("discard", "--yes")
    assert site.sandbox.json("plan")["empty"]


def test_a_new_user_has_an_account_in_the_default_domain_at_once(site: Site) -> None:
    """By the user template; deleting tells what goes, and where the mail stays."""
    sandbox = site.sandbox
    sandbox.add_user("uma")
    address = "uma@example.org"
    assert sandbox.subjects(address) == []
    refused = sandbox.run("user", "delete", "uma", status=DECLINED)
    assert address in refused.stdout + refused.stderr
    assert sandbox.taken_logins(address) == ["smtp", "imap", "pop3"]
    sandbox.run("user", "delete", "uma", "--yes")
    assert sandbox.taken_logins(address) == []
    with sandbox.smtp() as client:
        client.ehlo()
        client.mail("friend@elsewhere.example")
        assert client.rcpt(address)[0] == 550


def test_an_object_in_use_is_not_removed_by_accident(site: Site) -> None:
    """The relay policy that names it is told; it relays as before."""
    refused = site.sandbox.run("object", "remove", "office", status=2)
    assert "mail_smtp.relay" in refused.stderr or "relay" in refused.stderr
    assert site.sandbox.json("plan")["empty"]
