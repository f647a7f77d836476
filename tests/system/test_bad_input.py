"""Bad input is named and refused, and nothing is changed: no file, setting, user or account."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from mailstead.engine import Engine
from mailstead.errors import InvalidValue, MachineError, MailsteadError
from mailstead.machine.real import RealMachine
from tests.system.conftest import Site
from tests.system.sandbox import (
    PASSWORD,
    Sandbox,
    free_place,
    message,
    processes_below,
    wait_until,
)
from tests.system.test_life_cycle import on_disk
from tests.system.watch import digests, everything, pids, run_quickly

LABEL = "a" * 64
FRIEND = "friend@elsewhere.example"


@attrs.frozen
class Refusal:
    """A command that must be refused.

    Attributes:
        words: the command.
        names: what its refusal must name.
        given: commands before it, which change the draft only.
        typed: what it reads from standard input.
    """

    words: Sequence[str]
    names: Sequence[str]
    given: Sequence[Sequence[str]] = ()
    typed: str = ""

    def __str__(self) -> str:
        before = "; ".join(" ".join(words) for words in self.given)
        return ascii(f"{before}; {' '.join(self.words)}"[-70:])


def domain(name: str, *names: str, given: Sequence[Sequence[str]] = ()) -> Refusal:
    """Refuse a domain."""
    words = ("domain", "add", "--", name)
    return Refusal(words, names or ("mail_smtp.domains", "name"), given)


def account(address: str, *names: str, user: str = "plain") -> Refusal:
    """Refuse a mail account."""
    return Refusal(("account", "add", "--", user, address), names or ("account.address",))


def alias(
    address: str, *names: str, target: str = "ada@example.org", kind: str = "account"
) -> Refusal:
    """Refuse an alias."""
    words = ("alias", "add", f"--{kind}={target}", "--", address)
    return Refusal(words, names or ("alias.address",))


def user(name: str, *names: str, password: str = PASSWORD) -> Refusal:
    """Refuse a user."""
    words = ("user", "add", "--password-stdin", "--", name)
    return Refusal(words, names or ("user.name",), typed=f"{password}\n")


def member(address: str, *names: str, given: Sequence[Sequence[str]] = ()) -> Refusal:
    """Refuse a member of the object office, which holds 127.0.0.77."""
    words = ("object", "add-member", "office", "--name", "probe", "--", address)
    return Refusal(words, names or ("network.members", "address"), given)


def relay_of(*members: str) -> Refusal:
    """Refuse to save a relay policy for an object that covers nearly everything."""
    made = [("object", "add-member", "world", "--name", f"m{n}", item)
            for n, item in enumerate(members)]  # fmt: skip
    given = (("object", "add", "world"), *made, ("relay", "allow", "world"))
    return Refusal(("save",), ("mail_smtp.relay[world].object", "anyone"), given)


IDN = (("domain", "add", "bücher.example"),)
SIX = (("object", "add-member", "office", "2001:db8::/32"),)
RANGE = (("object", "add-member", "office", "--name", "range", "10.0.0.5-10.0.0.9"),)

REFUSED = [
    # domains
    domain("evil.example\nx.example"),
    domain("evil.example\n"),
    domain("evil.example\r"),
    domain("evil.example x"),
    domain("evil.example;x"),
    domain(" evil.example"),
    domain(""),
    domain("foo/bar.example"),
    domain("/etc/passwd"),
    domain("../evil"),
    domain("./t.example"),
    domain("test..example"),
    domain(".example"),
    domain("-evil.example"),
    domain("evil-.example"),
    domain("$myhostname.example"),
    domain("*.example"),
    domain("a@b.example"),
    domain("[127.0.0.1]"),
    domain("127.0.0.1"),
    domain(f"{LABEL}.example"),
    domain(".".join(["a" * 60] * 5)),
    domain("example.org", "example.org", "exists"),
    domain("EXAMPLE.Org", "example.org", "exists"),
    domain("xn--bcher-kva.example", "xn--bcher-kva.example", "exists", given=IDN),
    domain("BÜCHER.example", "xn--bcher-kva.example", "exists", given=IDN),
    Refusal(("save",), ("mail_smtp.domains[mail.example.org].name", "this server"),
            (("domain", "add", "mail.example.org"),)),
    Refusal(("domain", "remove", "example.org"), ("ada@example.org", "grace@example.org")),
    Refusal(("domain", "remove", "nosuch.example"), ("nosuch.example",)),
    # mail accounts
    account("plain@elsewhere.example", "elsewhere.example", "managed"),
    account("plain@mail.example.org", "account.address", "a name of this server itself"),
    alias("plain@Mail.example.org", "alias.address", "a name of this server itself"),
    account("ada@example.org", "ada@example.org"),
    account("ADA@EXAMPLE.ORG", "ada@example.org"),
    account("second@example.org", "ada@example.org", user="ada"),
    account("x@example.org", "nobody", user="nobody"),
    account("-x@example.org"),
    account(".x@example.org"),
    account("x..y@example.org"),
    account("../x@example.org"),
    account("x/y@example.org"),
    account("x+y@example.org"),
    account('"quoted"@example.org'),
    account('"a b"@example.org'),
    account("a b@example.org"),
    account("a'b@example.org"),
    account("|sh@example.org"),
    account("|/bin/sh"),
    account(":include:/etc/shadow"),
    account("/var/spool/x"),
    account("a@b@example.org"),
    account("@example.org"),
    account("a@"),
    account("a@example.org,"),
    account("a@example.org\nb@example.org"),
    account("a@example.org x@example.org"),
    account(f"{LABEL}a@example.org"),
    # aliases, and what becomes of a domain's mail
    alias("|cmd"),
    alias(":include:/etc/passwd"),
    alias("a@example.org x@example.org"),
    alias("a@example.org,"),
    alias("GRACE@example.org", "alias.address", "exists"),
    alias("a@elsewhere.example", "alias.address", "managed"),
    alias("out@example.org", "alias.external", target="|/bin/sh", kind="external"),
    alias("out@example.org", "alias.external", target="x@EXAMPLE.org", kind="external"),
    alias("all@example.org", "nosuch", target="nosuch", kind="group"),
    Refusal(("alias", "remove", "nosuch@example.org"), ("nosuch@example.org",)),
    Refusal(("alias", "list", "--domain", "1) UNION SELECT"), ("domain",)),
    Refusal(("domain", "alias", "add", "evil.example\nx", "example.org"),
            ("mail_smtp.domain_aliases", "name")),
    Refusal(("domain", "alias", "add", "example.net", "nosuch.example"),
            ("mail_smtp.domain_aliases", "domain")),
    Refusal(("domain", "alias", "add", "example.org", "example.org"),
            ("mail_smtp.domain_aliases[example.org].name",)),
    Refusal(("domain", "set", "example.org", "--catch-all", "ada@example.org"),
            ("mail_smtp.domains[example.org].catch_all",)),
    Refusal(("domain", "set", "example.org", "--catch-all", "|cmd"), ("catch_all",)),
    Refusal(("domain", "set", "example.org", "--default-mailbox", "x@elsewhere.example"),
            ("mail_smtp.domains[example.org].default_mailbox",)),
    # users
    user("ada lovelace"),
    user("-ada"),
    user("o'hara"),
    user('"ada"'),
    user("../ada"),
    user("ada@example.org"),
    user("eva\n"),
    user(""),
    user("a" * 65),
    user("\N{KELVIN SIGN}arl"),
    user("ada", "ada", "exists"),
    user("ADA", "ada", "exists"),
    user("root", "root", "reserved"),
    user("Root", "root", "reserved"),
    user("eva", "password", password="short"),
    user("eva", "password", password=""),
    Refusal(("user", "password", "--password-stdin", "ada"), ("password",), typed="short\n"),
    Refusal(("user", "password", "--password-stdin", "nobody"), ("nobody",), typed="long enough\n"),
    Refusal(("user", "delete", "nobody", "--yes"), ("nobody",)),
    # objects
    member("10.0.0.1/8"),
    member("10.0.0.0/33"),
    member("10.0.0.9-10.0.0.1"),
    member("10.0.0.1-2001:db8::1"),
    member("300.1.1.1"),
    member("10.1"),
    member("0x7f.1"),
    member("0x7f000001"),
    member("010.0.0.1"),
    member("2130706433"),
    member("::ffff:1.2.3.4"),
    member("fe80::1%eth0"),
    member("2001:db8::1/32"),
    member("office.example"),
    member("10.0.0.1, 0.0.0.0/0"),
    member("10.0.0.1\n0.0.0.0/0"),
    member("!10.0.0.1"),
    member(""),
    member("127.0.0.77", "overlaps", "127.0.0.77"),
    member("127.0.0.0/24", "overlaps", "127.0.0.77"),
    member("127.0.0.70-127.0.0.80", "overlaps", "127.0.0.77"),
    member("10.0.0.9-10.0.0.20", "overlaps", "range", given=RANGE),
    member("10.0.0.8/30", "overlaps", "range", given=RANGE),
    member("2001:db8::5", "overlaps", "2001:db8::/32", given=SIX),
    member("2001:db8:1::/48", "overlaps", "2001:db8::/32", given=SIX),
    member("2001:db7::-2001:db8::", "overlaps", "2001:db8::/32", given=SIX),
    Refusal(("object", "add-member", "nosuch", "10.0.0.1"), ("nosuch",)),
    Refusal(("object", "remove", "office"), ("used by", "mail_smtp.relay", "office")),
    Refusal(("object", "remove", "nosuch"), ("nosuch",)),
    Refusal(("object", "add", "a b"), ("network.objects",)),
    Refusal(("object", "add", "OFFICE"), ("office",)),
    relay_of("0.0.0.0/0"),
    relay_of("::/0"),
    relay_of("0.0.0.0/1", "128.0.0.0/1"),
    relay_of("1.0.0.0-254.255.255.255"),
    Refusal(("relay", "allow", "nosuch"), ("nosuch",)),
    # modules and settings
    Refusal(("enable", "nosuch", "--yes"), ("nosuch",)),
    Refusal(("disable", "nosuch", "--yes"), ("nosuch",)),
    Refusal(("start", "nosuch"), ("nosuch",)),
    Refusal(("settings", "set", "nosuch.form", "a=1"), ("nosuch",)),
    Refusal(("settings", "set", "network.nosuch", "a=1"), ("nosuch",)),
    Refusal(("settings", "set", "network.host", "nosuch=1"), ("nosuch",)),
    Refusal(("settings", "set", "network.host", "hostname=a b"), ("network.host", "hostname")),
    Refusal(("settings", "set", "network.host", "hostname=a\nb"), ("network.host", "hostname")),
    Refusal(("settings", "set", "mail_retrieval.services", "imap=perhaps"), ("imap",)),
    Refusal(("settings", "set", "mail_smtp.tls", "key=relative"), ("mail_smtp.tls", "key")),
    Refusal(("save", "--plan", "0000"), ("plan",), (("domain", "add", "later.example"),)),
]  # fmt: skip


@pytest.fixture(scope="module")
def plain(site: Site) -> Iterator[Sandbox]:
    """Give the site with a further user, plain, who has no mail account."""
    site.sandbox.add_user("plain")
    site.sandbox.run("account", "delete", "plain@example.org", "--yes")
    yield site.sandbox
    site.sandbox.run("user", "delete", "plain", "--yes")


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_bad_input_is_named_and_changes_nothing(plain: Sandbox, case: Refusal) -> None:
    """Exit status 2, what is wrong by name on standard error, and all is as before."""
    for words in case.given:
        run_quickly(plain, *words)
    try:
        before = everything(plain)
        done = run_quickly(plain, *case.words, typed=case.typed, status=2)
        missing = [word for word in case.names if word not in done.stderr]
        assert (missing, "Traceback" in done.stderr) == ([], False), done.stderr
        assert everything(plain) == before
    finally:
        if case.given:
            run_quickly(plain, "discard", "--yes")


@pytest.mark.parametrize("name", ["a.example\0.b", "\0", "a.example\x85", "a\u2028.example"])
def test_a_control_character_in_a_domain_is_refused(site: Site, name: str) -> None:
    """Also the ones no command line can carry."""
    with Engine.open(site.sandbox.folder) as engine:
        with pytest.raises(InvalidValue, match="name"):
            engine.editor.add_row("mail_smtp.domains", {"name": name}, engine.actor)
        assert engine.store.draft_changes() == ()


def test_force_frees_an_object_that_is_in_use(site: Site) -> None:
    """The relay policy goes with it; discarding brings both back."""
    sandbox = site.sandbox
    sandbox.run("object", "remove", "office", "--force")
    try:
        assert sandbox.json("relay", "list") == []
        assert "127.0.0.77" in sandbox.run("plan").stdout
    finally:
        sandbox.run("discard", "--yes")
    assert len(sandbox.json("relay", "list")) == 1


def test_a_save_waits_for_nobody_and_names_who_saves(site: Site) -> None:
    """Exit status 2 with the process while another holds the lock."""
    sandbox = site.sandbox
    before = everything(sandbox)
    with sandbox.path("/var/lib/mailstead/lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        for words in (("save",), ("stop", "--yes"), ("restart",), ("discard", "--yes")):
            if words[0] == "discard":
                sandbox.run("domain", "add", "later.example")
            done = sandbox.run(*words, status=2)
            assert f"process {os.getpid()}" in done.stderr
    sandbox.run("discard", "--yes")
    assert everything(sandbox) == before


@pytest.fixture
def new(sandbox: Sandbox) -> Sandbox:
    """Give a sandbox with mail_smtp in the draft, never saved."""
    sandbox.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
    sandbox.run("enable", "mail_smtp", "--yes")
    sandbox.run("domain", "add", "example.org")
    return sandbox


def test_a_port_in_use_is_found_in_the_plan(new: Sandbox) -> None:
    """The process that holds it is named; nothing is written; free again, it is taken."""
    before = digests(new)
    with socket.create_server((new.address, new.port(25))):
        for command in ("plan", "save"):
            done = new.run(command, status=2)
            assert f"port {new.port(25)} (smtp) on {new.address}" in done.stderr
            assert f"process {os.getpid()}" in done.stderr
            assert digests(new) == before
    anywhere = "0.0.0.0"  # noqa: S104 - this clashes with each address
    with socket.create_server((anywhere, new.port(25))):
        assert f"process {os.getpid()}" in new.run("plan", status=2).stderr
    new.run("save")
    assert new.is_open(25)


def test_a_daemon_that_cannot_start_at_all_leaves_nothing_behind(new: Sandbox) -> None:
    """A folder stands where Postfix keeps its lock: rolled back, exit status 5."""
    before = digests(new)
    blocked = new.path("/var/lib/postfix/master.lock")
    blocked.mkdir(parents=True)
    done = new.run("save", status=5)
    assert "rolled back" in done.stderr
    assert "postfix" in done.stderr
    made = str(new.path("/etc/mailstead/tls/mail.pem"))
    assert {path: item for path, item in digests(new).items() if path != made} == before
    assert processes_below(new.folder) == []
    blocked.rmdir()
    new.run("save")
    assert new.is_open(25)


def test_a_second_daemon_that_cannot_start_brings_the_first_one_back(new: Sandbox) -> None:
    """Dovecot's socket is blocked: Postfix goes on with its old files, and mail arrives."""
    new.run("save")
    new.add_user("ada")
    before, running = digests(new), pids(new)
    new.run("enable", "mail_retrieval", "--yes")
    blocked = new.path("/var/spool/postfix/private/dovecot-lmtp")
    (blocked / "full").mkdir(parents=True)
    done = new.run("save", status=5)
    assert "rolled back" in done.stderr
    assert "dovecot" in done.stderr
    assert digests(new) == before
    assert pids(new) == running
    assert not any(new.is_open(port) for port in (587, 465, 993))
    with new.smtp() as client:
        client.send_message(message(FRIEND, "ada@example.org", "after the roll back"))
    wait_until(lambda: len(on_disk(new, "after the roll back")) == 1)
    shutil.rmtree(blocked)
    new.run("save")
    assert new.subjects("ada@example.org") == ["after the roll back"]


@pytest.mark.parametrize(
    ("path", "words", "said"),
    [
        ("/etc/postfix/main.cf", ("network.service_addresses", "smtp"), "missing '='"),
        ("/etc/dovecot/dovecot.conf", ("mail_retrieval.services", "pop3=no"), "Expecting '{'"),
    ],
)
def test_a_hand_edit_the_daemon_refuses_stops_the_save(
    site: Site, path: str, words: tuple[str, ...], said: str
) -> None:
    """It would be kept, so it is checked too; the file is named, by its real path."""
    sandbox = site.sandbox
    real = sandbox.path(path)
    content = real.read_bytes()
    section, *rest = words
    if rest == ["smtp"]:
        rest.append(f"addresses={free_place()[0]}")
    sandbox.run("settings", "set", section, *rest)
    real.write_bytes(content + b"no equals sign\n")
    try:
        before = everything(sandbox)
        done = sandbox.run("save", status=2)
        assert str(real) in done.stderr
        assert said in done.stderr
        assert everything(sandbox) == before
    finally:
        real.write_bytes(content)
        sandbox.run("discard", "--yes")


@attrs.frozen
class Broken:
    """The real machine, on which one program is missing."""

    program: str
    real: RealMachine = attrs.field(factory=RealMachine)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def run(self, argv: Sequence[str], **options: Any) -> Any:
        """Run a program, unless it is the missing one."""
        if argv[0] == self.program:
            raise MachineError("the program is missing", where=self.program)
        return self.real.run(argv, **options)


@pytest.mark.parametrize("program", ["postconf", "doveconf"])
def test_a_missing_checker_is_named_and_nothing_is_changed(site: Site, program: str) -> None:
    """A plan that could not be checked is not carried out."""
    before = everything(site.sandbox), pids(site.sandbox)
    machine: Any = Broken(program)
    with Engine.open(site.sandbox.folder, machine=machine) as engine:
        engine.editor.set_form("network.host", {"hostname": "other"}, engine.actor)
        with pytest.raises(MailsteadError, match=f"{program}: the program is missing"):
            engine.save()
        engine.discard()
    assert (everything(site.sandbox), pids(site.sandbox)) == before


@pytest.fixture
def small() -> Iterator[Sandbox]:
    """Give an instance on a disk of 24 MB."""
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
    folder.chmod(0o755)
    place = folder / "i"
    place.mkdir(mode=0o755)
    options = ["-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", str(place)]
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(folder)
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        address, offset = free_place()
        sandbox = Sandbox(place, address, offset)
        sandbox.run("init", "--sandbox", "--address", address, "--port-offset", str(offset))
        yield sandbox
    finally:
        subprocess.run(["umount", str(place)], check=True)
        shutil.rmtree(folder)


def test_a_full_disk_is_found_before_anything_is_written(small: Sandbox) -> None:
    """What is free and what is needed are named."""
    small.run("settings", "set", "network.host", "hostname=mail", "domain=example.org")
    small.run("enable", "mail_smtp", "--yes")
    (small.folder / "filler").write_bytes(b"x" * (12 << 20))
    before = digests(small)
    done = small.run("save", status=2)
    assert "MiB are free" in done.stderr
    assert "MiB are needed" in done.stderr
    assert digests(small) == before
