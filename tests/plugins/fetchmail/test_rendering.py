"""The files of external accounts."""

from __future__ import annotations

from pathlib import Path

from mailstead_fetchmail.places import UNIT
from mailstead_fetchmail.render import checks, is_on
from tests.plugins.contexts import MODULES, SANDBOX, SYSTEM, bench


def test_a_system_has_a_unit_and_a_sandbox_none(tmp_path: Path) -> None:
    """It runs the command that stays; /run is made anew at each boot."""
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        assert made.render("fetchmail", made.context(SANDBOX)) == {}
        files = made.render("fetchmail", made.context(SYSTEM))
    assert list(files) == [UNIT]
    lines = files[UNIT].content.decode().splitlines()
    assert [line for line in lines if line.endswith("-m mailstead.cli external follow")]
    assert "RuntimeDirectory=mailstead" in lines


def test_further_authorities_are_read_as_fetchmail_reads_them(tmp_path: Path) -> None:
    """Before a save; by root while there is no such user yet."""
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        assert checks(made.context()) == ()
        made.set("fetchmail.options", ca="/srv/ca.pem")
        (as_root,) = checks(made.context())
        (as_it,) = checks(made.context(fetchmail_ids=(105, 65534)))
    reads = ("openssl", "x509", "-noout", "-in", "/srv/ca.pem")
    assert as_root.argv == reads
    assert as_it.argv[:3] == ("setpriv", "--reuid=105", "--regid=65534")
    assert as_it.argv[-5:] == reads


def test_it_runs_when_external_retrieval_is_on(tmp_path: Path) -> None:
    """The switch of mail_retrieval's; off by default."""
    with bench(tmp_path, (*MODULES, "fetchmail")) as made:
        assert not is_on(made.context())
        made.set("mail_retrieval.services", external_retrieval=True)
        assert is_on(made.context())
