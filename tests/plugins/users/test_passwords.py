"""Passwords: stored so that Dovecot verifies them, refused without being quoted."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailstead.plugin import InvalidValue, types
from mailstead_users.passwords import Passwords
from tests.plugins.users.world import CHEAP

PRINTABLE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), min_size=8)
STRONG = Passwords()


@settings(deadline=None)
@given(PRINTABLE)
def test_a_password_verifies_and_no_other_does(text: str) -> None:
    """The stored form holds the scheme and not the password."""
    stored = CHEAP.hash(types.Secret(text))
    assert stored.startswith("{ARGON2ID}$argon2id$")
    assert CHEAP.verify(stored, types.Secret(text))
    assert not CHEAP.verify(stored, types.Secret(f"{text}x"))


def test_the_parameters_are_those_that_were_chosen() -> None:
    """Two passes, 19 MiB, one lane."""
    stored = STRONG.hash(types.Secret("correct horse"))
    assert "$m=19456,t=2,p=1$" in stored
    assert not STRONG.needs_rehash(stored)


def test_other_parameters_need_a_new_hash() -> None:
    """Weaker ones, another scheme, and what is none."""
    weak = CHEAP.hash(types.Secret("correct horse"))
    for stored in (weak, "{SSHA256}abc", "{ARGON2ID}", ""):
        assert STRONG.needs_rehash(stored)


@pytest.mark.parametrize(
    "stored", ["", "{ARGON2ID}", "{ARGON2ID}$argon2id$v=19$x", "{PLAIN}long enough"]
)
def test_a_broken_stored_form_fits_no_password(stored: str) -> None:
    """It is no error either: somebody is just not let in."""
    assert not STRONG.verify(stored, types.Secret("long enough"))


@pytest.mark.parametrize(
    "text", ["", "short 7", "with\x00nul...", "with\nnewline", "with\x7fdelete", "\ud800surrogate",
             "x" * 1025, "ü" * 513],
)  # fmt: skip
def test_a_bad_password_is_refused_without_being_quoted(text: str) -> None:
    """Too short, not printable, not UTF-8, longer than 1024 bytes."""
    with pytest.raises(InvalidValue) as caught:
        CHEAP.hash(types.Secret(text))
    assert "user.password" == caught.value.where
    assert not text or text not in str(caught.value)


def test_the_policy_counts_characters() -> None:
    """A longer minimum is kept."""
    with pytest.raises(InvalidValue, match="at least 12"):
        Passwords(12, CHEAP.hasher).hash(types.Secret("ü" * 11))
    assert Passwords(12, CHEAP.hasher).hash(types.Secret("ü" * 12))


@pytest.mark.skipif(shutil.which("doveadm") is None, reason="needs dovecot-core")
@pytest.mark.parametrize(
    "text", ["correct horse", "pässwörd €uro", "{PLAIN}x' \"$(id)", "x" * 1024]
)
def test_dovecot_verifies_what_is_stored(text: str) -> None:
    """By doveadm's own test, the right password and a wrong one."""
    stored = STRONG.hash(types.Secret(text))
    assert 0 == _doveadm(stored, text)
    assert 0 != _doveadm(stored, f"{text}x")


def _doveadm(stored: str, text: str) -> int:
    argv = ["doveadm", "-c", "/dev/null", "pw", "-t", stored, "-p", text]
    return subprocess.run(argv, capture_output=True, check=False, timeout=30).returncode
