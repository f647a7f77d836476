"""Secrets stay secret."""

from __future__ import annotations

import copy
import json
import pickle

import attrs
import pytest

from mailstead.settings.secret import Secret, SecretText


def test_a_secret_is_never_shown() -> None:
    """Neither by str, repr, format, nor through the class that holds it."""

    @attrs.frozen
    class Holder:
        password: Secret

    secret = Secret("hunter2")
    holder = Holder(secret)
    shown = f"{secret} {secret!r} {secret} {[secret]} {holder} {attrs.asdict(holder)}"
    assert "hunter2" not in shown
    assert "hunter2" == secret.reveal()
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_secrets_compare_by_value() -> None:
    """Also with characters beyond ASCII, and never equal to plain text."""
    assert Secret("pä") == Secret("pä")
    assert hash(Secret("pä")) == hash(Secret("pä"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_secret_is_frozen_and_can_be_copied() -> None:
    """Nobody changes one in place."""
    secret = Secret("a")
    with pytest.raises(AttributeError):
        secret._value = "b"
    assert secret == copy.deepcopy(secret) == pickle.loads(pickle.dumps(secret))  # noqa: S301


@pytest.mark.parametrize("raw", ["", "hunter2\n", "hunter2\0", "hunter2" * 200, "hunter2\ud800", 5])
def test_a_refused_secret_is_not_quoted(raw: object) -> None:
    """The message tells why without telling what."""
    with pytest.raises(ValueError, match="the secret") as caught:
        SecretText().parse(raw)
    assert "hunter2" not in str(caught.value)


def test_a_secret_is_a_fixed_point() -> None:
    """What is dumped is read back."""
    secret = SecretText().parse("pass: wörd")
    assert secret == SecretText().parse(SecretText().dump(secret)) == SecretText().parse(secret)
