"""System paths and names of external accounts; others may import them."""

from __future__ import annotations

FOLDER = "/var/lib/mailstead/fetchmail"
DATABASE = f"{FOLDER}/fetchmail.db"
STATE = f"{FOLDER}/state"
KEY = "/etc/mailstead/fetchmail.key"
GATES = "/run/mailstead"
UNIT = "/etc/systemd/system/mailstead-fetchmail.service"
USER = "fetchmail"
