"""All settings as one file, for keeping them in git: export, import, apply.

FILE may be ``-`` for standard input or output. Standard output gets the file's bytes as they
are, in UTF-8 whatever the terminal's encoding is, so that it can be redirected.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import attrs
import click

from mailstead.cli.app import App, pass_app
from mailstead.counting import counted
from mailstead.errors import InvalidInput, MachineError, MailsteadError, NotFound

if TYPE_CHECKING:
    from mailstead.document.document import Document
    from mailstead.document.importer import Imported, Importer
    from mailstead.document.text import Text
    from mailstead.settings.cells import Tree

STREAM = "-"
SHOWN_PLACES = 5


@click.command("export")
@click.argument("file", default=STREAM)
@click.option("--draft", is_flag=True, help="With unsaved changes; else what was saved last.")
@click.option("--with-secrets", is_flag=True, help="Also write secrets, in the clear.")
@pass_app
def export_settings(app: App, file: str, draft: bool, with_secrets: bool) -> None:
    """Write all settings that are set as TOML: to FILE, mode 0600, or to standard output."""
    from mailstead.document.text import document_text

    engine = app.engine
    tree: Tree = "draft" if draft else "running"
    text = document_text(engine.store, engine.schema, tree, secrets=with_secrets)
    if file != STREAM:
        content = text.text.encode()
        engine.machine.replace_file(app.path(file), content, mode=0o600, uid=0, gid=0)
        _tell_written(app, file, text)
    elif app.json:
        app.emit({"document": text.text, "left_out": text.left_out})
    else:
        sys.stdout.buffer.write(text.text.encode())


@click.command("import")
@click.argument("file")
@click.option("--merge", is_flag=True, help="Set what the file names, leave the rest as it is.")
@pass_app
def import_settings(app: App, file: str, merge: bool) -> None:
    """Make the working settings what FILE says; they take effect when you save.

    What the file does not name is unset, and rows that are not in it are removed.
    Secrets that it leaves out stay.
    """
    importer, document = _read(app, file)
    outcome = importer.run(document, merge=merge)
    unagreed = importer.unagreed(document)
    app.emit({**attrs.asdict(outcome), "unagreed": unagreed})
    _tell_imported(app, document, outcome)
    if unagreed:
        names = " ".join(unagreed)
        app.say(f"Read what they do and agree to it before you save: `mailstead enable {names}`.")
    if not outcome.is_empty:
        app.say("It takes effect when you save (`mailstead plan`, `mailstead save`).")


@click.command()
@click.argument("file")
@click.option("--comment", default="", help="Kept with the revision.")
@pass_app
@click.pass_context
def apply(context: click.Context, app: App, file: str, comment: str) -> int:
    """Import FILE, show the plan and save; asks for consent to modules that come.

    Applying a file twice changes nothing the second time.
    """
    from mailstead.cli.show import show_consent

    importer, document = _read(app, file)
    coming = importer.unagreed(document)
    if coming:
        app.say(f"{document.name} enables {', '.join(coming)}:")
        show_consent(app, coming, importer.preview(document))
        app.confirm("Do you accept these packages, actions and files?")
    _tell_imported(app, document, importer.run(document, consents=coming))
    try:
        return _save(context, app, comment)
    except MailsteadError as error:
        stays = "the imported settings stay in the draft: correct and save, or discard them"
        error.hint = "; ".join(part for part in (error.hint, stays) if part)
        raise


def _save(context: click.Context, app: App, comment: str) -> int:
    from mailstead.cli.save import save
    from mailstead.cli.show import show_plan

    plan = app.engine.plan()
    if not plan.is_empty:
        show_plan(app, plan)
    status: int = context.invoke(save, comment=comment, expected=plan.id)
    return status


def _read(app: App, file: str) -> tuple[Importer, Document]:
    from mailstead.document.document import LIMIT
    from mailstead.document.importer import Importer

    importer = Importer(app.engine)
    if file == STREAM:
        content = sys.stdin.buffer.read(LIMIT + 1)
        return importer, importer.read(content, "standard input")
    return importer, importer.read(_content(app, file, LIMIT), file)


def _content(app: App, file: str, limit: int) -> bytes:
    try:
        return app.engine.machine.read_file(app.path(file), limit=limit)
    except FileNotFoundError:
        raise NotFound("there is no such file", where=file) from None
    except MachineError as error:
        raise InvalidInput(error.problem, where=file, hint=error.hint) from error


def _tell_written(app: App, file: str, text: Text) -> None:
    app.emit({"file": file, "left_out": text.left_out})
    app.say(f"{file}: written, for root's eyes only (mode 0600).")
    if text.left_out:
        app.say(f"Left out: {_some(text.left_out)}; --with-secrets writes them.")


def _tell_imported(app: App, document: Document, outcome: Imported) -> None:
    if outcome.is_empty:
        app.say(f"{document.name}: the working settings are like that already.")
        return
    app.say(f"{document.name}: {counted(outcome.settings, 'setting')} changed.")
    for words, names in (("Enabled", outcome.enabled), ("Disabled", outcome.disabled)):
        if names:
            app.say(f"{words}: {', '.join(names)}")
    if outcome.replaced:
        app.say(f"Unsaved changes that the file replaced: {_some(outcome.replaced)}")


def _some(places: tuple[str, ...]) -> str:
    more = len(places) - SHOWN_PLACES
    return ", ".join(places[:SHOWN_PLACES]) + (f" and {more} more" if more > 0 else "")


commands = [export_settings, import_settings, apply]
