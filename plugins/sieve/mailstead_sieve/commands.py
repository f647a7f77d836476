"""The commands this module adds to ``mailstead``; the command line looks here for them."""

from __future__ import annotations

import click

from mailstead_sieve.cli.rules import rule_group
from mailstead_sieve.cli.scripts import sieve_group
from mailstead_sieve.cli.vacation import vacation_group

commands: list[click.Command] = [rule_group, sieve_group, vacation_group]
