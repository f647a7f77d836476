"""Files in a folder that another module's daemon reads whole go with their module."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.testing import fake_engine
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

PART, REST = "/etc/other.d/part", "/etc/other"
MANIFEST = f"""
[[paths]]
path = "{PART}"
reason = "x"
[[paths]]
path = "{REST}"
reason = "x"
"""
CODE = f"""
from mailstead.plugin import *

module = Module(
    folders=[Folder("/etc/other.d")],
    files=[Template("{PART}", "t.j2", drop_in=True), Template("{REST}", "t.j2")],
)
"""


@pytest.mark.parametrize("restore", [False, True])
@pytest.mark.parametrize("before", [None, b"theirs\n"])
def test_a_drop_in_goes_when_its_module_is_disabled(
    tmp_path: Path, packages: Packages, restore: bool, before: bytes | None
) -> None:
    """What stood there before it comes back; other files stay unless they are restored."""
    source = packages.add("part", MANIFEST, CODE, t="ours\n")
    with fake_engine(tmp_path, {source.name: source.package}) as engine:
        site = Site(engine, engine.machine, None)  # type: ignore[arg-type]
        if before:
            site.machine.add_file(engine.instance.path(PART), before)
        engine.enable(["part"], consents=["part"])
        assert site.save() == "committed"
        assert (site.content(PART), site.content(REST)) == (b"ours\n", b"ours\n")
        engine.disable(["part"], restore=restore)
        assert site.save() == "committed"
        assert site.content(PART) == before
        assert site.content(REST) == (None if restore else b"ours\n")
        engine.enable(["part"], consents=["part"])
        assert site.save() == "committed"
        assert site.content(PART) == b"ours\n"
