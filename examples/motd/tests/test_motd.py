"""Tests of the message of the day, as its author would write them."""

from pathlib import Path

import pytest

from mailstead.errors import InvalidValue
from mailstead.testing import fake, fake_engine

PLUGINS = {"motd": "mailstead_motd"}


def test_it_greets_and_names_whom_to_ask(tmp_path: Path) -> None:
    """The saved file holds both."""
    with fake_engine(tmp_path, PLUGINS) as engine:
        engine.enable(["motd"], consents=["motd"])
        values = {"greeting": "Mind the gap", "contacts": ["help@example.org"]}
        engine.editor.set_form("motd.message", values, engine.actor)
        assert engine.save().outcome == "committed"
        content = fake(engine).read_file(engine.instance.path("/etc/motd"))
    assert content == b"Mind the gap\nHelp: help@example.org\n"


def test_a_greeting_cannot_become_a_second_line(tmp_path: Path) -> None:
    """Its type refuses what is not one line."""
    refused = pytest.raises(InvalidValue, match=r"motd\.message\.greeting")
    with fake_engine(tmp_path, PLUGINS) as engine, refused:
        engine.editor.set_form("motd.message", {"greeting": "a\nb"}, engine.actor)
