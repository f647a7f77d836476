"""System paths of the filter; others may import them."""

from __future__ import annotations

CONFIG = "/etc/mailstead/filter"
RSPAMD_CONF = f"{CONFIG}/rspamd.conf"
POLICY = f"{CONFIG}/policy.lua"
TOP_DOMAINS = f"{CONFIG}/top-domains"
CLAMD_CONF = f"{CONFIG}/clamd.conf"
REDIS_CONF = f"{CONFIG}/redis.conf"
LEARN_SPAM = f"{CONFIG}/learn-spam.sieve"
LEARN_HAM = f"{CONFIG}/learn-ham.sieve"
# After mail_retrieval.conf, whose mail_plugins it adds to: they are read in order of name.
DOVECOT = "/etc/dovecot/mailstead.d/spam_learning.conf"
CRON = "/etc/cron.d/mailstead-quarantine"
SIGNATURES = "/var/lib/clamav"
NAMES = "mailstead.cdb"  # beside the signatures: clamd reads one folder
TEST_SIGNATURES = f"{CONFIG}/signatures"
UNITS = "/etc/systemd/system"

RUN = "/run/rspamd"
STATE = "/var/lib/rspamd"
LOG = "/var/log/rspamd"
KEPT = "/var/lib/mailstead/quarantine"
RELEASED = f"{KEPT}/released"
MILTER = f"{RUN}/milter.sock"
CONTROLLER = f"{RUN}/controller.sock"
CLAMD = "/run/clamav/clamd.ctl"
CLAMD_LOG = "/var/log/clamav"
REDIS_RUN = "/run/mailstead-redis"
REDIS = f"{REDIS_RUN}/redis.sock"
REDIS_STATE = "/var/lib/mailstead/redis"
DATA = "/var/lib/mailstead/filter"
TRAINING = f"{DATA}/training"
REPORTED = f"{DATA}/reported"
COMPILED = "/var/lib/mailstead/sieve"

RSPAMD_USER, CLAMAV_USER = "_rspamd", "clamav"
