"""The file Postfix logs to: maillog_file in postconf(5), MAILLOG_README.

It belongs to Postfix's user. While postlogd(8) does not run, who has something to say writes to
the file itself: postsuper(1), which is that user by then, ends when it may not. A message that a
kill left half in the queue would so keep Postfix from starting again.
"""

from __future__ import annotations

from mailstead.plugin import Context, Machine
from mailstead_mail_smtp.places import LOG

OWNER, READERS = "postfix", "adm"
MODE = 0o640


def prepare(context: Context, machine: Machine) -> None:
    """Make the file, or give it to Postfix's user. Safe to repeat."""
    path = context.path(LOG)
    user = machine.user(OWNER)
    if user is None:
        return
    uid, own_group = user
    readers = machine.group(READERS)
    gid = own_group if readers is None else readers
    found = machine.stat_file(path)
    if found is None:
        machine.replace_file(path, b"", mode=MODE, uid=uid, gid=gid)
    elif found.kind == "file":
        machine.set_owner(path, mode=MODE, uid=uid, gid=gid)
