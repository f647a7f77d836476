"""Commands about the instance itself: ``init`` and ``completion``."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app


@click.command()
@click.option("--sandbox", is_flag=True, help="A disposable instance on loopback addresses.")
@click.option("--address", "addresses", multiple=True, metavar="IP",
              help="Address its services listen on; may be given again.")  # fmt: skip
@click.option("--port-offset", default=0, show_default=True, type=click.IntRange(0, 60000),
              help="Added to every standard port.")  # fmt: skip
@click.option("--outside", default="", metavar="[IP]:PORT",
              help="Where a sandbox sends mail for the rest of the world.")  # fmt: skip
@click.option("--soak", default=None, type=click.FloatRange(0.2, 300),
              help="Seconds a daemon must last after a change [5; sandbox 1].")  # fmt: skip
@pass_app
def init(
    app: App,
    sandbox: bool,
    addresses: tuple[str, ...],
    port_offset: int,
    outside: str,
    soak: float | None,
) -> None:
    """Make an instance in the folder given by --instance."""
    import os

    from mailstead.engine import Engine
    from mailstead.errors import InstanceError
    from mailstead.instance import Instance
    from mailstead.instance_file import check_arguments
    from mailstead.machine.values import Path

    if sandbox and not addresses:
        addresses, port_offset = ("127.0.0.1",), port_offset or 10000
    instance = Instance(
        prefix=Path(os.path.abspath(app.prefix)),  # noqa: PTH100 - links are not resolved
        kind="sandbox" if sandbox else "system",
        addresses=addresses,
        port_offset=port_offset,
        outside=outside,
        soak=soak if soak is not None else (1.0 if sandbox else 5.0),
    )
    check_arguments(instance)
    if not sandbox and str(instance.prefix) != "/":
        raise InstanceError("only / is the real machine", where=app.prefix, hint="add --sandbox")
    Engine.init(instance)
    app.say(f"made the instance {instance.prefix}; next: `mailstead modules`")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_app
def completion(app: App, shell: str) -> None:
    """Print the completion script of a shell: eval "$(mailstead completion bash)"."""
    from click.shell_completion import get_completion_class

    from mailstead.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - one of the choices
    app.say(found(cli, {}, "mailstead", "_MAILSTEAD_COMPLETE").source())


commands = [init, completion]
