"""The commands this module adds to ``mailstead``; the command line looks here for them."""

from __future__ import annotations

import click

from mailstead_mail_retrieval.cli.clients import client_settings, usage
from mailstead_mail_retrieval.cli.expiry import expiry_group
from mailstead_mail_retrieval.cli.room import room_group

commands: list[click.Command] = [client_settings, expiry_group, room_group, usage]
