"""The text of settings files: for people, for git, and without secrets."""

from __future__ import annotations

import pytest

from mailstead.errors import InvalidInput, ModuleUnavailable
from mailstead.settings.cells import Cell, Tree
from mailstead.settings.store import Store
from tests.core.packages import Packages

from .appliance import HEADER, MODULES, REST, SECRET_LINE, TEXT, Appliance, open_appliance


def test_the_text_is_sorted_and_names_each_row_by_its_key(full: Appliance) -> None:
    """Byte for byte; the secret is left out, and that is said."""
    assert TEXT == full.write("running").text
    assert ("mail.options.password",) == full.write("running").left_out


def test_secrets_are_written_when_that_is_asked_for(full: Appliance) -> None:
    """In the place where the comment stood, and the head of the file says so."""
    text = full.write("running", secrets=True)
    expected = REST.replace(SECRET_LINE, 'password = "sesame"').splitlines()
    assert sorted(expected) == sorted(text.text.split(MODULES)[1].splitlines())
    assert text.text.startswith(HEADER + "# This file holds secrets")
    assert () == text.left_out


def test_the_draft_is_written_apart_from_running(full: Appliance) -> None:
    """Each has its own text."""
    full.engine.editor.set_form("mail.options", {"hostname": "new"}, full.engine.actor)
    assert TEXT == full.write("running").text
    assert TEXT.replace('"mx"', '"new"') == full.write("draft").text


def test_an_added_row_is_added_lines_and_nothing_else(full: Appliance) -> None:
    """No other line is changed or moved."""
    full.read(TEXT + '\n[network.object.annex]\nnote = "x"\n')
    before, after = TEXT.splitlines(), full.write().text.splitlines()
    at = after.index("[network.object.annex]")
    assert before == after[:at] + after[at + 3 :]


def test_a_text_is_of_one_moment(full: Appliance, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved by another process while it is written is in none of it."""
    store = full.engine.store
    sections = store.sections

    def save_meanwhile(tree: Tree) -> set[str]:
        with Store.open(full.engine.instance.state_path("state.db")) as other:
            other.edit([Cell("mail.options", "", "hostname", "new")], full.engine.actor, 1.0)
            other.commit_draft(full.engine.actor, 2.0)
        return sections(tree)

    monkeypatch.setattr(store, "sections", save_meanwhile)
    assert TEXT == full.write("running").text
    assert "new" == full.cells("running")["mail.options"][""]["hostname"]


def test_a_module_that_was_disabled_is_not_listed(full: Appliance) -> None:
    """Though the store remembers it."""
    full.engine.disable(["mail"])
    full.save()
    assert '\n[modules]\nenabled = [\n    "network",\n]\n' in full.write("running").text


def test_what_is_left_of_another_kind_of_section_is_no_row(full: Appliance) -> None:
    """It is not written, and no import removes it."""
    full.keep("mail.rule", "", {"action": "allow"})
    assert TEXT == full.write("running").text
    assert full.read(TEXT).is_empty


def test_settings_of_a_vanished_module_are_kept(full: Appliance) -> None:
    """In the store and, with secrets, in the file; which is then refused, naming the module."""
    full.keep("gone.things", "a/b", {"pin": "1234"})
    text = full.write("running", secrets=True).text
    assert '\n[gone.things.a.b]\npin = "1234"\n' in text
    assert "# No module that can be used has the section gone.things." in text
    with pytest.raises(InvalidInput, match=r"^f\.toml: gone: the module 'gone' is not installed"):
        full.read(text)
    full.read(TEXT)
    assert {"a/b": {"pin": "1234"}} == full.cells()["gone.things"]


def test_what_may_be_a_secret_is_treated_as_one(full: Appliance) -> None:
    """Fields of vanished modules, and fields that a module no longer has."""
    full.keep("gone.things", "", {"pin": "1234"})
    full.keep("mail.rule", "two", {"old": "5678"})
    text = full.write("running")
    assert not any(word in text.text for word in ("1234", "5678"))
    assert {"gone.things.pin", "mail.rule[two].old"} <= set(text.left_out)
    assert text.text.count("no module can tell whether it is a secret") == 2


def test_a_field_that_is_gone_does_not_stop_an_import(full: Appliance) -> None:
    """With secrets it is a comment; the value stays in the store."""
    full.keep("mail.rule", "two", {"old": "5678"})
    text = full.write("running", secrets=True).text
    assert '# mail.rule no longer has this field:\n# old = "5678"\n' in text
    assert full.read(text).is_empty
    assert "5678" == full.cells()["mail.rule"]["two"]["old"]


def test_a_vanished_module_stays_enabled(full: Appliance) -> None:
    """It cannot be judged here; it is in the file, and importing that changes nothing."""
    fields = {"id": "gone", "enabled": True, "restore": False}
    full.keep("core.module_state", "gone", fields)
    text = full.write("running").text
    assert '    "gone",\n' in text
    assert full.read(text).is_empty
    assert full.read(TEXT).is_empty


def test_a_broken_module_is_told_from_a_missing_one(packages: Packages) -> None:
    """With its reason."""
    source = packages.add("mail", code="raise ValueError('no good')\n")
    with open_appliance({source.name: source.package}) as made:
        with pytest.raises(InvalidInput, match=r"mail: the module is broken: .*no good"):
            made.read("[modules]\nenabled = []\n[mail.options]\n")
        with pytest.raises(ModuleUnavailable, match=r"f\.toml: mail: broken: .*no good"):
            made.read('[modules]\nenabled = ["mail"]\n')
