"""Compare revisions with each other, and the draft with what is served."""

from __future__ import annotations

import click

from mailstead.cli.app import App, pass_app


@click.command()
@click.argument("revision", type=int, required=False)
@click.argument("other", type=int, required=False)
@pass_app
def diff(app: App, revision: int | None, other: int | None) -> None:
    """Show what leads from REVISION to OTHER, or to what is served; alone: what is not saved.

    A setting that was changed and changed back is no difference. Revision 0 is what was before
    the first save.
    """
    from mailstead.cli.differences import change_data, file_data, show_changes, show_files

    found = app.engine.history.diff(revision, other)
    if app.json:
        end = "draft" if found.end is None else found.end
        app.emit({"from": found.start, "to": end, "changes": change_data(found.changes),
                  "files": file_data(found.files)})  # fmt: skip
        return
    if not found.changes and not found.files:
        app.say("There are no unsaved changes." if found.end is None else "There is no difference.")
        return
    show_changes(app, "Settings", found.changes)
    if found.end is None:
        app.say("What they do to files is in `mailstead plan`.")
    else:
        show_files(app, found.files)


commands = [diff]
