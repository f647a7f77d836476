"""System paths of the mail log; others may import them."""

from __future__ import annotations

FOLDER = "/var/lib/mailstead/log"
DATABASE = f"{FOLDER}/mail_log.db"
UNIT = "/etc/systemd/system/mailstead-mail-log.service"
LOGS = "/var/log"
POSTFIX_LOG = "mail.log"
DOVECOT_LOG = "dovecot.log"
