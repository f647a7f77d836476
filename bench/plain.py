"""The least that a person would write: Postfix, LMTP, Dovecot and Maildirs, with static maps.

Who sends is a stranger, as mail comes from strangers: `mynetworks` would have all of loopback.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from pathlib import Path

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = plain.example.org
mydestination =
mynetworks =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
alias_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = hash:$config_directory/mailboxes
virtual_transport = lmtp:unix:private/dovecot-lmtp
"""
MASTER_CF = """\
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = lmtp
ssl = no
mail_location = maildir:{mail}/%n/Maildir
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={mail}/%n allow_all_users=yes
}}
service lmtp {{
  unix_listener {queue}/private/dovecot-lmtp {{
    mode = 0600
    user = postfix
  }}
}}
"""
# As Dovecot's manual sets them up: quotas refused at the door, and Sieve.
SAME_MAIN_CF = """\
smtpd_recipient_restrictions = check_policy_service unix:private/quota-status
"""
SAME_DOVECOT = """\
mail_plugins = quota
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1G
  quota_status_success = DUNNO
  quota_status_nouser = DUNNO
  quota_status_overquota = 552 5.2.2 full
  sieve = file:~/sieve;active=~/.dovecot.sieve
}}
service quota-status {{
  executable = quota-status -p postfix
  client_limit = 1
  unix_listener {queue}/private/quota-status {{
    mode = 0600
    user = postfix
  }}
}}
"""


class Plain:
    """The hand-written server, in a folder of its own."""

    def __init__(
        self, folder: Path, address: str, port: int, accounts: list[str], *, same: bool = False
    ) -> None:
        """Write it; the ``same`` as the generated one: with quotas and Sieve."""
        self.place, self.etc, self.mail = (address, port), folder / "postfix", folder / "mail"
        self.dovecot, queue, data = folder / "dovecot.conf", folder / "queue", folder / "data"
        for made in (folder, self.etc, self.mail, queue, data):
            made.mkdir(parents=True)
        postfix, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        os.chown(data, postfix.pw_uid, postfix.pw_gid)
        os.chown(self.mail, nobody.pw_uid, nobody.pw_gid)
        values = {
            "folder": folder, "queue": queue, "data": data, "mail": self.mail, "address": address,
            "port": port, "uid": nobody.pw_uid, "gid": nobody.pw_gid,
        }  # fmt: skip
        main_cf = MAIN_CF + (SAME_MAIN_CF if same else "")
        dovecot = DOVECOT + (SAME_DOVECOT if same else "")
        (self.etc / "main.cf").write_text(main_cf.format(**values))
        (self.etc / "master.cf").write_text(MASTER_CF.format(**values))
        (self.etc / "mailboxes").write_text("".join(f"{item} x\n" for item in accounts))
        self.dovecot.write_text(dovecot.format(**values))
        self._run("postmap", "-c", self.etc, f"hash:{self.etc}/mailboxes")

    def start(self) -> None:
        """Start its daemons; Postfix first, which makes the folder for Dovecot's socket."""
        self._run("postfix", "-c", self.etc, "start")
        self._run("dovecot", "-c", self.dovecot)
        time.sleep(1)

    def stop(self) -> None:
        """Stop them."""
        self._run("postfix", "-c", self.etc, "stop")
        self._run("doveadm", "-c", self.dovecot, "stop")

    def _run(self, *argv: str | Path) -> None:
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
