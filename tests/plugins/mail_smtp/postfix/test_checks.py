"""What postconf(1) says of a staged master.cf: one reading sees what the special ones see."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mailstead_mail_smtp.postfix.daemon import WARNINGS

BROKEN = [
    "smtp inet n - n -",
    "smtp foo n - n - - smtpd",
    "smtp inet x - n - - smtpd",
    "smtp inet n - n abc - smtpd",
    "smtp inet n - n - - smtpd\n  -o { nope = 1 }",
    "smtp inet n - n - - smtpd\n  -o { a = 1",
    "  -o foo=bar\nsmtp inet n - n - - smtpd",
]


def complaints(folder: Path, mode: str) -> set[str]:
    """Give what postconf complains of in a mode."""
    argv = ["postconf", "-c", str(folder), mode]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return {line for line in done.stderr.splitlines() if line.startswith(WARNINGS)}


@pytest.mark.parametrize("master", BROKEN)
def test_reading_main_cf_finds_what_is_wrong_in_master_cf(tmp_path: Path, master: str) -> None:
    """Wrong fields, unknown and unclosed options, a continuation of nothing."""
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    (tmp_path / "master.cf").write_text(f"{master}\n")
    for name in ("main.cf", "master.cf"):
        os.utime(tmp_path / name, (0, 0))  # else postconf waits until the file is a second old
    found = complaints(tmp_path, "-n")
    assert found
    assert complaints(tmp_path, "-M") | complaints(tmp_path, "-P") <= found
