"""What the commands say."""

from __future__ import annotations

from pathlib import Path

import attrs

from mailstead_fetchmail.commands import OFF, notes
from tests.plugins.contexts import MODULES, bench
from tests.plugins.fetchmail.test_rcfile import ACCOUNT


def test_what_one_should_know_about_an_account_is_said(tmp_path: Path) -> None:
    """What is not safe about it, and why nothing comes."""
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        assert list(notes(made.context(), ACCOUNT)) == [OFF]
        made.set("mail_retrieval.services", external_retrieval=True)
        assert list(notes(made.context(), ACCOUNT)) == []
        (said,) = notes(made.context(), attrs.evolve(ACCOUNT, verify_tls=False))
        assert "others on the way may read the password" in said
        made.set("mail_smtp.filter", use="custom")
        (said,) = notes(made.context(), ACCOUNT)
    assert said == "what is fetched does not pass through the mail filter, a server of your own"
