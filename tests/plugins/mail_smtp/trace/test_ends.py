"""Copies for catch-alls in what trace tells, over maps that are data."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from mailstead_mail_smtp.hookspecs import TraceQuestion
from mailstead_mail_smtp.trace.ends import follow
from mailstead_mail_smtp.trace.live import Live
from tests.plugins.mail_smtp.trace.postfix import ADA, FRIEND, VALUES, live

COPY = "copy@example.org.catch-all.invalid"
ARCHIVE = "archive@elsewhere.example"
ARCHIVED = {"all@example.net": ARCHIVE}


def copying(uncopied: Mapping[str, str]) -> Live:
    """Give a Postfix whose only domain has a catch-all that is an alias."""
    service = live(
        {
            "texthash:aliases": {ADA: f"{ADA},{COPY}"},
            "texthash:bcc": {"@example.org": COPY},
            "texthash:copies": {"@example.org.catch-all.invalid": "all@example.net"},
            "texthash:uncopied": uncopied,
        },
        sender_bcc_maps="texthash:bcc",
        propagate_unmatched_extensions="virtual",
    )
    own = {"copies-cleanup/unix/virtual_alias_maps": "texthash:copies, texthash:uncopied"}
    return attrs.evolve(service, main=VALUES, master=own)


def said(
    sender: str, recipient: str, uncopied: Mapping[str, str] = ARCHIVED
) -> tuple[list[tuple[str, str]], set[str]]:
    """Give what is told, and where it ends."""
    found = follow(copying(uncopied), TraceQuestion(sender, recipient, "192.0.2.1"))
    assert not found.is_endless
    return [(step.about, step.says) for step in found.steps], set(found.addresses)


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


def test_a_copy_that_is_addressed_itself_goes_to_the_catch_all() -> None:
    """By who may relay; `transport_maps` takes it there."""
    told, ends = said(FRIEND, COPY)
    assert [about for about, _ in told] == ["copy", "alias"]
    assert ends == {ARCHIVE}


def test_copies_of_several_domains_with_one_catch_all_are_one() -> None:
    """They are told once."""
    other = "copy@example.net.catch-all.invalid"
    service = copying(ARCHIVED)
    known = service.machine.maps  # type: ignore[attr-defined]
    known["texthash:aliases"][ADA] = f"{ADA},{COPY},{other}"
    known["texthash:copies"][f"@{other.partition('@')[2]}"] = "all@example.net"
    found = follow(service, TraceQuestion(FRIEND, ADA, "192.0.2.1"))
    assert [step.about for step in found.steps] == ["copy", "alias"]


def test_an_extension_makes_no_other_copy() -> None:
    """Postfix puts it into every address that an alias leads to."""
    plus = ADA.replace("@", "+lists@")
    told, ends = said(ADA, plus)
    assert [about for about, _ in told] == ["copy", "alias"]
    assert ends == {plus, ARCHIVE}


def test_a_catch_all_without_an_end_keeps_nothing_else() -> None:
    """Its copy waits; the message itself is taken."""
    told, ends = said(
        FRIEND, ADA, {"all@example.net": "b@x.example", "b@x.example": "all@example.net"}
    )
    assert told[-1] == (
        "alias",
        "all@example.net leads in a circle, or to more than Postfix follows",
    )
    assert ends == {ADA}


LOCAL = {
    "postmaster": "root", "abuse": "postmaster", "info": "ada@example.org, friend@x.example",
    "list": "|/usr/bin/list, root", "a": "b", "b": "a",
}  # fmt: skip


def forwarded(name: str, **values: str) -> tuple[list[str], tuple[str, ...]]:
    """Give what is told of the aliases of a name of this machine, and where it ends."""
    service = live(
        {"texthash:local": LOCAL},
        alias_maps="texthash:local",
        myorigin="mail.example.org",
        **values,
    )
    service = attrs.evolve(service, main=service.values)
    question = TraceQuestion(FRIEND, f"{name}@mail.example.org", "192.0.2.1")
    found = follow(service, question)
    assert all("local for" in step.behind for step in found.steps)
    return [step.says for step in found.steps], found.addresses


HOST = "mail.example.org"


def test_aliases_of_the_machine_are_followed_one_by_one() -> None:
    """local(8) asks for a name of its own again, and sends the others on."""
    told, ends = forwarded("abuse")
    assert told == [f"abuse@{HOST} leads to postmaster@{HOST}",
                    f"postmaster@{HOST} leads to root@{HOST}"]  # fmt: skip
    assert ends == (f"root@{HOST}",)
    assert forwarded("info")[1] == (ADA, "friend@x.example")


def test_a_name_with_an_extension_is_looked_up_without_it() -> None:
    """It goes along only where Postfix is told so."""
    assert forwarded("postmaster+x")[1] == (f"root@{HOST}",)
    propagated = forwarded("postmaster+x", propagate_unmatched_extensions="alias")
    assert propagated[1] == (f"root+x@{HOST}",)


def test_what_is_no_address_ends_where_it_is() -> None:
    """A command gets it from local(8)."""
    assert forwarded("list")[1] == (f"list@{HOST}", f"root@{HOST}")


def test_a_circle_of_the_machine_has_no_end() -> None:
    """It is followed once."""
    assert forwarded("a")[1] == ()


def test_who_does_not_use_local_has_no_aliases_of_it() -> None:
    """Another transport of its own is asked."""
    assert forwarded("abuse", local_transport="lmtp:unix:x") == ([], (f"abuse@{HOST}",))
