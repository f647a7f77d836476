"""System paths and names of external accounts; others may import them."""

from __future__ import annotations

FOLDER = "/var/lib/mailstead/fetchmail"
DATABASE = f"{FOLDER}/fetchmail.db"
STATE = f"{FOLDER}/state"
KEY = "/etc/mailstead/fetchmail.key"
CONFIG = "/etc/dovecot/mailstead.d/fetchmail.conf"
SOCKET = "/run/dovecot/fetchmail-lmtp"
GATES = "/run/mailstead"
UNIT = "/etc/systemd/system/mailstead-fetchmail.service"
USER = "fetchmail"
