"""What a real Postfix refuses and marks with Rspamd and ClamAV behind it."""

from __future__ import annotations

import gzip
import os
import re
import signal
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tests.system.conftest import Site
from tests.system.filtering import ADA, FRIEND, GRACE, change, filtered_site, send, text_of
from tests.system.mail_samples import (
    EICAR,
    GTUBE,
    attached,
    forwarded,
    named,
    plain,
    spam,
    tarred,
    zipped,
)
from tests.system.watch import pids, refusal_of, run_quickly

CARL, EVE = "carl@example.org", "eve@example.org"
VIRUS = "554 5.7.1 virus found: Eicar-Test-Signature"
SPAM = "554 5.7.1 this looks like spam"
EXE = "554 5.7.1 attachment not taken here: .exe"


SETTINGS = (
    ("filter.options", "redis=false"),
    ("filter.attachments", "mime_types=video/*", "encrypted_archives=true"),
    ("filter.senders", "*@good.*", "action=allow"),
    ("filter.senders", "@bad.example", "action=deny"),
    ("filter.recipients", "sales@example.org", "action=allow"),
    ("filter.recipients", "old@example.org", "action=deny"),
    ("mail_smtp.domains", "lax.example", "comment=any"),
    ("mail_smtp.domain_aliases", "alias.example", "domain=example.org"),
    ("mail_smtp.domains", "strict.example", "comment=few"),
    ("filter.domains", "lax.example", "spam=false", "virus=false"),
    ("filter.domains", "strict.example", "tag=1", "reject=3"),
)


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a filtered site with a domain where spam is welcome and one that is strict."""
    with filtered_site(*SETTINGS) as made:
        for name in ("old", "sales", "carl", "eve"):
            made.sandbox.add_user(name)
            run_quickly(made.sandbox, "account", "add", name, f"{name}@example.org")
        for domain in ("lax.example", "strict.example"):
            run_quickly(made.sandbox, "alias", "add", f"ada@{domain}", "--account", ADA)
        yield made


def test_good_mail_passes_and_nobody_else_can_mark_it(place: Site) -> None:
    """Marks that a sender forged are taken off."""
    forged = {"X_Spam": "No", "X_Mailstead_Filter": "quarantine; class=spam; forged"}
    assert send(place, plain("good mail", **forged)) == ""
    text = text_of(place, "good mail")
    assert "X-Spam" not in text
    assert "X-Mailstead-Filter" not in text


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (plain("gtube", GTUBE), "554 5.7.1 Gtube pattern"),
        (spam(), SPAM),
        (attached("eicar", "x.txt", EICAR), VIRUS),
        (attached("zip", "x.zip", zipped("x.txt", EICAR)), VIRUS),
        (plain("inline", EICAR.decode()), VIRUS),
        (attached("exe", "setup.exe"), EXE),
        (attached("dots", "setup.ExE. ."), EXE),
        (attached("right to left", "setup\u202etxt.exe"), EXE),
        (attached("inside", "x.zip", zipped("a/setup.EXE", b"MZ")), EXE),
        (attached("tar", "x.tar", tarred("a/setup.EXE", b"MZ")), EXE),
        (attached("packed tar", "x.tar.gz", gzip.compress(tarred("setup.exe", b"MZ"))), EXE),
        (attached("zip in zip", "x.zip", zipped("y.zip", zipped("setup.exe .", b"MZ"))), EXE),
        (attached("virus in tar", "x.tar", tarred("setup.exe", EICAR)), VIRUS),
        (attached("film", "x.txt", kind="video/mp4"), "554 5.7.1 attachment not taken here: video"),
        (attached("locked", "x.zip", zipped("x.txt", b"MZ", locked=True)),
         "554 5.7.1 attachment not taken here: encrypted archive"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("login", ["", ADA])
def test_bad_mail_is_refused_while_the_sender_is_connected(
    place: Site, message: EmailMessage, words: str, login: str
) -> None:
    """From strangers, and from users who send it elsewhere."""
    said = send(place, message, FRIEND if login else ADA, login=login)
    assert said[: len(words)] == words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (forwarded(attached("inner", "x.exe")), EXE),
        (forwarded(attached("inner", "x.txt", EICAR)), VIRUS),
        (b"\r\n" + EICAR + b"\r\n", VIRUS),
        (b"Subject: no end of a header " + b"x" * 9000 + b"\r\n\r\n" + EICAR, VIRUS),
        (named("Content-Type: application/x; name=x.exe"), EXE),
        (named("Content-Type: application/x; name*0=x.e; name*1=xe"), EXE),
        (named("Content-Disposition: attachment; filename*=utf-8''x%2e%65xe"), EXE),
        (named('Content-Disposition: attachment; filename="=?utf-8?B?eC5leGU=?="'), EXE),
        (named('Content-Disposition: attachment; filename="x.txt .exe "'), EXE),
    ],
    ids=lambda item: "bytes" if isinstance(item, bytes) else None,  # which hold the time
)  # fmt: skip
def test_odd_forms_hide_nothing(place: Site, message: EmailMessage | bytes, words: str) -> None:
    """Messages in messages, without header or end, and names in other spellings."""
    assert send(place, message)[: len(words)] == words


def test_what_is_suspected_is_marked(place: Site) -> None:
    """X-Spam, for whoever files mail by it, and the subject if wanted."""
    change(place, "filter.spam", "subject_tag=[SPAM?]")
    assert send(place, spam("Rather odd", less=True)) == ""
    text = text_of(place, "Rather odd")
    assert "\r\nX-Spam: Yes\r\n" in text
    assert "\r\nX-Mailstead-Filter: tag; class=suspect; this may be spam\r\n" in text
    assert "\r\nSubject: [SPAM?] Rather odd\r\n" in text


CLASSES = {
    "spam": ("BUY VIAGRA", spam()),
    "virus": ("policy of viruses", attached("policy of viruses", "x.txt", EICAR)),
    "attachment": ("policy of attachments", attached("policy of attachments", "x.exe")),
}


@pytest.mark.parametrize(("policy", "to"), [("tag", CARL), ("pass", EVE), ("discard", GRACE)])
def test_each_policy_is_done_to_each_class(place: Site, policy: str, to: str) -> None:
    """Marked and delivered, delivered as it is, or thrown away after it was taken."""
    change(place, "filter.policies", *(f"{kind}={policy}" for kind in CLASSES))
    try:
        for kind, (subject, message) in CLASSES.items():
            assert send(place, message, to) == ""
            text = "" if policy == "discard" else text_of(place, subject, to)
            mark = f"\r\nX-Mailstead-Filter: tag; class={kind}; "
            assert (mark in text, "\r\nX-Spam: Yes\r\n" in text) == (policy == "tag",) * 2
            assert "X-Mailstead-Filter" not in text.replace(mark, "")
        assert send(place, plain(f"after {policy}"), to) == ""
        text_of(place, f"after {policy}", to)
        assert len(place.sandbox.subjects(to)) == (1 if policy == "discard" else 4)
    finally:
        change(place, "filter.policies", *(f"{kind}=reject" for kind in CLASSES))


def spam_with_exe() -> EmailMessage:
    """Give a message of two classes."""
    made = spam()
    made.add_attachment(b"MZ", maintype="application", subtype="x", filename="x.exe")
    return made


def test_of_all_that_a_message_is_the_strictest_policy_is_done(place: Site) -> None:
    """A lenient policy for one thing hides no other; what cannot be scanned waits all the same."""
    both = attached("both", "x.exe", EICAR)
    change(place, "filter.policies", "attachment=pass", "virus=tag")
    try:
        assert send(place, spam_with_exe()).startswith(SPAM)
        assert send(place, both, CARL) == ""
        assert "class=virus" in text_of(place, "both", CARL)
        clamd = int(place.sandbox.path("/run/clamav/clamd.pid").read_text())
        os.killpg(os.getpgid(clamd), signal.SIGKILL)
        assert send(place, attached("unscanned", "x.exe")).startswith("451 4.7.1 the virus scanner")
        assert send(place, spam_with_exe()).startswith(SPAM)
        run_quickly(place.sandbox, "start", "filter")
        change(place, "filter.policies", "attachment=reject")
        assert send(place, both).startswith(EXE)
        change(place, "filter.policies", "attachment=discard", "virus=quarantine")
        assert send(place, both) == ""
        assert place.sandbox.json("quarantine", "list") == []
    finally:
        change(place, "filter.policies", *(f"{kind}=reject" for kind in CLASSES))


@pytest.mark.parametrize(
    ("message", "to", "words"),
    [
        (spam("to lax"), ("ada@lax.example",), ""),
        (spam(), ("ada@lax.example", GRACE), SPAM),
        (spam("less to strict", less=True), ("ada@strict.example",), SPAM),
        (spam("less to two", less=True), ("ada@lax.example", "ada@strict.example"), SPAM),
        (attached("virus to lax", "x.txt", EICAR), ("ada@lax.example",), ""),
        (attached("virus to both", "x.txt", EICAR), ("ada@lax.example", GRACE), VIRUS),
        (attached("exe to lax", "x.exe"), ("ada@lax.example",), EXE),
        (spam("to sales"), ("sales@example.org",), ""),
        (spam("to sales"), ("sales+x@example.org",), ""),
        (spam("to sales"), ("sales@alias.example",), ""),
        (spam(), ("sales@example.org", ADA), SPAM),
        (plain("to old"), ("old@example.org",), "554 5.7.1 <old@example.org>: Recipient address"),
        (plain("to old"), ("old@alias.example",), "554 5.7.1 <old@alias.example>: Recipient"),
    ],
)  # fmt: skip
def test_a_message_is_judged_by_the_strictest_of_its_recipients(
    place: Site, message: EmailMessage, to: tuple[str, ...], words: str
) -> None:
    """So that no further recipient makes it pass."""
    said = send(place, message, *to)
    assert said[: len(words) or None] == words


@pytest.mark.parametrize(
    ("sender", "message", "words"),
    [
        ("Friend@Good.Example", spam("allowed"), ""),
        ("friend@good.example", attached("allowed virus", "x.txt", EICAR), VIRUS),
        ("eve@bad.example", plain("denied"), "554 5.7.1 this sender is not wanted here"),
        ("eve@BAD.example", plain("denied"), "554 5.7.1 this sender is not wanted here"),
        ("eve@sub.bad.example", plain("not denied"), ""),
        ("", plain("a bounce"), ""),
    ],
)
def test_senders_are_allowed_and_denied(
    place: Site, sender: str, message: EmailMessage, words: str
) -> None:
    """Allowed is never spam, but it may be a virus."""
    said = send(place, message, sender=sender)
    assert said[: len(words) or None] == words


@pytest.mark.parametrize(
    ("sender", "to"), [("eve@bad.example", ADA), (FRIEND, "old@alias.example"), (FRIEND, ADA)]
)
def test_a_trace_foretells_who_is_denied(place: Site, sender: str, to: str) -> None:
    """With the words of the reply."""
    done = run_quickly(place.sandbox, "--json", "trace", sender, to)
    assert done.json["reply"] == send(place, plain("traced"), to, sender=sender)


def test_broken_signatures_are_refused_by_the_name_of_the_field(place: Site) -> None:
    """Before anything is touched; as are those that know no virus."""
    folder, ignoring = (place.sandbox.folder.parent / name for name in ("broken", "ignoring"))
    folder.mkdir()
    ignoring.mkdir()
    (ignoring / "x.ign2").write_text("Eicar-Test-Signature\n")
    file = folder / "own.ndb"
    file.write_text("Eicar:0:*:not hexadecimal\n")
    good = place.sandbox.path("/etc/mailstead/filter/signatures/test.ndb")
    before = place.sandbox.path("/etc/mailstead/filter/clamd.conf").read_bytes()
    for value in (folder, folder / "nowhere", file, good, ignoring):
        words = ("settings", "set", "filter.options", f"signatures={value}")
        assert "filter.options.signatures" in refusal_of(place.sandbox, *words)
    assert place.sandbox.path("/etc/mailstead/filter/clamd.conf").read_bytes() == before


def test_disabled_nothing_of_it_is_left_where_others_read(place: Site) -> None:
    """Its own folder is left to nobody; its daemons are stopped, and mail passes."""
    place.sandbox.run("settings", "set", "mail_smtp.filter", "use=none")
    place.sandbox.run("disable", "filter", "--yes")
    place.sandbox.run("save")
    own = place.sandbox.path("/etc/mailstead/filter")
    files = [path for path in place.sandbox.path("/etc").rglob("*") if path.is_file()]
    texts = {path: path.read_text() for path in files if not path.is_relative_to(own)}
    # Ports for what was filtered before say that no milter is asked there.
    its = re.compile("/filter/|milter_|_milters = [^}]")
    assert [path for path, text in texts.items() if its.search(text)] == []
    assert [name for name in pids(place.sandbox) if name not in ("postfix", "dovecot")] == []
    assert send(place, spam("unfiltered")) == ""
    assert "X-Mailstead" not in text_of(place, "unfiltered")
