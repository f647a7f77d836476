"""The files of external accounts, compared with golden ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.instance import Instance
from mailstead_fetchmail.render import is_on
from tests.plugins.contexts import MODULES, SANDBOX, SYSTEM, bench, compare

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(("name", "instance"), [("sandbox", SANDBOX), ("system", SYSTEM)])
def test_files_are_as_expected(tmp_path: Path, name: str, instance: Instance) -> None:
    """One golden file each; a sandbox has no unit."""
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        files = made.render("fetchmail", made.context(instance))
    if name == "system":
        unit = files.pop("/etc/systemd/system/mailstead-fetchmail.service").content.decode()
        assert "-m mailstead.cli external follow\n" in unit
    compare(GOLDEN, name, files)


def test_it_runs_when_external_retrieval_is_on(tmp_path: Path) -> None:
    """The switch of mail_retrieval's; off by default."""
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        assert not is_on(made.context())
        made.set("mail_retrieval.services", external_retrieval=True)
        assert is_on(made.context())
