"""The commands this module adds to ``mailstead``; the command line looks here for them."""

from __future__ import annotations

import click

from mailstead_sieve.cli.scripts import sieve_group

commands: list[click.Command] = [sieve_group]
