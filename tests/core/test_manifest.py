"""Tests of `mailstead.manifest`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.errors import ManifestError
from mailstead.manifest import parse

GOOD = """
id = "clock"
api = 1
title = "Clock"
summary = "Keeps the time right."
depends = ["network"]
enable_depends = ["network"]
packages = ["chrony"]
[[paths]]
path = "/etc/chrony/chrony.conf"
reason = "names the time servers"
[[ports]]
name = "ntp"
port = 123
"""


def test_a_full_manifest_is_read() -> None:
    """Every key arrives in its field."""
    manifest = parse(GOOD, "x")
    assert manifest.id == "clock"
    assert manifest.paths[0].reason == "names the time servers"
    assert manifest.ports[0].port == 123
    assert manifest.after == {"network"}


def test_boot_depends_follow_enable_depends_unless_given() -> None:
    """What must be enabled first also boots first."""
    assert parse(GOOD, "x").boot_depends == ("network",)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("api = 1", "api = 2", "api"),
        ("api = 1", 'api = "1"', "api"),
        ("api = 1", "", "api"),
        ('title = "Clock"', "", "title"),
        ('id = "clock"', 'id = "../clock"', "id"),
        ('id = "clock"', 'id = "Clock"', "id"),
        ('depends = ["network"]', 'depend = ["network"]', "depend"),
        ('depends = ["network"]', "depends = [1]", "depends"),
        ('packages = ["chrony"]', 'packages = ["--reinstall"]', "packages"),
        ('packages = ["chrony"]', 'packages = "chrony"', "packages"),
        ('path = "/etc/chrony/chrony.conf"', 'path = "etc/x"', "paths"),
        ('path = "/etc/chrony/chrony.conf"', 'path = "/etc/../x"', "paths"),
        ('reason = "names the time servers"', "", "paths.reason"),
        ('reason = "names the time servers"', 'why = ""\nreason=""', "paths.why"),
        ("port = 123", "port = 70000", "ports"),
    ],
)
def test_a_wrong_key_is_refused_by_name(old: str, new: str, named: str) -> None:
    """The error names file and key."""
    with pytest.raises(ManifestError) as error:
        parse(GOOD.replace(old, new, 1), "clock/manifest.toml")
    assert error.value.where == f"clock/manifest.toml: {named}"


def test_broken_toml_is_refused_with_its_line() -> None:
    """The parser's own words are kept."""
    with pytest.raises(ManifestError, match="line 2"):
        parse('id = "a"\napi = = 1', "x")


@given(st.text())
def test_any_text_is_a_manifest_or_a_manifest_error(text: str) -> None:
    """Nothing else escapes."""
    try:
        parse(text, "x")
    except ManifestError as error:
        assert error.where.startswith("x")
