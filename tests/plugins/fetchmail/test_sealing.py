"""Passwords at rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.errors import MachineError
from mailstead.machine.fake import FakeMachine
from mailstead.plugin import types
from mailstead_fetchmail.places import KEY
from mailstead_fetchmail.sealing import make_key, read_key, seal, unseal
from tests.plugins.contexts import bench


@given(text=st.text(min_size=1))
def test_what_was_sealed_is_unsealed(text: str) -> None:
    """Whatever is in it; and twice the same password is not twice the same text."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        return
    key = make_key(None).strip()  # type: ignore[arg-type]
    first, second = seal(key, types.Secret(text)), seal(key, types.Secret(text))
    assert first != second
    assert unseal(key, first) == types.Secret(text)


def test_another_key_opens_nothing() -> None:
    """Nor does one that is damaged; the next step is said."""
    sealed = seal(make_key(None).strip(), types.Secret("x"))  # type: ignore[arg-type]
    for key in (make_key(None).strip(), b"damaged", b""):  # type: ignore[arg-type]
        with pytest.raises(MachineError, match="restore the key from a backup"):
            unseal(key, sealed)


def test_a_missing_key_is_said_to_be_missing(tmp_path: object) -> None:
    """With the next step."""
    with bench(tmp_path, ("network", "mail_smtp", "mail_retrieval", "fetchmail")) as made:  # type: ignore[arg-type]
        context, machine = made.context(), FakeMachine()
        with pytest.raises(MachineError, match=r"fetchmail\.key: the key does not exist"):
            read_key(context, machine)
        machine.add_file(context.path(KEY), make_key(context))
        assert len(read_key(context, machine)) == 44
