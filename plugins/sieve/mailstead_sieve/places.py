"""System paths of this module; others may import them."""

from __future__ import annotations

CONFIG = "/etc/dovecot/dovecot.conf"
CONTRIBUTED = "/etc/dovecot/mailstead.d/sieve.conf"
BEFORE = "/etc/dovecot/mailstead-before.sieve"
CHECKING = "/var/lib/mailstead/sieve-check"
COMPILED = "/var/lib/mailstead/sieve"
FORWARDED = "/etc/postfix/sieve_forwarded"
