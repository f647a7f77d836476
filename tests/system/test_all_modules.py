"""All modules of one server together: filter, rules, fetched mail and the mail log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.conftest import Site
from tests.system.filtering import ADA, FRIEND, filtered_site, scanned, send
from tests.system.mail_samples import plain, spam
from tests.system.sandbox import wait_until
from tests.system.sieving import arrived
from tests.system.watch import try_quickly

MORE = ("sieve", "fetchmail", "mail_log")


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with all modules."""
    with filtered_site() as made:
        made.sandbox.run("enable", *MORE, "--yes")
        made.sandbox.run("save")
        yield made


def test_what_the_filter_marks_is_filed_into_junk(place: Site) -> None:
    """And what it does not mark goes where the owner's rule says."""
    words = ("--if", "subject", "contains", "harmless", "--file", "Read later")
    place.sandbox.run("rule", "add", ADA, "later", *words)
    assert send(place, plain("harmless")) == ""
    assert send(place, spam("marked", less=True)) == ""
    arrived(place, ADA, "Read later", "harmless")
    arrived(place, ADA, "Junk", "marked")
    assert place.sandbox.subjects(ADA) == []


def test_a_copy_is_filtered_once_and_one_row_of_the_log(place: Site) -> None:
    """Of a message that was sent; the hop within the server is no message of its own."""
    run, carl, archive = place.sandbox.run, "carl@copied.example", "grace@example.org"
    run("domain", "add", "copied.example", "--catch-all", archive)
    run("settings", "set", "mail_smtp.user_template", "mail_account=no")
    run("save")
    place.sandbox.add_user("carl")
    run("account", "add", "carl", carl)
    before = len(scanned(place))
    text = plain("sent copy")
    text.replace_header("From", carl)
    text.replace_header("To", FRIEND)
    assert send(place, text, FRIEND, login=carl) == ""
    arrived(place, archive, "INBOX", "sent copy")
    assert len(scanned(place)) == before + 1
    rows: list[dict[str, str]] = []

    def both() -> bool:
        rows[:] = place.sandbox.json("log", "search", "--sender", carl)
        return len(rows) == 2

    wait_until(both)
    assert {row["recipient"] for row in rows} == {archive, FRIEND}
    (copy,) = place.sandbox.json("log", "search", "--recipient", archive, "--sender", carl)
    steps = place.sandbox.json("log", "show", copy["queue_id"])
    assert len({step["queue_id"] for step in steps}) == 2
    assert any("sasl_username=carl@copied.example" in step["what"] for step in steps)


def test_what_the_filters_scripts_may_users_may_not(place: Site) -> None:
    """To pipe mail to a program: refused by a check as when it is stored, with the line."""
    text = 'require ["vnd.dovecot.pipe", "copy"];\npipe :copy "mailstead-learn-spam";\n'
    for words in (("check", ADA), ("put", ADA, "pipe", "--activate")):
        done = try_quickly(place.sandbox, "sieve", *words, typed=text)
        assert (done.status, "script.text: line 1: error: require" in done.stderr) == (2, True)


def test_each_goes_without_taking_the_others_along(place: Site) -> None:
    """Mail comes in after each, and nothing waits to be saved."""
    place.sandbox.run("settings", "set", "mail_smtp.filter", "use=none")
    for number, name in enumerate((*MORE, "filter")):
        place.sandbox.run("disable", name, "--yes")
        place.sandbox.run("save")
        assert send(place, plain(f"still here {number}")) == ""
        arrived(place, ADA, "INBOX", f"still here {number}")
    assert "nothing to save" in place.sandbox.run("plan").stdout
