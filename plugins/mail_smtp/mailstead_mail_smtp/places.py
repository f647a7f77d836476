"""System paths and names that several files of this module need; others may import them."""

from __future__ import annotations

from urllib.parse import quote

from mailstead.plugin import Context, Folder

CONFIG = "/etc/postfix"
QUEUE = "/var/spool/postfix"
DATA = "/var/lib/postfix"
LOG = "/var/log/mail.log"
LOCAL_MAIL = "/var/mail"
MAILDIRS = "/var/vmail"
LOOKUP = "/var/lib/mailstead/lookup"
LOOKUP_DATABASE = f"{LOOKUP}/mail.db"
ROOM_DATABASE = f"{LOOKUP}/room.db"
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


def lookup(name: str) -> str:
    """Give the map of a lookup, as main.cf and master.cf name it."""
    # By $config_directory, so that the staged main.cf is checked with the staged maps.
    return f"sqlite:$config_directory/sqlite/{name}.cf"


def database_uri(context: Context, database: str) -> str:
    """Give the URI by which Postfix opens a database: https://www.sqlite.org/uri.html.

    Read-only, or the last connection of a process that runs as root (postmap, virtual) would
    remove the write-ahead log, and Postfix's own user cannot make it anew.
    """
    return f"file:{quote(str(context.path(database)))}?mode=ro"
