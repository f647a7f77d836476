"""Copies for catch-alls in what trace tells, over maps that are data."""

from __future__ import annotations

import attrs

from mailstead_mail_smtp.hookspecs import TraceQuestion
from mailstead_mail_smtp.trace.ends import follow
from mailstead_mail_smtp.trace.live import Live
from tests.plugins.mail_smtp.trace.postfix import ADA, FRIEND, VALUES, live

COPY = "copy@example.org.catch-all.invalid"
ARCHIVE = "archive@elsewhere.example"


def copying() -> Live:
    """Give a Postfix whose only domain has a catch-all that is an alias."""
    service = live(
        {
            "texthash:aliases": {ADA: f"{ADA},{COPY}"},
            "texthash:bcc": {"@example.org": COPY},
            "texthash:copies": {"@example.org.catch-all.invalid": "all@example.net"},
            "texthash:uncopied": {"all@example.net": ARCHIVE},
        },
        sender_bcc_maps="texthash:bcc",
    )
    own = {"copies-cleanup/unix/virtual_alias_maps": "texthash:copies, texthash:uncopied"}
    return attrs.evolve(service, main=VALUES, master=own)


def said(sender: str, recipient: str) -> tuple[list[tuple[str, str]], set[str]]:
    """Give what is told before the deliveries, and where it ends."""
    steps, deliveries = follow(copying(), TraceQuestion(sender, recipient, "192.0.2.1"))
    told = [(step.about, step.says) for step in steps if step.about != "delivery"]
    return told, {item.address for item in deliveries}


ALIAS = ("alias", f"all@example.net leads to {ARCHIVE}")


def test_a_copy_is_told_by_where_it_goes_and_who_hears_of_a_bounce() -> None:
    """Of what is received, and of what is sent; once where both ask for it."""
    received = ("copy", f"a blind copy goes to all@example.net; {FRIEND} is told if it bounces")
    assert said(FRIEND, ADA) == ([received, ALIAS], {ADA, ARCHIVE})
    sent = ("copy", f"a blind copy goes to all@example.net; {ADA} is told if it bounces")
    assert said(ADA, FRIEND) == ([sent, ALIAS], {FRIEND, ARCHIVE})
    assert said(ADA, ADA) == ([sent, ALIAS], {ADA, ARCHIVE})


def test_of_a_notification_nobody_is_told() -> None:
    """It has no sender."""
    told, _ = said("", ADA)
    assert told[0][1] == "a blind copy goes to all@example.net; nobody is told if it bounces"
