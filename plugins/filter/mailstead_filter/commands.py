"""The commands this module adds to ``mailstead``; the command line looks here for them."""

from __future__ import annotations

import click

from mailstead_filter.cli.filter import filter_group
from mailstead_filter.cli.quarantine import quarantine_group

commands: list[click.Command] = [filter_group, quarantine_group]
