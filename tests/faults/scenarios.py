"""What is done to a site while a fault strikes: one small module with everything in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs

from mailstead.engine import Engine
from mailstead.errors import InvalidInput, MailsteadError
from mailstead.hand_edits.answers import Answer
from mailstead.instance import STATE
from mailstead.machine.fake import FakeMachine
from mailstead.machine.fake_files import Node
from mailstead.registry import Registry
from mailstead.settings.decisions import Choice
from mailstead.transaction.rollback import Goal
from mailstead.transaction.steps import RestoreDatabase
from tests.core import greeter
from tests.core.packages import Packages
from tests.faults.harness import Action, Site, save

GREETER = "greeter"
CONF = "/etc/greeter.conf"
DATABASE = "var/lib/greeter/guests.db"
WAIT = 60.0
OTHER_LOGIN = "terminal 2000@200"
MINE = b"greeting hello\nport 7000\n# mine\n"


def nothing(_: Site) -> None:
    """Prepare nothing."""


@attrs.frozen
class Scenario:
    """What a process does to a prepared site.

    Attributes:
        kit: makes the site: which modules there are.
        prepare: brings the site into the state in which the process begins.
        action: what the process does.
        again: what must work afterwards, whatever happened, and lead to the same end.
        is_final: when it fails nothing was changed; of others the next command does the rest.
        drafts: it edits the draft as well, and when it is killed that is left to be seen.
        theirs: what somebody wrote into a file by hand; it must lie somewhere ever after.
    """

    name: str
    kit: str
    prepare: Callable[[Site], None]
    action: Action
    again: Action = save
    is_final: bool = True
    drafts: bool = False
    theirs: bytes = b""


def greeter_machine() -> FakeMachine:
    """Give a machine on which the greeter can be installed, with a file it will replace."""
    machine = FakeMachine()
    machine.available["greeterd"] = "1.0"
    return machine


def greeter_registry(packages: Packages) -> Registry:
    """Give the registry that has the greeter alone."""
    source = packages.add(
        GREETER, greeter.MANIFEST, greeter.CODE, conf=greeter.CONF, secret=greeter.SECRET
    )
    return Registry.discover([source])


def enable(engine: Engine) -> None:
    """Enable the module in the draft."""
    engine.enable([GREETER], consents=[GREETER])


def set_options(engine: Engine, **values: Any) -> None:
    """Change the form in the draft."""
    engine.editor.set_form("greeter.options", values, engine.actor)


def invite(engine: Engine, name: str) -> None:
    """Add a row in the draft."""
    engine.editor.add_row("greeter.guests", {"name": name}, engine.actor)


def foreign(site: Site) -> None:
    """Let a file of somebody else stand where the module's will."""
    path = site.services.prefix / CONF.lstrip("/")
    site.machine.add_file(path, b"foreign\n", mode=0o640)
    site.machine.tree.nodes[path].attributes = {"user.note": b"kept"}


def drafted(site: Site) -> None:
    """Enable in the draft."""
    foreign(site)
    site.run(enable)


def saved(site: Site, *edits: Action) -> None:
    """Save once, then edit the draft."""
    foreign(site)
    site.run(enable)
    site.run(lambda engine: invite(engine, "grace"))
    assert site.run(save).result.outcome == "committed"
    for edit in edits:
        site.run(edit)


def with_option(site: Site) -> None:
    """Have one option changed."""
    saved(site, lambda engine: set_options(engine, greeting="hi"))


def with_rows(site: Site) -> None:
    """Have an option changed, a row added and one removed; and programs of the admin's own."""
    for when in ("pre-save", "post-save"):
        site.machine.add_file(site.services.prefix / f"etc/mailstead/hooks/{when}.d/mine", b"",
                              mode=0o755)  # fmt: skip
    saved(
        site,
        lambda engine: set_options(engine, greeting="hi", password="tell nobody"),
        lambda engine: invite(engine, "ada"),
        lambda engine: engine.editor.remove_row("greeter.guests", "grace", engine.actor),
    )


def leaving(site: Site) -> None:
    """Have the module disabled in the draft, to be restored."""
    saved(site, lambda engine: engine.disable([GREETER], restore=True))


def edited_by_hand(site: Site) -> None:
    """Have the file edited and the daemon reloaded, and the option changed as well."""
    with_option(site)
    path = site.services.prefix / CONF.lstrip("/")
    site.machine.tree.nodes[path] = Node("file", 0o600, 0, 0, MINE)
    site.services(site.registry.module(GREETER).daemons[0]).reload()


def refusing(site: Site) -> None:
    """Have the daemon refuse its next reload."""
    with_rows(site)
    site.services.break_reload("greeterd")


def save_waiting(engine: Engine) -> Any:
    """Save so that it must be confirmed."""
    return save(engine, confirm=WAIT)


def waiting(site: Site) -> None:
    """Have a save wait to be confirmed; the next process belongs to another login."""
    with_rows(site)
    assert site.run(save_waiting).result.outcome == "committed"
    site.machine.login = OTHER_LOGIN


def expired(site: Site) -> None:
    """Have the time of such a save end."""
    waiting(site)
    site.machine.time.pass_by(WAIT)


def answering(choice: Choice) -> Action:
    """Give a save that decides about the hand edit."""
    return lambda engine: save(engine, answers=[Answer(CONF, choice)])


def decided(choice: Choice) -> Action:
    """Give a save that decides about it if that is still asked."""

    def action(engine: Engine) -> Any:
        return answering(choice)(engine) if engine.plan().conflicts else save(engine)

    return action


def confirm(engine: Engine) -> Any:
    """Confirm, over this login."""
    return engine.confirm()


def confirmed(engine: Engine) -> Any:
    """Confirm what waits; save what is left in the draft."""
    try:
        engine.confirm()
    except MailsteadError:
        return save(engine)
    return save(engine)


def saved_twice(site: Site) -> None:
    """Have two revisions."""
    with_rows(site)
    assert site.run(save).result.outcome == "committed"


def go_back(engine: Engine) -> Any:
    """Go back to the first revision."""
    return save(engine, back_to=Goal(1))


def gone_back(engine: Engine) -> Any:
    """Go back, unless that was done; what a killed attempt left in the draft is dropped first."""
    engine.discard()
    try:
        return go_back(engine)
    except InvalidInput:  # it is as it was already
        return save(engine)


def with_image(site: Site) -> None:
    """Have an image of the database, with a table more, to be restored."""
    with_option(site)
    database, state = site.services.prefix / DATABASE, site.services.prefix / STATE.lstrip("/")
    tables = site.machine.rows[database]
    site.machine.rows[database] = {**tables, "notes": {(("id", 1),): {"id": 1}}}
    site.machine.copy_databases({database: state / "archive"})
    site.machine.rows[database] = tables


def restore_database(engine: Engine) -> Any:
    """Restore it in a save, as a backup is restored: from a private folder."""
    machine, folder = engine.machine, engine.instance.state_path("restore")
    machine.remove_tree(folder)
    machine.make_directory(folder, mode=0o700, uid=0, gid=0)
    image = machine.read_file(engine.instance.state_path("archive"))
    machine.replace_file(folder / "1.image", image, mode=0o600, uid=0, gid=0)
    database = engine.instance.path(f"/{DATABASE}")
    step = RestoreDatabase(database, folder / "1.old", folder / "1.image")
    result = save(engine, extra=lambda: (step,))
    if result.outcome != "needs operator":
        with suppress(MailsteadError):
            machine.remove_tree(folder)
    return result


def revert(engine: Engine) -> Any:
    """Take the save back."""
    return engine.revert()


def opened(engine: Engine) -> Any:
    """Do nothing: opening was it."""
    return engine.recovered


GREETER_SCENARIOS = (
    Scenario("enable", GREETER, drafted, save),
    Scenario("option", GREETER, with_option, save),
    Scenario("rows", GREETER, with_rows, save),
    Scenario("restore", GREETER, leaving, save),
    Scenario("take", GREETER, edited_by_hand, answering("take"), decided("take"), theirs=MINE),
    Scenario("merge", GREETER, edited_by_hand, answering("merge"), decided("merge"), theirs=MINE),
    Scenario("keep", GREETER, edited_by_hand, answering("keep"), decided("keep"), theirs=MINE),
    Scenario("refused", GREETER, refusing, save),
    Scenario("unconfirmed", GREETER, with_rows, save_waiting, confirmed),
    Scenario("confirm", GREETER, waiting, confirm, confirmed),
    Scenario("expiry", GREETER, expired, opened, is_final=False),
    Scenario("revert", GREETER, waiting, revert, confirmed, is_final=False),
    Scenario("database", GREETER, with_image, restore_database, restore_database),
    Scenario("back", GREETER, saved_twice, go_back, gone_back, drafts=True),
)
