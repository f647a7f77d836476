"""What the command ``log`` takes."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mailstead.cli.app import App
from mailstead.errors import InvalidValue
from mailstead_mail_log.commands import log_group


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [("--client", "x", "log.client"), ("--since", "soon", "log.since"),
     ("--until", "1x", "log.until")],
)  # fmt: skip
def test_a_bad_value_is_refused_by_the_name_of_its_field(
    option: str, value: str, field: str
) -> None:
    """Before the logs are read; what is accepted is said once."""
    words = ("search", option, value)
    with pytest.raises(InvalidValue) as refused:
        CliRunner().invoke(log_group, words, obj=App(prefix="/"), catch_exceptions=False)
    assert refused.value.where == field
    assert str(refused.value).count("accepted") + str(refused.value).count("expected") == 1


def test_an_end_is_one_of_those_there_are() -> None:
    """None is asked for by leaving it out."""
    done = CliRunner().invoke(log_group, ("search", "--status", ""), obj=App(prefix="/"))
    assert done.exit_code == 2
    assert "'' is not one of 'sent'" in done.output
