"""The commands this module adds to ``mailstead``; the command line looks here for them."""

from __future__ import annotations

import click

from mailstead_mail_smtp.cli.account import account_group
from mailstead_mail_smtp.cli.alias import alias_group
from mailstead_mail_smtp.cli.domain import domain_group
from mailstead_mail_smtp.cli.queue import queue_group
from mailstead_mail_smtp.cli.relay import relay_group
from mailstead_mail_smtp.cli.smarthost import smarthost_group
from mailstead_mail_smtp.cli.trace import trace_command

commands: list[click.Command] = [
    domain_group, account_group, alias_group, relay_group, smarthost_group,
    queue_group, trace_command,
]  # fmt: skip
