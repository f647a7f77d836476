"""System paths and names that several files of this module need; others may import them."""

from __future__ import annotations

from mailstead.plugin import Folder

CONFIG = "/etc/postfix"
QUEUE = "/var/spool/postfix"
DATA = "/var/lib/postfix"
LOG = "/var/log/mail.log"
LOCAL_MAIL = "/var/mail"
MAILDIRS = "/var/vmail"
LOOKUP = "/var/lib/mailstead/lookup"
LOOKUP_DATABASE = f"{LOOKUP}/mail.db"
VMAIL = "vmail"
MANAGED = "Written by Mailstead. A change made here by hand is seen and asked about by a save."


def folders() -> tuple[Folder, ...]:
    """Give the folders this module needs; on Debian most exist with these very rights."""
    return (
        Folder("/etc/mailstead/tls", mode=0o700),
        Folder(CONFIG),
        Folder(f"{CONFIG}/sqlite"),
        Folder(QUEUE),
        Folder(DATA, owner="postfix", group="postfix"),
        Folder(LOCAL_MAIL, mode=0o2775, group="mail"),
        Folder(MAILDIRS, mode=0o700, owner=VMAIL, group=VMAIL),
        Folder(LOOKUP, mode=0o750, group="postfix", files_mode=0o640),
    )
