"""Rules run for each account, by real daemons: spam, forwarding, answers, and who may edit them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from tests.system.conftest import Site
from tests.system.sieving import (
    ADA,
    FAR,
    FRIEND,
    GRACE,
    arrived,
    left,
    new_site_with_rules,
    put,
    send,
    subjects,
    went_out,
)
from tests.system.watch import pids, run_quickly, try_quickly


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with sieve."""
    with new_site_with_rules() as made:
        yield made


def test_spam_goes_to_junk_before_users_own_rules(place: Site) -> None:
    """By either header, in any case; what is no spam passes through the user's script."""
    put(place, ADA, 'require "fileinto"; fileinto "Sent";')
    send(place, FRIEND, ADA, "one", X_Spam="Yes")
    send(place, FRIEND, ADA, "two", X_Spam_Flag="YES")
    send(place, FRIEND, ADA, "three", X_Spam="No")
    send(place, FRIEND, ADA, "four")
    for subject in ("three", "four"):
        arrived(place, ADA, "Sent", subject)
    for subject in ("one", "two"):
        arrived(place, ADA, "Junk", subject)
    assert subjects(place, ADA, "INBOX") == []
    compiled = place.sandbox.path("/var/lib/mailstead/sieve")
    assert [path.suffix for path in compiled.iterdir()] == [".svbin"]


def test_lines_of_an_admins_own_are_compiled_before_a_save(place: Site) -> None:
    """What does not compile refuses it by the file; what does holds for each account."""
    snippet = place.sandbox.path("/etc/mailstead/snippets/sieve/before.sieve")
    snippet.parent.mkdir(parents=True)
    snippet.write_text("bogus;\n")
    refused = try_quickly(place.sandbox, "plan")
    assert (refused.status, "unknown command 'bogus'" in refused.stderr) == (2, True)
    own = 'if envelope :domain "from" "shop.example" { fileinto :create "Shopping"; stop; }\n'
    snippet.write_text(own)
    place.sandbox.run("save")
    send(place, "sale@shop.example", GRACE, "cheap")
    arrived(place, GRACE, "Shopping", "cheap")
    snippet.unlink()
    place.sandbox.run("save")


RESTRICTED = """
require ["vacation", "reject"];
if header :contains "subject" "forward" { redirect "far@elsewhere.example"; }
if header :contains "subject" "near" { redirect "grace@example.org"; }
if header :contains "subject" "unknown" { redirect "nobody@example.org"; }
if header :contains "subject" "away" { vacation "I am away."; }
if header :contains "subject" "unwanted" { reject "No, thank you."; }
"""


def test_no_script_has_regular_expressions(place: Site) -> None:
    """A search that goes on for ever cannot be ended, and holds up everybody's mail."""
    bad = 'require "regex"; if header :regex "subject" "(a*)(a*)b" { discard; }'
    refused = try_quickly(place.sandbox, "sieve", "put", ADA, "bad", typed=bad)
    assert (refused.status != 0, "regex" in refused.stderr) == (True, True)


def test_forwarding_obeys_the_policy_whoever_made_the_script(place: Site) -> None:
    """Anywhere, own domains, nowhere; what may not be forwarded is kept; answers always go."""
    put(place, ADA, RESTRICTED)
    for policy in ("allowed", "own", "never"):
        run_quickly(place.sandbox, "settings", "set", "sieve.options", f"forwarding={policy}")
        place.sandbox.run("save")
        send(place, FRIEND, ADA, f"forward {policy}")
        send(place, "", ADA, f"forward nobody's {policy}")
        send(place, FRIEND, ADA, f"near {policy}")
        send(place, FRIEND, ADA, f"unknown {policy}")
        send(place, f"{policy}@elsewhere.example", ADA, f"away {policy}")
        send(place, FRIEND, ADA, f"unwanted {policy}")
        arrived(place, ADA, "INBOX", f"away {policy}")
        went_out(place, f"Auto: away {policy}")
        went_out(place, f"Rejected: unwanted {policy}")
    for policy in ("own", "never"):
        for subject in (f"forward {policy}", f"forward nobody's {policy}", f"unknown {policy}"):
            arrived(place, ADA, "INBOX", subject)
    for policy in ("allowed", "own"):
        arrived(place, GRACE, "INBOX", f"near {policy}")
    arrived(place, ADA, "INBOX", "near never")
    assert all(f"X-Rcpt-Args: <{FAR}>" in text for text in left(place, "forward"))
    assert sorted(re.findall("Subject: (forward.*)", "".join(left(place, "forward")))) == [
        "forward allowed", "forward nobody's allowed"
    ]  # fmt: skip
    run_quickly(place.sandbox, "settings", "set", "sieve.options", "forwarding=allowed")
    place.sandbox.run("save")


def test_a_forged_header_leads_nowhere(place: Site) -> None:
    """What has no sender and is forwarded goes back to the account, however long its name is."""
    long = f"{'carl' * 15}@example.org"
    place.sandbox.add_user("linus")
    run_quickly(place.sandbox, "--yes", "account", "delete", "linus@example.org")
    run_quickly(place.sandbox, "account", "add", "linus", long)
    run_quickly(place.sandbox, "settings", "set", "sieve.options", "forwarding=own")
    place.sandbox.run("save")
    for login in (ADA, long):
        put(place, login, f'redirect "{FAR}";')
        forged = {"X_Sieve_Redirected_From": "victim@elsewhere.example"}
        send(place, "", login, f"forged {login[:4]}", **forged)
        arrived(place, login, "INBOX", f"forged {login[:4]}")
    assert not left(place, "forged")
    run_quickly(place.sandbox, "settings", "set", "sieve.options", "forwarding=allowed")
    place.sandbox.run("save")


def test_a_notification_is_a_kind_of_forwarding(place: Site) -> None:
    """Where that is restricted, a script that would send one is not run, and its mail is kept."""
    put(place, ADA, f'require "enotify"; notify :message "came" "mailto:{FAR}"; discard;')
    run_quickly(place.sandbox, "settings", "set", "sieve.options", "forwarding=own")
    place.sandbox.run("save")
    send(place, FRIEND, ADA, "notify me")
    arrived(place, ADA, "INBOX", "notify me")
    assert not left(place, "came")
    run_quickly(place.sandbox, "settings", "set", "sieve.options", "forwarding=allowed")
    place.sandbox.run("save")


def test_a_loop_of_forwarding_ends(place: Site) -> None:
    """One message, two accounts that forward to each other: it is kept where it came back."""
    put(place, ADA, f'redirect "{GRACE}";')
    put(place, GRACE, f'redirect "{ADA}";')
    send(place, FRIEND, ADA, "round and round", Message_ID="<round@elsewhere.example>")
    arrived(place, ADA, "INBOX", "round and round")
    assert subjects(place, ADA, "INBOX").count("round and round") == 1
    put(place, GRACE, "keep;")


def test_the_ports_for_what_rules_send_are_for_dovecot_alone(place: Site) -> None:
    """A stranger is turned away, whoever the mail is for."""
    with place.sandbox.smtp(10028) as client:
        client.ehlo()
        client.mail(FRIEND)
        assert client.rcpt(ADA)[0] == 554
        assert client.rcpt(FAR)[0] == 554


def test_a_closed_mailbox_takes_no_forwarded_mail(place: Site) -> None:
    """It stays where it is."""
    run_quickly(place.sandbox, "account", "suspend", GRACE, "--refuse-mail")
    put(place, ADA, f'redirect "{GRACE}";')
    send(place, FRIEND, ADA, "to a closed one")
    arrived(place, ADA, "INBOX", "to a closed one")
    run_quickly(place.sandbox, "account", "resume", GRACE)
    assert "to a closed one" not in subjects(place, GRACE, "INBOX")


def test_rules_run_while_managesieve_is_off(place: Site) -> None:
    """Its port is closed then, and what each account has still counts."""
    assert place.sandbox.is_open(4190)
    put(place, ADA, 'require "fileinto"; fileinto "Drafts";')
    run_quickly(place.sandbox, "settings", "set", "mail_retrieval.services", "managesieve=no")
    place.sandbox.run("save")
    assert not place.sandbox.is_open(4190)
    send(place, FRIEND, ADA, "still filed")
    arrived(place, ADA, "Drafts", "still filed")
    run_quickly(place.sandbox, "settings", "set", "mail_retrieval.services", "managesieve=yes")
    place.sandbox.run("save")


def test_an_account_that_is_made_again_has_no_rules_of_the_one_before(place: Site) -> None:
    """Its folder is another."""
    place.sandbox.add_user("carl")
    carl = "carl@example.org"
    put(place, carl, "discard;")
    assert run_quickly(place.sandbox, "--json", "sieve", "list", carl).json
    run_quickly(place.sandbox, "--yes", "account", "delete", carl)
    run_quickly(place.sandbox, "account", "add", "carl", carl)
    assert run_quickly(place.sandbox, "--json", "sieve", "list", carl).json == []
    send(place, FRIEND, carl, "welcome back")
    arrived(place, carl, "INBOX", "welcome back")


def test_disabled_not_a_line_of_it_remains(place: Site) -> None:
    """Neither a file nor a line; enabled again it serves as before, and no daemon was restarted."""
    etc = place.sandbox.path("/etc")
    before = pids(place.sandbox)
    place.sandbox.run("disable", "sieve", "--yes")
    place.sandbox.run("save")
    here = sys.executable.encode()  # a path that tells nothing
    found = [
        path for path in etc.rglob("*")
        if path.is_file() and path.suffix != ".pem"
        and b"sieve" in path.read_bytes().replace(here, b"").lower()
    ]  # fmt: skip
    assert found == []
    assert not place.sandbox.is_open(4190)
    place.sandbox.run("enable", "sieve", "--yes")
    place.sandbox.run("save")
    assert place.sandbox.is_open(4190)
    assert pids(place.sandbox) == before
