"""Where addresses lead and how they are delivered, over maps that are data."""

from __future__ import annotations

import attrs
import pytest

from mailstead_mail_smtp.trace.delivery import Expanded, copies, deliveries, expand, route
from tests.plugins.mail_smtp.trace.postfix import ADA, FRIEND, VALUES, live


def follow(aliases: dict[str, str], start: str, **values: str) -> Expanded:
    """Expand an address over aliases."""
    return expand(live({"texthash:aliases": aliases}, **values), start)


def test_aliases_are_followed_to_their_end() -> None:
    """Each step with its map; who leads to itself is an end."""
    aliases = {"a@example.org": "b@example.org, c@example.org", "b@example.org": ADA, ADA: ADA}
    found = follow(aliases, "A@example.org")
    assert [item.address for item in found.steps] == ["a@example.org", "b@example.org"]
    assert (set(found.ends), found.is_endless) == ({"c@example.org", ADA}, False)


def test_a_circle_has_no_end() -> None:
    """Postfix gives up, and takes nothing."""
    aliases = {"a@example.org": "b@example.org", "b@example.org": "a@example.org"}
    assert follow(aliases, "a@example.org").is_endless
    assert follow({**aliases, "c@example.org": f"a@example.org, {ADA}"}, "c@example.org").is_endless


def test_two_that_copy_each_other_are_no_circle() -> None:
    """Each leads to itself too, which Postfix follows once."""
    found = follow({ADA: f"{ADA}, {FRIEND}", FRIEND: f"{FRIEND}, {ADA}"}, ADA)
    assert (set(found.ends), found.is_endless) == ({ADA, FRIEND}, False)


def test_a_copy_and_its_original_both_arrive() -> None:
    """An address may lead to itself and to another."""
    found = follow({ADA: f"{ADA},{FRIEND}"}, ADA)
    assert len(found.steps) == 1
    assert set(found.ends) == {ADA, FRIEND}


def test_an_extension_goes_along_to_where_an_alias_leads() -> None:
    """Unless the domain alone was found, or Postfix is told to drop it."""
    aliases = {"a@example.org": f"b@example.org, {FRIEND}", "@example.com": ADA}
    found = follow(aliases, "a+x@example.org", propagate_unmatched_extensions="virtual")
    assert found.ends == ("b+x@example.org", "friend+x@elsewhere.example")
    assert follow(aliases, "a+x@example.org").ends == ("b@example.org", FRIEND)
    found = follow(aliases, "z+x@example.com", propagate_unmatched_extensions="virtual")
    assert found.ends == (ADA,)


def test_thousands_are_asked_about_at_once() -> None:
    """A group's mail is followed to every member, with one postmap for each map and step."""
    members = [f"m{n}@example.org" for n in range(3000)]
    aliases = {"all@example.org": ",".join(members)}
    service = live({"texthash:aliases": aliases}, virtual_alias_expansion_limit="100000")
    found = expand(service, "all@example.org")
    assert (found.ends, found.is_endless) == (tuple(members), False)
    assert len(service.machine.calls) < 10  # type: ignore[attr-defined]
    routes = deliveries(service, FRIEND, found.ends)
    assert len(routes) == len(members)
    assert len(service.machine.calls) < 15  # type: ignore[attr-defined]


def test_more_than_postfix_expands_is_taken_by_nobody() -> None:
    """`virtual_alias_expansion_limit`."""
    members = ",".join(f"m{n}@example.org" for n in range(20))
    found = follow(
        {"all@example.org": members}, "all@example.org", virtual_alias_expansion_limit="10"
    )
    assert found.is_endless


@pytest.mark.parametrize(
    ("values", "transport", "behind"),
    [
        ({}, "smtp:elsewhere.example", "default_transport"),
        ({"relayhost": "[relay.example]:587"}, "smtp:[relay.example]:587", "relayhost"),
        ({"transport_maps": "inline:t"}, "slow:x", "transport_maps: inline:t for .example"),
    ],
)
def test_mail_for_others_goes_by_the_smarthost_or_a_transport(
    values: dict[str, str], transport: str, behind: str
) -> None:
    """A transport of the recipient's own comes first."""
    found = route(live({"inline:t": {".example": "slow:x"}}, **values), ADA, FRIEND)
    assert (found.transport, found.behind) == (transport, behind)


def test_our_mail_goes_into_its_mailbox_or_back() -> None:
    """By LMTP; an address that nobody has is an error."""
    found = route(live(), FRIEND, "ada+x@example.org")
    assert (found.account, found.mailbox, found.transport, found.error) == (
        ADA, "example.org/ada/Maildir/", "lmtp:unix:private/dovecot-lmtp", "",
    )  # fmt: skip
    assert route(live(), FRIEND, "x@example.org").error
    error = route(live(default_transport="error:5.1.2 no outside"), ADA, FRIEND).error
    assert error == "5.1.2 no outside"


def test_blind_copies_are_of_sender_and_recipient() -> None:
    """By domain, too."""
    service = live(
        {"inline:s": {"@example.org": "all@example.org"}},
        sender_bcc_maps="inline:s", recipient_bcc_maps="inline:s",
    )  # fmt: skip
    assert [to for _, to in copies(service, ADA, FRIEND)] == ["all@example.org"]
    assert [to for _, to in copies(service, "", ADA)] == ["all@example.org"]


def test_mail_for_a_local_name_that_nobody_has_comes_back() -> None:
    """Neither an alias of local(8) nor a system user; an extension does not count."""
    maps = {"texthash:local": {"abuse": "root"}}
    values = {"alias_maps": "texthash:local"}
    service = attrs.evolve(live(maps, **values), main={**VALUES, **values})
    nobody = route(service, FRIEND, "x+y@mail.example.org")
    assert nobody.error == '5.1.1 unknown user: "x+y"'
    for name in ("abuse", "postfix", "postfix+x"):
        assert route(service, FRIEND, f"{name}@mail.example.org").error == ""
