"""The command ``account``: what its arguments mean."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mailstead.cli.app import App
from mailstead.errors import InvalidValue
from mailstead_mail_smtp.addresses.grammar import SMALLEST_MAILBOX
from mailstead_mail_smtp.cli.account import account_group, parse_quota, refuse_own_name
from tests.plugins.contexts import bench


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("default", None),
        ("Default", None),
        ("unlimited", 0),
        ("UNLIMITED", 0),
        ("64K", SMALLEST_MAILBOX),
        ("2G", 2 << 30),
    ],
)
def test_a_quota_is_read(text: str, quota: int | None) -> None:
    """A word in any case, or a size."""
    assert parse_quota(text) == quota


@pytest.mark.parametrize("text", ["0", "1", "63K", str(SMALLEST_MAILBOX - 1)])
def test_a_mailbox_that_holds_next_to_nothing_is_refused(text: str) -> None:
    """No mail would be taken; who wants no limit is told the word for it."""
    with pytest.raises(InvalidValue, match=r"^account\.quota: .* too few .*unlimited.* 64K"):
        parse_quota(text)


def quota(*words: str) -> int:
    """Run ``account quota`` without an instance, and give its exit status."""
    return (
        CliRunner()
        .invoke(account_group, ("quota", *words), obj=App(prefix="/"), catch_exceptions=False)
        .exit_code
    )


@pytest.mark.parametrize("size", ["-1", "-12", "-1G"])
def test_a_negative_quota_is_refused_by_the_field(size: str) -> None:
    """And not taken for an option; a word too many and --help are what they were."""
    with pytest.raises(InvalidValue, match=r"^account\.quota: '-1"):
        quota("ada@example.org", size)
    assert quota("ada@example.org", "1G", "--nosuch") == click.UsageError.exit_code
    assert quota("--help") == 0


def test_an_address_at_a_name_of_this_server_is_told_so(tmp_path: Path) -> None:
    """And not to add a domain that a plan refuses."""
    with bench(tmp_path) as made:
        made.set("network.host", hostname="mail", domain="example.org")
        made.set("mail_smtp.options", mailname="local.example")
        for domain in ("MAIL.example.org", "local.example"):
            with pytest.raises(InvalidValue, match=r"^alias\.address: .* a name of this server"):
                refuse_own_name(made.context(), f"ada@{domain}", "alias.address")
        for address in ("ada@example.org", "ada", ""):
            refuse_own_name(made.context(), address, "alias.address")
