"""Where addresses lead and how they are delivered, over maps that are data."""

from __future__ import annotations

import pytest

from mailstead_mail_smtp.trace.delivery import copies, expand, route
from tests.plugins.mail_smtp.trace.postfix import ADA, FRIEND, live


def test_aliases_are_followed_to_their_end() -> None:
    """Each step with its map; who leads to itself is an end."""
    aliases = {"a@example.org": "b@example.org, c@example.org", "b@example.org": ADA, ADA: ADA}
    steps, ends = expand(live({"texthash:aliases": aliases}), "A@example.org")
    assert [item.address for item in steps] == ["a@example.org", "b@example.org"]
    assert set(ends) == {"c@example.org", ADA}


def test_a_circle_ends() -> None:
    """Nothing is followed twice."""
    aliases = {"a@example.org": "b@example.org", "b@example.org": "a@example.org"}
    _, ends = expand(live({"texthash:aliases": aliases}), "a@example.org")
    assert ends == ()


def test_a_copy_and_its_original_both_arrive() -> None:
    """An address may lead to itself and to another."""
    steps, ends = expand(live({"texthash:aliases": {ADA: f"{ADA},{FRIEND}"}}), ADA)
    assert len(steps) == 1
    assert set(ends) == {ADA, FRIEND}


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
    found = route(live(), FRIEND, ADA)
    assert (found.mailbox, found.transport, found.error) == (
        "example.org/ada/Maildir/", "lmtp:unix:private/dovecot-lmtp", "",
    )  # fmt: skip
    assert route(live(), FRIEND, "x@example.org").error
    error = route(live(default_transport="nowhere:5.1.2 no outside"), ADA, FRIEND).error
    assert error == "5.1.2 no outside"


def test_blind_copies_are_of_sender_and_recipient() -> None:
    """By domain, too."""
    service = live(
        {"inline:s": {"@example.org": "all@example.org"}},
        sender_bcc_maps="inline:s", recipient_bcc_maps="inline:s",
    )  # fmt: skip
    assert [to for _, to in copies(service, ADA, FRIEND)] == ["all@example.org"]
    assert [to for _, to in copies(service, "", ADA)] == ["all@example.org"]
