"""Messages out of an mbox, RFC 4155."""

from __future__ import annotations

import io
import mailbox
from email.message import EmailMessage
from pathlib import Path

import attrs
import pytest

from mailstead.errors import InvalidValue
from mailstead.machine.fake import FakeMachine
from mailstead.plugin import Path as MachinePath
from mailstead_filter import training
from mailstead_filter.training import split
from tests.plugins.contexts import MODULES, bench


@attrs.define
class Stream:
    """A stream of bytes."""

    data: io.BytesIO
    size: int = 0

    def read(self, size: int) -> bytes:
        """Read so many bytes."""
        return self.data.read(size)

    def seek(self, offset: int) -> None:
        """Go on reading from there."""
        self.data.seek(offset)


def messages(data: bytes) -> list[bytes]:
    """Give the messages of an mbox."""
    return list(split(Stream(io.BytesIO(data))))


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_it_reads_what_the_standard_library_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """In blocks of any size; a line that begins with From stays a line."""
    monkeypatch.setattr(training, "BLOCK", block)
    box = mailbox.mbox(tmp_path / "box")
    for number in range(3):
        message = EmailMessage()
        message["Subject"] = f"number {number}"
        message.set_content("one\n\nFrom here on\n>From there\n")
        box.add(message)
    box.close()
    found = messages((tmp_path / "box").read_bytes())
    assert [f"number {number}".encode() in text for number, text in enumerate(found)] == [True] * 3
    assert all(b"\n\nFrom here on\n" in text for text in found)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('error = "<a@b> contains less tokens than required: 3 < 11";\nfilename = "x";',
         "contains less tokens than required: 3 < 11"),
        ("HTTP error: 400, Empty body is not permitted", "Empty body is not permitted"),
        ("", "no reason was given"),
    ],
)  # fmt: skip
def test_what_was_not_learned_has_a_reason(answer: str, reason: str) -> None:
    """Rspamd's own, without the id, which a stranger chose."""
    known = 'error = "<a> has been already learned as ham, ignore it";'
    found = training.count((answer, known, "success = true;\n"))
    assert (found.learned, found.known, found.reasons) == (1, 1, (reason,))


def test_without_bayes_nothing_is_learned_and_it_says_so(tmp_path: Path) -> None:
    """Rspamd itself would answer that it learned."""
    with bench(tmp_path, (*MODULES, "filter")) as made:
        made.set("filter.learning", bayes=False)
        with pytest.raises(InvalidValue, match=r"filter\.learning\.bayes: it is off"):
            training.train(made.context(), FakeMachine(), "ham", MachinePath("/box"))


def test_what_is_no_mbox_is_refused() -> None:
    """A Maildir's file, or anything else; an empty file has no messages."""
    with pytest.raises(InvalidValue, match=r"filter\.train: this is no mbox"):
        messages(b"Subject: x\n\nbody\n")
    assert messages(b"") == []


def test_a_long_message_is_cut_and_the_next_one_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a file of any size takes little memory."""
    monkeypatch.setattr(training, "LONGEST", 20)
    found = messages(b"From a\n" + b"x" * 9 + b"\n" + b"y\n" * 500 + b"\nFrom b\nSubject: z\n")
    assert len(found[0]) <= 22
    assert found[1] == b"Subject: z\n"
