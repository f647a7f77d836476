"""Make, list, verify and restore backups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailstead.cli.answers import answer_options, answers_of
from mailstead.cli.app import App, pass_app
from mailstead.counting import counted
from mailstead.errors import MailsteadError

if TYPE_CHECKING:
    from mailstead.backup.archive import Archive
    from mailstead.backup.restore import Restore
    from mailstead.backup.trees import Added

_STDIN = click.option("--passphrase-stdin", is_flag=True,
                      help="Read the passphrase from standard input.")  # fmt: skip


@click.group()
def backup() -> None:
    """Make, list, verify and restore backups: settings, directory, keys, and mail if asked for."""


@backup.command()
@click.argument("file", required=False)
@click.option("--mail", is_flag=True, help="Also take the mail.")
@click.option("--keep", type=click.IntRange(1), metavar="N",
              help="Afterwards remove the oldest of ours beyond N.")  # fmt: skip
@_STDIN
@click.option("--without-secrets", is_flag=True,
              help="No passphrase, and nothing secret: no directory, no keys.")  # fmt: skip
@pass_app
def create(
    app: App,
    file: str | None,
    mail: bool,
    keep: int | None,
    passphrase_stdin: bool,
    without_secrets: bool,
) -> None:
    """Make a backup, encrypted with a passphrase, and read it back.

    Without FILE it gets a name of its own in /var/backups/mailstead.
    """
    from mailstead.backup.create import Wanted, create_backup
    from mailstead.cli.show_backup import show_made

    wanted = Wanted(
        place=app.path_of(file) if file else None,
        passphrase=None if without_secrets else app.read_passphrase(passphrase_stdin, twice=True),
        mail=mail,
        keep=keep or 0,
    )
    show_made(app, create_backup(app.engine, wanted))


@backup.command("list")
@click.argument("folder", required=False)
@pass_app
def list_backups(app: App, folder: str | None) -> None:
    """List the backups in a folder, oldest first; by default in /var/backups/mailstead."""
    from mailstead.backup.folder import FOLDER
    from mailstead.backup.folder import list_backups as listed
    from mailstead.cli.show_backup import show_list

    place = app.path_of(folder) if folder else app.engine.instance.path(FOLDER)
    show_list(app, place, listed(app.engine.machine, place))


@backup.command()
@click.argument("file")
@click.option("--decrypt", is_flag=True, help="Also ask for the passphrase and look inside.")
@_STDIN
@pass_app
def verify(app: App, file: str, decrypt: bool, passphrase_stdin: bool) -> None:
    """Read a backup whole and compare it with its manifest; unpacks nothing."""
    from mailstead.backup.archive import opened
    from mailstead.cli.show_backup import show_archive

    with opened(app.engine.machine, app.path_of(file)) as archive:
        is_inside = decrypt or passphrase_stdin or not archive.manifest.has_secrets
        if is_inside:
            archive.verify(archive.require_key(_passphrase(app, archive, passphrase_stdin)))
        else:
            archive.verify_digests()
        show_archive(app, archive, is_inside)


@backup.command()
@click.argument("file")
@click.option("--mail", is_flag=True, help="Also add the messages that are missing here.")
@click.option("--except", "leave", multiple=True, metavar="PLACE",
              help="Leave the settings of this module or section as they are.")  # fmt: skip
@answer_options
@_STDIN
@pass_app
def restore(app: App, file: str, mail: bool, leave: tuple[str, ...], passphrase_stdin: bool) -> int:
    """Show what a backup would bring back, ask, and save it; undone when anything fails.

    Settings become those of the backup, users and accounts too; mail is only ever added.
    """
    from mailstead.backup.archive import opened
    from mailstead.backup.opening import open_archive
    from mailstead.backup.restore import Restore

    path = app.path_of(file)
    with opened(app.engine.machine, path) as archive:
        passphrase = _passphrase(app, archive, passphrase_stdin)
        if mail:
            archive.require_mail()
    with open_archive(app.engine, path, passphrase) as found:
        return _restore(app, Restore(app.engine, found, leave, answers_of(app)), mail)


def _restore(app: App, work: Restore, mail: bool) -> int:
    from mailstead.cli.progress import shown_progress
    from mailstead.cli.save import STATUS, tell_result
    from mailstead.cli.show_backup import restore_data, show_restore

    agreed = work.plan()
    if agreed.is_empty and not mail:
        app.say("There is nothing to restore.")
        return 0
    show_restore(app, agreed)
    app.confirm("Restore this?")
    with shown_progress(app) as progress:
        result = work.save(agreed, progress)
    tell_result(app, result, "; nothing of the backup is in the draft")
    added = None
    if result.outcome in ("committed", "nothing to do"):
        added = _add_mail(app, work) if mail else None
        for words in work.finish():
            app.say(words)
        _tell_rest(app)
    elif result.outcome == "needs operator":
        app.say(f"what the databases held before lies in {work.archive.folder}")
    app.emit(restore_data(app, agreed, result, added))
    return STATUS[result.outcome]


def _passphrase(app: App, archive: Archive, from_stdin: bool) -> str | None:
    if not archive.manifest.has_secrets:
        return None
    return app.read_passphrase(from_stdin, twice=False)


def _add_mail(app: App, work: Restore) -> Added:
    added = work.add_mail()
    app.say(f"mail: {counted(added.added, 'file')} added, {added.kept} there already")
    if added.left_out:
        app.warn(f"{added.left_out} files are of no module here and were left out")
    return added


def _tell_rest(app: App) -> None:
    """Say when files that were put, such as snippets, change others in the next plan."""
    try:
        is_more = not app.engine.plan().is_empty
    except MailsteadError as error:
        app.warn(f"the next plan is refused: {error}")
        return
    if is_more:
        app.say("Files that were put change others: see `mailstead plan`, then `mailstead save`.")


commands = [backup]
