"""System paths of this module; others may import them."""

from __future__ import annotations

CONFIG = "/etc/dovecot/dovecot.conf"
CONTRIBUTED = "/etc/dovecot/mailstead.d/sieve.conf"
BEFORE = "/etc/dovecot/mailstead-before.sieve"
BACKUPS = "/var/lib/mailstead/sieve-backup"
BACKUP = f"{BACKUPS}/scripts.db"
CHECKING = "/var/lib/mailstead/sieve-check"
COMPILED = "/var/lib/mailstead/sieve"
# In the home of each account.
SCRIPTS, SUFFIX = "sieve", ".sieve"
FORWARDED = "/etc/postfix/sieve_forwarded"
