"""Reading what postconf prints."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailstead.machine.fake import FakeMachine
from mailstead.plugin import Completed, Path
from mailstead_mail_smtp.trace.live import read_live, split_words

MASTER = """\
127.0.0.1:25 inet n - n - - smtpd
127.0.0.1:587 inet n - n - - smtpd -o smtpd_relay_restrictions=reject
10025 inet n - n - - smtpd
pickup unix n - n 60 1 pickup
"""


def test_a_service_has_its_own_parameters() -> None:
    """What master.cf sets for it, and main.cf for the rest."""
    machine = FakeMachine()
    words = ("postconf", "-c", "/etc/postfix")
    main = "smtpd_relay_restrictions = permit\nmynetworks =\n"
    own = "127.0.0.1:587/inet/smtpd_relay_restrictions = reject\n"
    for option, text in (("-M", MASTER), ("-x", main), ("-Px", own)):
        machine.on_command((*words, option), Completed(0, text, ""))
    found = {port: read_live(machine, Path("/etc/postfix"), port) for port in (25, 587, 465)}
    assert found[465] is None
    assert found[25] is not None
    assert found[587] is not None
    assert found[25].words("smtpd_relay_restrictions") == ("permit",)
    assert found[587].words("smtpd_relay_restrictions") == ("reject",)
    assert found[587].words("mynetworks") == ()


def test_braces_hold_a_word_together() -> None:
    """Also ones within others."""
    text = "a, check_helo_access inline:{{x = 501 no, no}} , {b c}"
    assert split_words(text) == ("a", "check_helo_access", "inline:{{x = 501 no, no}}", "{b c}")


@given(st.lists(st.text("ab:/={}", min_size=1).filter(lambda word: word.count("{") == 0)))
def test_words_without_braces_come_back(words: list[str]) -> None:
    """Whatever separates them."""
    words = [word.replace("}", "") or "x" for word in words]
    assert split_words(",\t ".join(words)) == tuple(words)
