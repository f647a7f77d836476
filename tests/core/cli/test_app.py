"""What every command prints with --json."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

from hypothesis import given
from hypothesis import strategies as st

from mailstead.cli.app import App


def printed(data: object) -> str:
    """Give the document of a command."""
    app = App(prefix="unused", json=True)
    app.emit(data)
    return finished(app)


def finished(app: App) -> str:
    """Give what a command has printed at its end."""
    out = io.StringIO()
    with redirect_stdout(out):
        app.finish()
    return out.getvalue()


def test_letters_of_all_languages_stay_readable() -> None:
    """They are no escapes."""
    assert printed({"name": "Zoë"}) == '{"name": "Zoë"}\n'


def test_a_columns_title_becomes_one_word() -> None:
    """As a program writes it, whatever separates its parts."""
    app = App(prefix="unused", json=True)
    app.print_table("Domains", ("Catch-all", "Default mailbox"), [("a", True)])
    assert finished(app) == '[{"catch_all": "a", "default_mailbox": true}]\n'


def test_what_a_terminal_would_obey_is_escaped() -> None:
    """Controls of both kinds, and the override of writing direction."""
    assert printed("a\x9b31m\u202eb\x1b") == '"a\\u009b31m\\u202eb\\u001b"\n'


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_a_printable_line_and_comes_back(text: str) -> None:
    """Nothing is lost by it."""
    document = printed([text])
    assert document[:-1].isprintable()
    assert json.loads(document) == [text]
