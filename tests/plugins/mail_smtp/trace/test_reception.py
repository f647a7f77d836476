"""What lists of restrictions say, apart from what a real Postfix is asked in tests/system."""

from __future__ import annotations

import pytest

from mailstead_mail_smtp.trace.live import Live
from mailstead_mail_smtp.trace.reception import ask_all, lacks_space, refuses_size
from tests.plugins.mail_smtp.trace.postfix import ADA, FRIEND, asked, live


def replies(service: Live, **words: str) -> list[str]:
    """Give the refusals."""
    return [item.outcome.reply for item in ask_all(asked(service, **words)) if item.outcome.reply]


def test_a_permit_ends_its_list_alone() -> None:
    """The next list is asked all the same."""
    service = live(
        smtpd_relay_restrictions="permit_mynetworks, reject",
        smtpd_recipient_restrictions="reject",
    )
    said = [item.outcome.word for item in ask_all(asked(service, client="192.0.2.7"))]
    assert said == ["permit", "reject"]


@pytest.mark.parametrize(
    ("client", "relays"),
    [("192.0.2.7", True), ("192.0.3.1", False), ("2001:db8::1", True), ("2001:db9::1", False)],
)
def test_networks_of_both_versions_may_relay(client: str, relays: bool) -> None:
    """IPv6 ones are in brackets."""
    service = live(smtpd_relay_restrictions="permit_mynetworks, reject_unauth_destination")
    expected = [] if relays else [f"554 5.7.1 <{FRIEND}>: Relay access denied"]
    assert replies(service, recipient=FRIEND, client=client) == expected


def test_networks_that_are_not_read_are_not_guessed() -> None:
    """An exception or a file decides before the networks after it."""
    for odd in ("!192.0.2.7", "/etc/networks", "cidr:/etc/networks"):
        service = live(
            mynetworks=f"{odd}, 192.0.2.0/24",
            smtpd_relay_restrictions="permit_mynetworks, reject_unauth_destination",
        )
        said = ask_all(asked(service, recipient=FRIEND, client="192.0.2.7"))
        assert [item.outcome.word for item in said] == ["unknown", "reject"]


@pytest.mark.parametrize("user", ["a%b", "a!b"])
def test_an_address_that_names_a_way_is_not_ours(user: str) -> None:
    """Unless strangers may route."""
    to = f"{user}@example.org"
    for allowed, expected in (("no", [f"554 5.7.1 <{to}>: Relay access denied"]), ("yes", [])):
        service = live(
            smtpd_relay_restrictions="reject_unauth_destination", allow_untrusted_routing=allowed
        )
        assert replies(service, recipient=to) == expected


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        ("550 5.2.1 no mail", f"550 5.2.1 <{ADA}>: Recipient address rejected: no mail"),
        ("REJECT go away", f"554 5.7.1 <{ADA}>: Recipient address rejected: go away"),
        ("OK", ""), ("DUNNO", ""), ("1", ""),
    ],
)  # fmt: skip
def test_actions_of_access_tables_are_understood(value: str, reply: str) -> None:
    """Found by the address, its domain, or its user."""
    for key in (ADA, "example.org", "org", "ada@"):
        service = live(
            {"inline:x": {key: value}},
            smtpd_recipient_restrictions="check_recipient_access inline:x",
        )
        assert replies(service) == ([reply] if reply else [])


def test_a_table_may_lead_to_a_restriction() -> None:
    """By its own name, or by that of a class of several."""
    for value in ("reject_non_fqdn_recipient", "mine"):
        service = live(
            {"inline:x": {"example.org": value}},
            smtpd_restriction_classes="mine",
            mine="reject_non_fqdn_recipient, reject_non_fqdn_sender",
            smtpd_recipient_restrictions="check_sender_access inline:x, permit",
        )
        assert replies(service, sender=ADA, recipient="bob@host") == [
            "504 5.5.2 <bob@host>: Recipient address rejected: need fully-qualified address"
        ]
        assert replies(service, sender=FRIEND, recipient="bob@host") == []


def test_other_actions_and_restrictions_are_not_guessed() -> None:
    """They are named, and the list goes on."""
    service = live(
        {"inline:x": {ADA: "FILTER smtp:elsewhere"}},
        smtpd_recipient_restrictions=(
            "check_recipient_access inline:x, check_policy_service { unix:a, b=c }, reject"
        ),
    )
    said = list(ask_all(asked(service)))
    assert [item.outcome.word for item in said] == ["unknown", "unknown", "reject"]
    assert said[1].restriction == "check_policy_service { unix:a, b=c }"


def test_a_broken_map_puts_mail_off() -> None:
    """As Postfix does; the map is named."""
    service = live(
        smtpd_recipient_restrictions="check_recipient_access texthash:gone",
    )
    (said,) = ask_all(asked(service))
    assert said.outcome.reply == f"451 4.3.0 <{ADA}>: Temporary lookup failure"
    assert said.outcome.behind == "texthash:gone"


def test_no_limit_refuses_no_size() -> None:
    """0 is none."""
    assert refuses_size(live(message_size_limit="0"), 1 << 40).word == "next"
    assert refuses_size(live(message_size_limit="10"), 10).word == "next"
    assert refuses_size(live(message_size_limit="10"), 11).reply.startswith("552 5.3.4")


@pytest.mark.parametrize(
    ("free", "limit", "least", "is_enough"),
    [(0, "0", "0", True), (149, "100", "0", False), (150, "100", "0", True),
     (150, "100", "151", False), (151, "0", "151", True)],
)  # fmt: skip
def test_a_full_disk_puts_all_mail_off(free: int, limit: str, least: str, is_enough: bool) -> None:
    """Half as much again as the largest message must be free."""
    service = live(message_size_limit=limit, queue_minfree=least, queue_directory="/queue")
    service.machine.space = free  # type: ignore[attr-defined]
    reply = lacks_space(service).reply
    assert reply == ("" if is_enough else "452 4.3.1 Insufficient system storage")


def test_maps_are_asked_as_the_daemons_user() -> None:
    """Root's own look would remove SQLite's log."""
    service = live(smtpd_relay_restrictions="reject_unauth_destination")
    list(ask_all(asked(service)))
    calls = [args[0] for name, args in service.machine.calls if name == "run"]  # type: ignore[attr-defined]
    assert calls
    assert all(
        argv[:5] == ("setpriv", "--reuid=101", "--regid=102", "--clear-groups", "--")
        for argv in calls
    )
