"""A small module with everything in it: form, table, file, secret file, daemon, rows, hooks."""

from __future__ import annotations

MANIFEST = """
packages = ["greeterd"]
[[paths]]
path = "/etc/greeter.conf"
reason = "holds the greeting"
[[paths]]
path = "/etc/greeter.secret"
reason = "holds the password"
[[paths]]
path = "/etc/greeter.key"
reason = "is the key"
"""

CODE = '''
from mailstead.plugin import *


@form(title="Greeting")
class Options:
    """What it says."""

    greeting: types.Text = field(default="hello", help="what it says")
    password: types.Secret | None = field(default=None, help="what opens it")
    port: types.Port = field(default=7000)


@table(title="Guests", key=("name",))
class Guests:
    """Whom it greets."""

    name: types.Name = field(help="guest")


def validate(context):
    """Refuse one greeting."""
    if context.settings.form(Options).greeting == "bad":
        yield Problem("greeter.options.greeting", "is rude", "be polite")


def listens(context):
    """One socket."""
    yield Listen("greeter", context.settings.form(Options).port, "127.0.0.1")


def probes(context):
    """It answers."""
    port = context.settings.form(Options).port
    talk = Conversation((Say(None, "hello"),), address="127.0.0.1", port=port)
    yield Probe("greets", talk, "ring the bell")


def prepare(context, machine):
    """Make the database."""
    path = context.path("/var/lib/greeter/guests.db")
    if machine.stat_file(path) is None:
        machine.replace_file(path, b"", mode=0o600, uid=0, gid=0)


module = Module(
    sections=[Options, Guests],
    files=[
        Template("/etc/greeter.conf", "conf.j2"),
        Template("/etc/greeter.secret", "secret.j2", mode=0o600, secret=True),
    ],
    generated=[Generated("/etc/greeter.key", lambda context: b"key")],
    folders=[Folder("/var/lib/greeter", mode=0o750, group="greeter")],
    accounts=[Account("greeter", "runs the daemon")],
    daemons=[
        Daemon(
            "greeterd", reads=("/etc/greeter.",), probes=probes, listens=listens,
            restart_when=lambda files: "the key changed" if "/etc/greeter.key" in files else "",
        )
    ],
    checks=[Check("greeterd -t", ("greeterd", "-t", "{staged:/etc/greeter.conf}"))],
    publications=[
        Publication(
            Guests, "/var/lib/greeter/guests.db", "guests", ("name",),
            lambda guest: {"name": guest.name}, reloads="greeterd",
        )
    ],
    validate=validate,
    prepare=prepare,
)
'''

CONF = "greeting {{ options.greeting }}\nport {{ options.port }}\n"
SECRET = "password {{ options.password.reveal() if options.password else '' }}\n"
