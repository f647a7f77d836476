"""Rules and vacations that commands make do what they say, in the hands of the real daemons."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy

import pytest

from mailstead.engine import Engine
from mailstead_sieve.places import CHECKING
from mailstead_sieve.scripts import storage
from tests.system.conftest import Site
from tests.system.sandbox import STRANGER, Done, wait_until
from tests.system.sieving import (
    ADA,
    FAR,
    FRIEND,
    GRACE,
    arrived,
    left,
    new_site_with_rules,
    put,
    send,
    subjects,
    went_out,
)
from tests.system.watch import digests, run_quickly, try_quickly

HARD_TEXT = 'Ich bin weg.\n.\n..\n "quoted" \\ back ${name} ${hex:41}\n# Filter: x\n\tüß€ 😀\n'
HARD_NAME = 'Liste "böse" ${x} \\ # }'


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    """Give a site with sieve and an alias for ada."""
    with new_site_with_rules() as made:
        made.sandbox.run("alias", "add", "ada.l@example.org", "--account", ADA)
        yield made


@pytest.fixture(autouse=True)
def _no_rules(place: Site) -> Iterator[None]:
    yield
    for login in (ADA, GRACE):
        run(place, "sieve", "deactivate", login)
        for row in run(place, "--json", "sieve", "list", login).json:
            run(place, "--yes", "sieve", "delete", login, row["script"])


def run(place: Site, *words: str, typed: str = "") -> Done:
    """Run a command."""
    return run_quickly(place.sandbox, *words, typed=typed)


def rule(place: Site, name: str, *words: str) -> None:
    """Add a rule to ada's."""
    run(place, "rule", "add", ADA, name, *words)


@pytest.mark.parametrize(
    ("folder", "is_taken"),
    [("Fol ü.x y", False), ("a/.b", False), ("~a", False), ("/a", False), ("a//b", False),
     ("漢" * 95, False), ("😀" * 48, False),
     ("漢" * 94, True), ("😀" * 47, True), ("ü-" * 43, False), ("ü-" * 42, True), ("a" * 100, True),
     ("a/" * 49 + "b", True), ("#a & b:c|<d>'{e}", True)],
)  # fmt: skip
def test_a_folder_is_taken_if_dovecot_makes_it(place: Site, folder: str, is_taken: bool) -> None:
    """What it would refuse at each message is refused when the rule is made."""
    words = ("rule", "add", ADA, "filed", "--always", "--file", folder)
    refused = try_quickly(place.sandbox, *words)
    assert (refused.status, "rule.file" in refused.stderr) == (
        (0, False) if is_taken else (2, True)
    )  # fmt: skip
    config = str(place.sandbox.path("/etc/dovecot/dovecot.conf"))
    argv = ["doveadm", "-c", config, "mailbox", "create", "-u", ADA, "--", folder]
    made = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (made.returncode == 0) == is_taken, made.stderr


def test_each_action_does_what_it_says(place: Site) -> None:
    """Filed by a name that is hard to write, forwarded and kept, rejected, discarded, stopped."""
    subject = ("--if", "subject", "is")
    rule(place, HARD_NAME, *subject, "files", "--file", "Listen/böse Wörter ${x}")
    rule(place, "on", *subject, "forwards", "--forward", FAR, "--forward", GRACE, "--keep")
    rule(place, "no", *subject, "rejects", "--reject", 'Nein: "${x}"\n.\nüß')
    rule(place, "away", *subject, "discards", "--discard")
    rule(place, "stop", *subject, "stops", "--stop")
    rule(place, "last", "--always", "--file", "Rest")
    for word in ("files", "forwards", "rejects", "discards", "stops", "other"):
        send(place, FRIEND, ADA, word)
    arrived(place, ADA, "Rest", "other")
    arrived(place, ADA, "INBOX", "stops")
    arrived(place, ADA, "INBOX", "forwards")
    arrived(place, GRACE, "INBOX", "forwards")
    went_out(place, "forwards")
    assert 'Nein: "${x}"' in went_out(place, "Rejected: rejects")
    assert "rejects" not in subjects(place, ADA, "INBOX")
    assert "discards" not in subjects(place, ADA, "INBOX")
    with place.sandbox.imap(ADA) as client:
        folders = [line.decode().rpartition(' "/" ')[2] for line in client.list()[1]
                   if isinstance(line, bytes)]  # fmt: skip
    assert '"Listen/b&APY-se W&APY-rter ${x}"' in folders
    assert "files" in subjects(place, ADA, "Listen/b&APY-se W&APY-rter ${x}")


CONDITIONS = {
    "from": ("from", "is", FRIEND), "name": ("from", "contains", "best friend"),
    "star": ("subject", "matches", "*[Ab?]*"), "to": ("recipient", "contains", "team@"),
    "list": ("list-id", "not-contains", "python"), "large": ("size", "over", "3K"),
}  # fmt: skip


def test_each_condition_holds_for_what_it_says(place: Site) -> None:
    """By a header's address or name, a pattern, To and Cc, what it lacks, and the size."""
    for name, (field, operator, value) in CONDITIONS.items():
        rule(place, name, "--if", field, operator, value, "--file", f"is {name}")
    rule(place, "both", "--if", "subject", "contains", "both", "--if", "size", "under", "2K",
         "--file", "is both")  # fmt: skip
    rule(place, "either", "--any", "--if", "subject", "contains", "both",
         "--if", "size", "over", "3K", "--file", "is either")  # fmt: skip
    listed = {"List_Id": "<python.example>"}
    send(place, FRIEND, ADA, "plain", **listed)
    send(place, FAR, ADA, "unlisted")
    send(place, FAR, ADA, "x [ABC] y", **listed)
    send(place, FAR, ADA, "both", **listed)
    send(place, FAR, ADA, "large", "x" * 70 + "\n" + ("y" * 70 + "\n") * 60, **listed)
    send(place, FAR, ADA, "team", To='"The Team" <team@lists.example>', **listed)
    arrived(place, ADA, "is to", "team")
    arrived(place, ADA, "is large", "large")
    names = (*CONDITIONS, "both", "either")
    found = {name: sorted(subjects(place, ADA, f"is {name}")) for name in names}
    assert found == {
        "from": ["plain"], "name": [], "star": ["x [ABC] y"], "to": ["team"],
        "list": ["unlisted"], "large": ["large"], "both": ["both"], "either": ["both", "large"],
    }  # fmt: skip


def test_a_vacation_answers_each_sender_once_with_the_text_as_it_was_given(place: Site) -> None:
    """Whatever stands in it, also through an alias; lists, robots and spam get none."""
    run(place, "vacation", "set", ADA, "--subject", 'Weg: "ja" ${x} ü', typed=HARD_TEXT)
    assert run(place, "--json", "vacation", "show", ADA).json["text"] == HARD_TEXT
    send(place, FRIEND, ADA, "first")
    answer = message_from_bytes(went_out(place, "Weg").encode(), policy=policy.default)
    arrived(place, ADA, "INBOX", "first")
    assert str(answer["subject"]) == 'Weg: "ja" ${x} ü'
    body = answer.get_body(("plain",))
    assert body is not None
    assert body.get_content().rstrip("\n") == HARD_TEXT.rstrip("\n")
    send(place, FRIEND, ADA, "second")
    send(place, "list-owner@elsewhere.example", ADA, "by a list", List_Id="<x.example>")
    send(place, "robot@elsewhere.example", ADA, "by a robot", Auto_Submitted="auto-generated")
    send(place, "spammer@elsewhere.example", ADA, "by a spammer", X_Spam="Yes")
    send(place, "other@elsewhere.example", "ada.l@example.org", "by an alias")
    arrived(place, ADA, "Junk", "by a spammer")
    arrived(place, ADA, "INBOX", "by an alias")
    wait_until(lambda: len(sent_to(place, "other@elsewhere.example")) == 1)
    everybody = ("list-owner", "robot", "spammer")
    assert [sent_to(place, f"{name}@elsewhere.example") for name in everybody] == [[], [], []]
    assert len(sent_to(place, FRIEND)) == 1


def sent_to(place: Site, recipient: str) -> list[str]:
    """Give the answers that went to an address."""
    return [text for text in left(place, "Weg") if f"X-Rcpt-Args: <{recipient}>" in text]


def test_a_vacation_answers_on_its_days_alone(place: Site) -> None:
    """From the first to the last, both included; switched off it keeps its text."""
    day = dt.timedelta(days=1)
    today = dt.date.today()
    for number, (start, end, is_answered) in enumerate([
        (today, today, True), (today + day, today + 9 * day, False),
        (today - 9 * day, today - day, False), (today - day, today + day, True),
    ]):  # fmt: skip
        subject = f"Tage {number}"
        run(place, "vacation", "set", ADA, "--from", f"{start}", "--until", f"{end}",
            "--subject", subject, typed="weg\n")  # fmt: skip
        send(place, f"sender{number}@elsewhere.example", ADA, f"asked {number}")
        arrived(place, ADA, "INBOX", f"asked {number}")
        assert len(left(place, subject)) in ((1, 0) if is_answered else (0,))
        if is_answered:
            went_out(place, subject)
    run(place, "vacation", "off", ADA)
    send(place, "sender9@elsewhere.example", ADA, "asked 9")
    arrived(place, ADA, "INBOX", "asked 9")
    assert run(place, "--json", "vacation", "show", ADA).json["text"] == "weg\n"
    run(place, "vacation", "remove", ADA)
    assert run(place, "--json", "sieve", "list", ADA).json == []
    assert len(left(place, "Tage")) == 2


def test_rules_are_changed_moved_switched_and_removed_by_name(place: Site) -> None:
    """And the last that goes takes the script along."""
    for name in ("a", "b", "c"):
        rule(place, name, "--always", "--file", name.upper())
    run(place, "rule", "move", ADA, "c", "1")
    run(place, "rule", "change", ADA, "a", "--if", "subject", "is", "x", "--keep",
        "--rename", "new")  # fmt: skip
    run(place, "rule", "disable", ADA, "new")
    run(place, "vacation", "set", ADA, typed="weg\n")
    run(place, "rule", "add", ADA, "first", "--always", "--keep", "--first")
    rows = run(place, "--json", "rule", "list", ADA).json
    assert [(row["position"], row["rule"], row["state"]) for row in rows] == [
        (1, "first", "on"), (2, "c", "on"), (3, "new", "off"), (4, "b", "on")
    ]  # fmt: skip
    run(place, "rule", "enable", ADA, "new")
    shown = run(place, "--json", "rule", "show", ADA, "new").json
    assert shown["conditions"] == [{"field": "subject", "operator": "is", "value": "x"}]
    assert shown["is_on"]
    run(place, "vacation", "remove", ADA)
    for name in ("first", "c", "new", "b"):
        run(place, "rule", "remove", ADA, name)
    assert run(place, "--json", "sieve", "list", ADA).json == []
    log = run(place, "--json", "audit").stdout
    assert "rule add" in log
    assert "vacation set" in log


def test_those_who_change_rules_at_once_lose_nothing(place: Site) -> None:
    """Neither a rule, nor what one of them changed, nor the vacation that another switched."""
    rule(place, "there", "--always", "--keep")
    run(place, "vacation", "set", ADA, typed="weg\n")
    names = [f"rule {number}" for number in range(6)]
    words: list[tuple[str, ...]] = [
        *(("rule", "add", ADA, name, "--always", "--file", name) for name in names),
        ("rule", "change", ADA, "there", "--always", "--file", "There"),
        ("rule", "disable", ADA, "there"),
        ("vacation", "off", ADA),
    ]
    with ThreadPoolExecutor(len(words)) as pool:
        list(pool.map(lambda item: place.sandbox.run(*item), words))
    rows = {row["rule"]: row for row in run(place, "--json", "rule", "list", ADA).json}
    assert sorted(rows) == [*names, "there"]
    assert (rows["there"]["state"], rows["there"]["what"]) == ("off", "file 'There'")
    assert not run(place, "--json", "vacation", "show", ADA).json["on"]


def test_whole_scripts_wait_for_rules_that_are_edited(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for each other: whatever else changes scripts takes the same lock."""
    run(place, "sieve", "put", ADA, "mailstead", "--activate", typed="keep;")
    monkeypatch.setattr(storage, "LONGEST_WAIT", 0.1)
    with Engine.open(place.sandbox.folder) as engine:
        scripts = storage.Scripts.of(engine.context("running"), engine.machine, ADA)
        with scripts.alone():
            for words in (
                ("put", ADA, "mailstead"), ("activate", ADA, "mailstead"), ("deactivate", ADA),
                ("delete", ADA, "mailstead", "--yes"),
            ):  # fmt: skip
                done = try_quickly(place.sandbox, "sieve", *words, typed="discard;")
                assert (done.status, "is at work" in done.stderr) == (2, True), (words, done)
    assert run(place, "sieve", "show", ADA, "mailstead").stdout == "keep;"
    assert run(place, "--json", "sieve", "list", ADA).json == [
        {"script": "mailstead", "active": True}
    ]


def test_scripts_that_include_each_other_are_refused(place: Site) -> None:
    """By a new text under its own name, also on the way round; what is stored stays."""

    def included(name: str) -> str:
        return f'require "include";\ninclude :personal "{name}";\n'

    run(place, "sieve", "put", ADA, "a: ä", "--activate", typed="keep;\n")
    run(place, "sieve", "put", ADA, "b", typed=included("a: ä"))
    run(place, "sieve", "put", ADA, "c", typed=included("b"))
    for name in ("a: ä", "b", "c"):
        text = included(name)
        for words in (("--activate",), ()):
            done = try_quickly(place.sandbox, "sieve", "put", ADA, "a: ä", *words, typed=text)
            assert done.status == 2
            assert "script.text: " in done.stderr
            assert re.search("line 2: error: circular include", done.stderr), done
    assert run(place, "sieve", "show", ADA, "a: ä").stdout == "keep;\n"
    for which, hint in (("", "store that script first"), (":global", "this account alone")):
        text = f'require "include"; include {which} "none";'
        for command in (("put", ADA, "d"), ("check", ADA)):
            done = try_quickly(place.sandbox, "sieve", *command, typed=text)
            assert (done.status, hint in done.stderr) == (2, True), done
    run(place, "sieve", "activate", ADA, "c")
    assert list(place.sandbox.path(CHECKING).glob("check-*")) == []


def test_a_script_that_redirects_to_its_own_account_is_refused(place: Site) -> None:
    """To any of its addresses, wherever in the script; one that comes another way loops not."""
    run(place, "sieve", "put", ADA, "mine", typed="keep;")
    for text in (
        f'redirect "{ADA}";', f'redirect "Ada <{ADA.upper()}>";', 'redirect "ada.l@example.org";',
        f'require "copy"; if true {{ if false {{}} else {{ redirect :copy "{ADA}"; }} }}',
    ):  # fmt: skip
        for words in (("put", ADA, "mine"), ("check", ADA)):
            done = try_quickly(place.sandbox, "sieve", *words, typed=text)
            assert (done.status, "would come back here: use keep" in done.stderr) == (2, True), text
    assert run(place, "sieve", "show", ADA, "mine").stdout == "keep;"
    run(place, "sieve", "check", ADA, typed=f'redirect "{GRACE}";')
    put(place, ADA, f'redirect "{ADA}";')
    send(place, FRIEND, ADA, "to myself", Message_ID="<myself@elsewhere.example>")
    arrived(place, ADA, "INBOX", "to myself")
    assert subjects(place, ADA, "INBOX").count("to myself") == 1


def test_what_rules_cannot_say_is_left_and_told(place: Site) -> None:
    """A part of the script by another hand stays; a script of another hand too."""
    rule(place, "ours", "--always", "--keep")
    text = run(place, "sieve", "show", ADA, "mailstead").stdout
    mine = "# Filter: mine\nif true {\n  # by hand\n  stop;\n}\n"
    run(place, "sieve", "put", ADA, "mailstead", typed=text + mine)
    rows = run(place, "--json", "rule", "list", ADA).json
    assert [(row["rule"], row["state"]) for row in rows] == [
        ("ours", "on"), ("mine", "not made here")
    ]  # fmt: skip
    refused = try_quickly(place.sandbox, "rule", "remove", ADA, "mine")
    assert (refused.status, "was not made here" in refused.stderr) == (2, True)
    rule(place, "more", "--always", "--file", "X")
    assert mine in run(place, "sieve", "show", ADA, "mailstead").stdout
    run(place, "sieve", "put", ADA, "other", "--activate", typed="keep;")
    assert "do not run" in run(place, "rule", "list", ADA).stderr
    refused = try_quickly(place.sandbox, "rule", "add", ADA, "z", "--always", "--keep")
    assert (refused.status, "the script other is active" in refused.stderr) == (2, True)


def test_trace_tells_which_script_mail_passes_through(place: Site) -> None:
    """And that there is none."""
    assert f"{ADA}: spam goes to Junk; it has no active script" in trace(place)
    rule(place, "x", "--always", "--keep")
    assert f"{ADA}: spam goes to Junk; it passes through the script 'mailstead'" in trace(place)


def trace(place: Site) -> str:
    """Ask what would become of a message to ada."""
    return run(place, "trace", FRIEND, ADA, "--client", STRANGER).stdout


REFUSED = [
    (("rule", "add", ADA, "x", "--always", "--file", "../x"), "rule.file"),
    (("rule", "add", ADA, "x", "--always", "--file", 'x"; stop; #'), "rule.file"),
    (("rule", "add", ADA, "x", "--always", "--forward", "x"), "rule.forward"),
    (("rule", "add", ADA, "x", "--always", "--forward", ADA), "rule.forward"),
    (("rule", "add", ADA, "x", "--always", "--forward", "ada.l@example.org"), "rule.forward"),
    (("rule", "add", ADA, "x\ny", "--always", "--keep"), "rule.name"),
    (("rule", "add", ADA, "x", "--if", "a b", "is", "x", "--keep"), "rule.field"),
    (("rule", "add", ADA, "x", "--if", "subject", "like", "x", "--keep"), "rule.operator"),
    (("rule", "add", ADA, "x", "--always"), "rule.action"),
    (("rule", "add", "nobody@example.org", "x", "--always", "--keep"), "nobody@example.org"),
    (("rule", "add", "x*", "x", "--always", "--keep"), "account.address"),
    (("rule", "remove", ADA, "x"), "rule.name"),
    (("rule", "move", ADA, "x", "0"), "rule.name"),
    (("vacation", "set", ADA, "--until", "soon"), "vacation.until"),
    (("vacation", "set", ADA, "--days", "0"), "vacation.days"),
    (("vacation", "set", ADA, "--subject", "a\nb"), "vacation.subject"),
    (("vacation", "show", ADA), "vacation"),
    (("sieve", "put", ADA, "../x"), "script.name"),
    (("sieve", "put", ADA, "a/b"), "script.name"),
    (("sieve", "put", ADA, "a;b"), "script.name"),
    (("sieve", "put", ADA, 'evil"x'), "script.name"),
    (("sieve", "put", ADA, "a\\\\b"), "script.name"),
    (("sieve", "put", ADA, "e\r\nPUTSCRIPT"), "script.name"),
    (("sieve", "put", ADA, "x" * 512), "script.name"),
    (("sieve", "put", ADA, ""), "script.name"),
    (("sieve", "show", ADA, "../../x"), "script.name"),
    (("sieve", "delete", ADA, "x", "--yes"), "script.name"),
    (("sieve", "activate", ADA, "x"), "script.name"),
    (("sieve", "put", ADA, "x", "/nowhere"), "/nowhere"),
    (("sieve", "put", ADA, "x", "/etc"), "/etc: is not a regular file (name a file"),
    (("settings", "set", "sieve.options", "forwarding=maybe"), "sieve.options.forwarding"),
    (("settings", "set", "sieve.options", "redirects=0"), "sieve.options.redirects"),
    (("settings", "set", "sieve.limits", "script=1M"), "sieve.limits.script"),
    (("settings", "set", "sieve.limits", "storage=1K"), "sieve.limits.storage"),
]  # fmt: skip


def test_bad_input_is_refused_by_its_fields_name_and_changes_nothing(place: Site) -> None:
    """Neither a file nor a script."""
    before = digests(place.sandbox)
    for words, field in REFUSED:
        done = try_quickly(place.sandbox, *words, typed="keep;")
        if words[0] == "settings":
            done = try_quickly(place.sandbox, "plan") if done.status == 0 else done
            run(place, "discard", "--yes")
        assert (done.status, field in done.stderr) == (2, True), (words, done)
    assert digests(place.sandbox) == before
    assert run(place, "--json", "sieve", "list", ADA).json == []


def test_policy_and_limits_hold_when_a_rule_is_made(place: Site) -> None:
    """By the name of the setting that decides."""
    run(place, "settings", "set", "sieve.options", "forwarding=own", "redirects=1", "actions=2")
    run(place, "save")
    files = ("--file", "A", "--file", "B", "--stop")
    rule(place, "two", "--always", *files)
    run(place, "rule", "remove", ADA, "two")
    done = try_quickly(place.sandbox, "rule", "add", ADA, "x", "--always", "--keep", *files)
    assert (done.status, "sieve.options.actions" in done.stderr) == (2, True)
    forward = ("rule", "add", ADA, "x", "--always", "--forward")
    assert "sieve.options.forwarding" in try_quickly(place.sandbox, *forward, FAR).stderr
    run(place, *forward, GRACE)
    more = try_quickly(place.sandbox, *forward, GRACE, "--forward", "postmaster@example.org")
    assert "sieve.options.redirects" in more.stderr
    run(place, "settings", "set", "sieve.options", "forwarding=never")
    run(place, "save")
    assert "rule.forward" in try_quickly(place.sandbox, *forward, GRACE).stderr
    run(
        place, "settings", "set", "sieve.options", "forwarding=allowed", "redirects=4", "actions=32"
    )
    run(place, "save")
