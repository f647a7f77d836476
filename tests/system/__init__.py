"""Tests with real Postfix and Dovecot in sandboxes on loopback addresses."""
