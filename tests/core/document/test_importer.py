"""Importing settings files: the draft becomes what they say, or stays as it was."""

from __future__ import annotations

from mailstead.document.importer import Importer
from mailstead.settings.cells import Actor
from tests.core.packages import Packages

from .appliance import HEADER, MODULES, REST, SECRET_LINE, SHORT, TEXT, Appliance, open_appliance


def test_order_in_the_file_does_not_matter(empty: Appliance) -> None:
    """A row may refer to one that comes later."""
    parts = REST.strip().split("\n\n")
    empty.read(HEADER + "\n\n".join(reversed(parts)) + MODULES)
    assert TEXT.replace(f"{SECRET_LINE}\n", "") == empty.write().text


def test_what_is_not_named_is_unset_and_removed(full: Appliance) -> None:
    """But the secret stays, in its form."""
    full.read(SHORT + '[mail.rule.two]\naction = "allow"\n')
    assert {
        "core.module_state": full.cells("running")["core.module_state"],
        "mail.options": {"": {"password": "sesame"}},
        "mail.rule": {"two": {"name": "two", "action": "allow"}},
    } == full.cells()


def test_a_secret_goes_with_its_row(full: Appliance) -> None:
    """What is removed keeps nothing."""
    note = '[mail.note.x.1.true]\npin = "1234"\n'
    full.read(TEXT + note)
    assert "1234" == full.cells()["mail.note"]["x/1/true"]["pin"]
    full.read(TEXT + "[mail.note.x.1.true]\n")
    assert "1234" == full.cells()["mail.note"]["x/1/true"]["pin"]
    full.read(TEXT)
    assert "mail.note" not in full.cells()


def test_a_secret_is_set_and_unset_by_the_file(full: Appliance) -> None:
    """An empty text is none."""
    full.read(TEXT.replace(SECRET_LINE, 'password = "new"'))
    assert "new" == full.cells()["mail.options"][""]["password"]
    full.read(TEXT.replace(SECRET_LINE, 'password = ""'))
    assert "password" not in full.cells()["mail.options"][""]


def test_merging_sets_what_is_named_and_nothing_else(full: Appliance) -> None:
    """Fields, rows and modules that are not named stay."""
    before = full.cells()
    outcome = full.read('[mail.options]\nservers = ["b.example"]\n[mail.rule.three]\n', merge=True)
    before["mail.options"][""]["servers"] = ["b.example"]
    before["mail.rule"]["three"] = {"name": "three"}
    assert before == full.cells()
    assert 2 == outcome.settings


def test_merging_enables_but_never_disables(full: Appliance) -> None:
    """Also not what is about to be disabled anyway."""
    full.engine.disable(["mail"], restore=True)
    before = full.cells()
    full.read('[modules]\nenabled = ["network"]\n', merge=True)
    assert before == full.cells()
    assert ("mail",) == full.read('[modules]\nenabled = ["mail"]\n', merge=True).enabled
    assert not full.engine.store.has_draft()


def test_modules_are_enabled_and_disabled_as_listed(full: Appliance) -> None:
    """In the order of what they need."""
    outcome = full.read("[modules]\nenabled = []\n")
    assert ((), ("mail", "network")) == (outcome.enabled, outcome.disabled)
    assert ("network", "mail") == full.read(TEXT).enabled
    assert () == full.read(TEXT).enabled


def test_a_module_that_never_was_enabled_leaves_no_trace(empty: Appliance) -> None:
    """It was enabled in the draft alone, and the file does not have it."""
    empty.engine.enable(["network"])
    assert ("network",) == empty.read("[modules]\nenabled = []\n").disabled
    assert not empty.engine.store.has_draft()


def test_who_changed_a_setting_stays_known(empty: Appliance) -> None:
    """An import that changes nothing about it does not claim it."""
    ann = Actor("ann", "web")
    empty.engine.editor.set_form("mail.options", {"hostname": "mx"}, ann)
    empty.read(SHORT + '[mail.options]\nhostname = "mx"\nservers = ["b.example"]\n')
    authors = {change.field: change.who for change in empty.engine.store.draft_changes()}
    assert ("ann", "root") == (authors["hostname"], authors["servers"])


def test_consent_is_asked_for_what_nobody_agreed_to(packages: Packages) -> None:
    """Modules that come, and those whose files are not agreed to."""
    owned = '[[paths]]\npath = "/etc/x"\nreason = "is x"\n'
    sources = (packages.add("network"), packages.add("other", owned))
    with open_appliance({source.name: source.package for source in sources}) as made:
        importer = Importer(made.engine)
        document = importer.read(b'[modules]\nenabled = ["network", "other"]\n', "f.toml")
        assert ("network", "other") == importer.unagreed(document)
        importer.run(document)
        assert ("other",) == importer.unagreed(document)
        importer.run(document, consents=("other",))
        assert () == importer.unagreed(document)


def test_a_draft_is_put_back_by_importing_what_was_saved(full: Appliance) -> None:
    """Settings, rows, and modules that were to be enabled or disabled."""
    full.engine.disable(["mail"], restore=True)
    full.engine.editor.set_form("mail.options", {"hostname": "new"}, full.engine.actor)
    full.engine.editor.remove_row("mail.rule", "two", full.engine.actor)
    full.engine.editor.add_row("mail.rule", {"name": "three"}, full.engine.actor)
    outcome = full.read(TEXT)
    assert not full.engine.store.has_draft()
    assert ("mail",) == outcome.enabled
    assert {"mail.options.hostname", "mail.rule[two].name", "mail.rule[three].name"} <= set(
        outcome.replaced
    )


def test_ten_thousand_rows_go_there_and_back(empty: Appliance) -> None:
    """In any order in the file, and the second import changes nothing."""
    rows = [f'[mail.domain."d{n}.example"]\nrelay = "o{n}"\n' for n in range(5000)]
    rows += [f"[network.object.o{n}]\n" for n in range(5000)]
    empty.read(SHORT + "".join(rows))
    assert 5000 == empty.engine.store.count("draft", "mail.domain")
    text = empty.write().text
    assert empty.read(text).is_empty
    assert text == empty.write().text
