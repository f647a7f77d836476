"""Encryption: what goes in comes out with the passphrase, and with nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import attrs
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pyrage import DecryptError, passphrase

from mailstead.backup.flow import Nothing, Pieces
from mailstead.backup.seal import Key, refuse_weak
from mailstead.errors import ArchiveError, InvalidInput, MachineError
from tests.core.backup.crafted import Bytes
from tests.core.damage import DAMAGE, Damage

KEY = Key.make()


@cache
def sealed(content: bytes) -> bytes:
    """Encrypt, once: what comes out is longer or shorter by chance."""
    sink = Bytes()
    KEY.encrypt(io.BytesIO(content), sink)
    return sink.content


class Failing:
    """An end of a stream that fails."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def read(self, size: int) -> bytes:  # noqa: ARG002 - it never does
        """Fail."""
        raise self.error

    def write(self, data: bytes) -> int:  # noqa: ARG002 - it never does
        """Fail."""
        raise self.error


@cache
def locked() -> bytes:
    """Lock the key, once: it takes a second or more by design."""
    return KEY.lock("K\u00e4se und Brot")


def test_the_passphrase_opens_the_key() -> None:
    """With umlauts and spaces."""
    assert locked().startswith(b"age-encryption.org/v1\n-> scrypt ")
    sink = Bytes()
    Key.unlock(locked(), "K\u00e4se und Brot").decrypt(io.BytesIO(sealed(b"secret")), sink)
    assert sink.content == b"secret"


def test_another_passphrase_does_not() -> None:
    """And the error does not repeat it."""
    with pytest.raises(ArchiveError, match="passphrase is wrong") as caught:
        Key.unlock(locked(), "Kaese und Brot")
    assert "Kaese" not in str(caught.value)


@attrs.define
class Busy:
    """The library on a machine that is busy at first."""

    error: Exception
    times: int
    real: Callable[[bytes, str], bytes] = passphrase.decrypt

    def __call__(self, sealed: bytes, words: str) -> bytes:
        """Refuse so many times."""
        self.times -= 1
        if self.times >= 0:
            raise self.error
        return self.real(sealed, words)


def test_a_key_that_takes_too_long_is_tried_again_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A much faster machine made it, or ours is busy, or somebody wants it to be."""
    first, stanza, rest = locked().split(b"\n", 2)
    slow = b"\n".join((first, stanza.rpartition(b" ")[0] + b" 40", rest))
    with pytest.raises(DecryptError) as told:
        passphrase.decrypt(slow, "correct horse")
    monkeypatch.setattr(passphrase, "decrypt", busy := Busy(told.value, times=2))
    assert Key.unlock(locked(), "K\u00e4se und Brot")
    assert busy.times == -1
    monkeypatch.undo()
    with pytest.raises(ArchiveError, match="too busy, or much slower"):
        Key.unlock(slow, "correct horse")


@pytest.mark.parametrize("noise", [b"", b"noise", b"age-encryption.org/v1\n-> scrypt x 1\n"])
def test_noise_is_no_key(noise: bytes) -> None:
    """Each is refused as damage."""
    with pytest.raises(ArchiveError, match=r"key\.age: the passphrase is wrong, or"):
        Key.unlock(noise, "correct horse")


def test_a_key_is_never_shown() -> None:
    """Its printed form is empty."""
    assert repr(KEY) == "Key()"


@given(content=st.binary(max_size=200_000))
def test_what_is_encrypted_is_decrypted(content: bytes) -> None:
    """Nothing of it is readable in between."""
    found = sealed(content)
    assert len(content) < 16 or content not in found
    sink = Bytes()
    KEY.decrypt(io.BytesIO(found), sink)
    assert sink.content == content


@settings(deadline=None)
@given(size=st.sampled_from([0, 1, 65_535, 65_536, 65_537, 150_000]), damage=DAMAGE)
@example(size=150_000, damage=Damage((), -18_944))
def test_what_is_changed_or_cut_is_refused(size: int, damage: Damage) -> None:
    """Wherever; also at the border of a chunk."""
    whole = sealed(bytes(size))
    found = damage.done_to(whole)
    assume(found != whole)
    with pytest.raises(ArchiveError, match="decrypted"):
        KEY.decrypt(io.BytesIO(found), Nothing())


def test_another_key_opens_nothing() -> None:
    """Each backup has its own."""
    with pytest.raises(ArchiveError, match="decrypted"):
        Key.make().decrypt(io.BytesIO(sealed(b"secret")), Nothing())


@pytest.mark.parametrize(
    "error", [MachineError("no space left"), KeyboardInterrupt(), SystemExit(143), OSError(5, "x")]
)
def test_an_error_of_a_stream_stays_what_it_is(error: BaseException) -> None:
    """A full disk is not called a wrong passphrase, and Ctrl-C ends the command."""
    content = sealed(b"abc")
    for call, source, sink in (
        (KEY.encrypt, Pieces([b"abc"]), Failing(error)),
        (KEY.encrypt, Failing(error), Nothing()),
        (KEY.decrypt, Failing(error), Nothing()),
        (KEY.decrypt, io.BytesIO(content), Failing(error)),
    ):
        with pytest.raises((type(error), ArchiveError)) as caught:
            call(source, sink)
        assert error in (caught.value, caught.value.__cause__)


@pytest.mark.parametrize("words", ["", "short", "1234567"])
def test_a_weak_passphrase_is_refused(words: str) -> None:
    """The words are not repeated."""
    with pytest.raises(InvalidInput, match="fewer than 8") as caught:
        refuse_weak(words)
    assert not words or words not in str(caught.value)
    refuse_weak("12345678")
