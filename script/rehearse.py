"""What script/rehearse does inside a booted Debian, as root, with systemd's own words.

Needs only Debian's Python: Mailstead is installed in a virtual environment of its own.
"""

# ruff: noqa: S607 - inside the container Debian's own PATH is the right one

from __future__ import annotations

import hashlib
import imaplib
import json
import poplib
import smtplib
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path

LOGIN, PASSWORD = "ada@example.org", "correct horse battery"
TRUST = ssl._create_unverified_context()  # noqa: S323 - the certificate is self-signed
READER = "mailstead-mail-log"
PORTS = (25, 110, 143, 465, 587, 993, 995)
TAKEN = ("/etc/postfix/main.cf", "/etc/postfix/master.cf", "/etc/dovecot/dovecot.conf")
# What every filter knows as spam, in two parts, so that none finds it in this file.
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-" + "TEST-EMAIL*C.34X"
DROP_IN = Path("/etc/systemd/system/dovecot.service.d/broken.conf")


def main() -> None:
    """Walk."""
    scenario = sys.argv[1]
    if scenario == "again":
        after_boot()
        return
    before = digests()
    check("Debian's configuration is there only if it was installed", bool(before),
          scenario == "taken")  # fmt: skip
    first_save()
    logged()
    ruled()
    fetched()
    filtered()
    changes()
    dying()
    rolled_back()
    unconfirmed()
    if scenario == "taken":
        restored(before)
    unplugged()


def first_save() -> None:
    """Enable everything, save, use it."""
    mailstead("init")
    mailstead("settings set network.host hostname=mail domain=example.org")
    mailstead("enable mail_retrieval --yes")
    mailstead("save")
    serves(expected=True)
    mailstead("domain add example.org")
    mailstead("save")
    mailstead("user add ada --first Ada --last Lovelace --password-stdin", typed=PASSWORD)
    mail("after the first save")


def ruled() -> None:
    """A rule files what another one forwards to its own server; a program could change them."""
    mailstead("enable sieve --yes")
    mailstead("save")
    mailstead("user add grace --first Grace --last Hopper --password-stdin", typed=PASSWORD)
    mailstead(f"rule add {LOGIN} on --if subject is passed --forward grace@example.org --keep")
    mailstead("rule add grace@example.org filed --always --file Filed")
    with smtplib.SMTP_SSL("127.0.0.1", 465, context=TRUST) as client:
        client.login(LOGIN, PASSWORD)
        client.send_message(message("passed"))
    deadline = time.monotonic() + 20
    while not list(Path("/var/vmail/example.org").glob("grace-*/Maildir/.Filed/new/*")):
        check("it is filed in time", time.monotonic() < deadline, True)
        time.sleep(0.2)
    with socket.create_connection(("127.0.0.1", 4190)) as program:
        check("ManageSieve greets", program.recv(16)[:16], b'"IMPLEMENTATION"')
    compiled = [path.name for path in Path("/var/lib/mailstead/sieve").iterdir()]
    check("rules before users' own are compiled once", compiled, ["mailstead-before.svbin"])


def fetched() -> None:
    """A program of Mailstead's brings mail from another account, here one of its own server."""
    mailstead("enable fetchmail --yes")
    mailstead("settings set mail_retrieval.services external_retrieval=yes")
    mailstead("settings set fetchmail.options period=1")
    mailstead("save")
    check("mail is fetched", state("mailstead-fetchmail"), ("active", "enabled"))
    mailstead("user add bob --first Bob --last Kahn --password-stdin", typed=PASSWORD)
    # By a name that does not tell: the server itself would be refused, as a circle.
    there = "bob@example.org elsewhere.test --no-verify-tls"
    mailstead(f"external add ada {there} --password-stdin", typed=PASSWORD)
    with smtplib.SMTP_SSL("127.0.0.1", 465, context=TRUST) as client:
        client.login(LOGIN, PASSWORD)
        client.send_message(message("fetched"), LOGIN, ["bob@example.org"])
    deadline = time.monotonic() + 150
    while not found(imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=TRUST), "fetched"):
        check("it is fetched in time", time.monotonic() < deadline, True)
        time.sleep(1)


def filtered() -> None:
    """Spam is refused; the machine is off the network, so nobody can fetch signatures."""
    mailstead("enable filter --yes")
    mailstead("settings set filter.options virus=false offline=true")
    mailstead("settings set mail_smtp.filter use=mailstead")
    mailstead("save")
    check("rspamd", state("rspamd"), ("active", "enabled"))
    with smtplib.SMTP("127.0.0.1", 25) as client:
        client.ehlo("client.example.org")
        client.mail("")
        client.rcpt(LOGIN)
        check("spam is refused", client.data(f"Subject: x\r\n\r\n{GTUBE}\r\n")[0], 554)
    mail("through the filter")
    mailstead("settings set mail_smtp.filter use=none")
    mailstead("disable filter --yes")
    mailstead("save")
    check("rspamd", state("rspamd"), ("inactive", "disabled"))
    mail("after the filter")


def logged() -> None:
    """A program of Mailstead's own is a unit too: it reads the log, and a job is cron's."""
    mailstead("enable mail_log --yes")
    mailstead("expiry set Trash 30")
    mailstead("save")
    check("the mail log is read", state(READER), ("active", "enabled"))
    reader = systemctl("show", "-p", "MainPID", "--value", READER)
    deadline = time.monotonic() + 20
    # Asked of the table itself: the command would read on by itself.
    while rows() == 0:
        check("the reader fills the table", time.monotonic() < deadline, True)
        time.sleep(0.2)
    sent = json.loads(mailstead(f"--json log search --recipient {LOGIN} --status sent"))
    check("the message is in the log", [row["kind"] for row in sent], ["internal"])
    systemctl("kill", "--signal=KILL", READER)
    time.sleep(7)
    check("systemd starts it again", state(READER)[0], "active")
    check(
        "as another process", reader != systemctl("show", "-p", "MainPID", "--value", READER), True
    )
    line = Path("/etc/cron.d/mailstead-expiry").read_text().splitlines()[-1]
    subprocess.run(["/bin/sh", "-c", line.split(" root ")[1]], check=True)


def rows() -> int:
    """Count what is in the mail log's table."""
    with closing(
        sqlite3.connect("file:/var/lib/mailstead/log/mail_log.db?mode=ro", uri=True)
    ) as db:
        return int(db.execute("SELECT count(*) FROM entries").fetchone()[0])


def changes() -> None:
    """A change reloads; stopped is stopped; started starts."""
    before = pids()
    mailstead("settings set mail_retrieval.services pop3s=no")
    mailstead("settings set network.host hostname=mail2")
    mailstead("save")
    check("the same processes after a reload", pids(), before)
    check("995 is closed", 995 in ports(), False)
    mailstead("settings set mail_retrieval.services pop3s=yes")
    mailstead("settings set network.host hostname=mail")
    mailstead("save")
    mailstead("stop --yes")
    serves(expected=False)
    mailstead("start")
    serves(expected=True)


def dying() -> None:
    """A daemon that was killed is told, and started again."""
    for name, file in (("postfix", "/var/spool/postfix/pid/master.pid"),
                       ("dovecot", "/run/dovecot/master.pid")):  # fmt: skip
        subprocess.run(["kill", "-9", Path(file).read_text().strip()], check=True)
        time.sleep(0.5)
        mailstead("status", status=3)
        mailstead("start")
        check(f"{name} runs again", name in pids(), True)
    serves(expected=True)


def rolled_back() -> None:
    """A unit that does not start undoes the save, and the journal's words are told."""
    mailstead("disable mail_retrieval --yes")
    mailstead("save")
    check("dovecot is off", state("dovecot"), ("inactive", "disabled"))
    DROP_IN.parent.mkdir()
    DROP_IN.write_text("[Service]\nExecStartPre=/bin/sh -c 'echo not today >&2; exit 9'\n")
    systemctl("daemon-reload")
    mailstead("enable mail_retrieval --yes")
    words = mailstead("save", status=5)
    check("the journal is quoted", "\nnot today\n" in words, True)
    check("dovecot is off", state("dovecot"), ("failed", "disabled"))
    check("postfix serves as before", state("postfix"), ("active", "enabled"))
    DROP_IN.unlink()
    DROP_IN.parent.rmdir()
    systemctl("daemon-reload")
    mailstead("save")
    serves(expected=True)


def unconfirmed() -> None:
    """A save that nobody confirms is undone by itself, though no command is run."""
    mailstead("settings set network.host hostname=unconfirmed")
    mailstead("save --confirm 4s")
    check("the new name is served", banner(), "unconfirmed.example.org")
    mailstead("save", status=2)
    deadline = time.monotonic() + 60
    while banner() != "mail.example.org":
        check("the old name is served in time", time.monotonic() < deadline, True)
        time.sleep(0.5)
    # It is proven for the soak time before the lock is free again.
    while systemctl("list-units", "--no-legend", "--state=active", "mailstead-confirm-*"):
        check("the undoing ends in time", time.monotonic() < deadline, True)
        time.sleep(0.5)
    mailstead("discard --yes")
    serves(expected=True)


def unplugged() -> None:
    """The machine goes down while a save waits to be confirmed; see `after_boot`."""
    mailstead("settings set network.host hostname=unplugged")
    mailstead("save --confirm 1h")
    check("the new name is served", banner(), "unplugged.example.org")


def banner() -> str:
    """Give the name that port 25 greets with; empty while it does not."""
    try:
        with smtplib.SMTP("127.0.0.1", 25, timeout=10) as client:
            return client.ehlo()[1].decode().split()[0]
    except OSError:
        return ""


def restored(before: dict[str, str]) -> None:
    """What stood there before comes back, and is taken over again."""
    mailstead("disable mail_retrieval mail_smtp --restore --yes")
    mailstead("save")
    check("the files are Debian's again", digests(), before)
    systemctl("enable", "--now", "postfix", "dovecot")
    check("Debian's Postfix runs", state("postfix@-")[0], "active")
    mailstead("enable mail_retrieval mail_log --yes")
    mailstead("save")
    serves(expected=True)


def after_boot() -> None:
    """Everything runs with our configuration, before any mailstead command."""
    check("the unconfirmed name is gone", banner(), "mail.example.org")
    unit = systemctl("show", "-p", "Result,ExecMainStatus", "mailstead-recover")
    check("recovery ran at boot", unit.split(), ["Result=success", "ExecMainStatus=0"])
    mail("after a boot")
    check("the mail log is read", state(READER), ("active", "enabled"))
    serves(expected=True)
    check("its change is in the draft", "unplugged" in mailstead("plan"), True)
    mailstead("discard --yes")
    plan = json.loads(mailstead("--json plan"))
    names = ("changes", "enable", "disable", "packages", "files", "actions", "edits")
    check("nothing to save", {name: plan[name] for name in names if plan[name]}, {})
    gone()


def gone() -> None:
    """A module that is disabled takes its unit along, and what set it up for booting."""
    mailstead("disable mail_log --yes")
    mailstead("save")
    check("the mail log's reader has ended", systemctl("is-active", READER), "inactive")
    units = Path("/etc/systemd/system")
    check("its unit is gone", [str(path) for path in units.rglob(f"*{READER}*")], [])
    mail("without the mail log")
    serves(expected=True)


def serves(*, expected: bool) -> None:
    """Check units, boot, ports and status."""
    words = ("active", "enabled") if expected else ("inactive", "disabled")
    for unit in ("postfix", "dovecot"):
        check(unit, state(unit), words)
    check("postfix@-", state("postfix@-")[0], words[0])
    check("ports", sorted(ports() & set(PORTS)), list(PORTS) if expected else [])
    mailstead("status", status=0 if expected else 3)


def mail(subject: str) -> None:
    """Send a message through each door and read it through each."""
    for host in ("127.0.0.1", "::1"):
        with smtplib.SMTP(host, 25) as client:
            client.ehlo("client.example.org")
            client.mail("")
            check(f"RCPT at {host}", client.rcpt(LOGIN)[0], 250)
            check(f"RCPT of nobody at {host}", client.rcpt("nobody@example.org")[0], 550)
    with smtplib.SMTP("127.0.0.1", 587) as client:
        client.starttls(context=TRUST)
        client.login(LOGIN, PASSWORD)
        client.send_message(message(subject))
    with smtplib.SMTP_SSL("127.0.0.1", 465, context=TRUST) as client:
        client.login(LOGIN, PASSWORD)
    deadline = time.monotonic() + 20
    while not found(imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=TRUST), subject):
        check(f"{subject!r} arrives in time", time.monotonic() < deadline, True)
        time.sleep(0.2)
    plain = imaplib.IMAP4("127.0.0.1", 143)
    plain.starttls(TRUST)
    check("IMAP", found(plain, subject), True)
    for client in (poplib.POP3_SSL("127.0.0.1", 995, context=TRUST), poplib.POP3("127.0.0.1", 110)):
        if not isinstance(client, poplib.POP3_SSL):
            client.stls(TRUST)
        client.user(LOGIN)
        client.pass_(PASSWORD)
        check("POP3", client.stat()[0] > 0, True)
        client.quit()


def found(client: imaplib.IMAP4, subject: str) -> bool:
    """Tell whether a message is in the mailbox."""
    client.login(LOGIN, PASSWORD)
    client.select("INBOX", readonly=True)
    _, answer = client.search(None, "SUBJECT", f'"{subject}"')
    client.logout()
    return bool(answer[0])


def message(subject: str) -> EmailMessage:
    """Make a message from Ada to herself."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = LOGIN, LOGIN, subject
    made.set_content(f"{subject}\n")
    return made


def mailstead(words: str, *, status: int = 0, typed: str = "") -> str:
    """Run a command; gives what it printed."""
    print(f"$ mailstead {words}", flush=True)
    done = subprocess.run(
        ["mailstead", *words.split()],
        input=f"{typed}\n", capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    if done.returncode != status:
        sys.exit(f"status {done.returncode}, not {status}:\n{done.stdout}{done.stderr}")
    return done.stdout if words.startswith("--json") else done.stdout + done.stderr


def pids() -> dict[str, int]:
    """Give the daemons' processes as Mailstead sees them."""
    done = subprocess.run(["mailstead", "--json", "status"], capture_output=True, check=False)
    rows = json.loads(done.stdout)
    return {d["name"]: d["pid"] for row in rows for d in row["daemons"] if d["pid"]}


def ports() -> set[int]:
    """Give the ports that listen on all addresses of both families."""
    done = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True)
    places = [line.split()[3].rpartition(":") for line in done.stdout.splitlines()]
    four = {int(port) for address, _, port in places if address == "0.0.0.0"}  # noqa: S104
    return four & {int(port) for address, _, port in places if address == "[::]"}


def state(unit: str) -> tuple[str, str]:
    """Give whether a unit is active and whether it is enabled, as systemctl(1) says it."""
    return systemctl("is-active", unit), systemctl("is-enabled", unit)


def systemctl(*words: str) -> str:
    """Run systemctl."""
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def digests() -> dict[str, str]:
    """Give the digests of the files that Mailstead takes over."""
    return {
        path: hashlib.sha256(Path(path).read_bytes()).hexdigest()
        for path in TAKEN
        if Path(path).exists()
    }


def check(what: str, seen: object, wanted: object) -> None:
    """End the rehearsal unless something is as it must be."""
    if seen != wanted:
        sys.exit(f"{what}: {seen!r}, not {wanted!r}")


if __name__ == "__main__":
    main()
