"""All modules of one server together: filter, rules, fetched mail and the mail log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.conftest import Site
from tests.system.filtering import ADA, filtered_site, send
from tests.system.mail_samples import plain, spam
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
