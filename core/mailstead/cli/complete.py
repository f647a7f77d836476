"""Shell completion of names."""

from __future__ import annotations

import click


def module_names(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[str]:
    """Complete module ids."""
    from mailstead.registry import Registry

    return [name for name in Registry.discover().ids if name.startswith(incomplete)]
