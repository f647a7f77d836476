"""Settings files there and back, and what is refused of them, with its place."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailstead.document.document import LIMIT, errors_in
from mailstead.document.importer import Importer
from mailstead.errors import InvalidInput, MailsteadError
from mailstead.settings.edit import Record
from mailstead.settings.keys import join_key

from .appliance import SHORT, TEXT, Appliance, open_appliance

NAMES = st.sampled_from(["a", "b-1", "c.d", "e_f"])
PRINTABLE = st.characters(
    exclude_categories=["Cc", "Cs", "Zl", "Zp"],
    exclude_characters="".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))),
)
LINES = st.text(PRINTABLE | st.sampled_from("/%\"'\\.#=[] "), max_size=12)
TITLES = st.text(PRINTABLE | st.sampled_from("/%\"'\\.#=[] "), min_size=1, max_size=12)
SECRETS = st.text(PRINTABLE, min_size=1, max_size=12)
KEYS = st.tuples(TITLES, st.integers(-9, 9), st.booleans())


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Draw settings whose references lead somewhere."""
    objects = draw(st.dictionaries(NAMES, LINES, min_size=1))
    some = st.sampled_from(sorted(objects))
    found = [Record("network.object", name, {"note": note}) for name, note in objects.items()]
    for name in draw(st.sets(NAMES)):
        fields = {"size": draw(st.integers(0, 2**63 - 1)), "relay": draw(st.none() | some)}
        found.append(Record("mail.domain", f"{name.strip('_').replace('_', '')}.example", fields))
    for name in draw(st.sets(NAMES)):
        key = join_key((draw(some), name))
        found.append(Record("network.member", key, {"address": "192.0.2.1"}))
        found.append(Record("mail.rule", name, {"objects": draw(st.lists(some))}))
    for title, number, is_open in draw(st.sets(KEYS, max_size=3)):
        key = join_key((title, str(number), str(is_open).lower()))
        words = {"words": draw(st.lists(LINES)), "pin": draw(SECRETS)}
        found.append(Record("mail.note", key, words))
    options = {"smarthost": draw(st.sampled_from([None, "relay.example:25"]))}
    return [*found, Record("mail.options", "", {**options, "password": draw(SECRETS)})]


ROUND = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@ROUND
@given(saved=records(), unsaved=records())
def test_what_was_exported_is_imported_the_same(
    plugins: dict[str, str], saved: list[Record], unsaved: list[Record]
) -> None:
    """Running and draft, into an empty store; and the text of it is the same again."""
    with open_appliance(plugins) as one, open_appliance(plugins) as other:
        one.engine.enable(["network", "mail"])
        one.engine.editor.write_many(_normal(saved), one.engine.actor)
        one.save()
        one.engine.editor.write_many(_normal(unsaved), one.engine.actor)
        other.read(one.write("running", secrets=True).text)
        other.save()
        assert one.cells("running") == other.cells("running")
        text = one.write("draft", secrets=True).text
        other.read(text)
        assert one.cells("draft") == other.cells("draft")
        assert text == other.write("draft", secrets=True).text


@ROUND
@given(saved=records())
def test_importing_what_was_exported_leaves_no_draft(
    plugins: dict[str, str], saved: list[Record]
) -> None:
    """Also without the secrets, which stay."""
    with open_appliance(plugins) as one:
        one.engine.enable(["network"])
        one.engine.editor.write_many(_normal(saved), one.engine.actor)
        one.save()
        assert one.read(one.write("running").text).is_empty
        assert not one.engine.store.has_draft()


def _normal(drawn: list[Record]) -> list[Record]:
    """Compose keys as the field's type does."""
    return [Record(r.path, unicodedata.normalize("NFC", r.key), r.values) for r in drawn]


REFUSED = [
    ("x = ", "f.toml: is not TOML: Invalid value"),
    ("[a]\n[a]\n", "f.toml: is not TOML: Cannot declare"),
    (f"x = {'[' * 5000}", "f.toml: is not TOML: "),
    (f"x = {'9' * 5000}", "f.toml: is not TOML: "),
    ("modules = 1", "f.toml: modules: is not a table"),
    ("[modules]\nenabel = []", "f.toml: modules: no field 'enabel' (did you mean enabled?)"),
    ("[modules]\nenabled = 'mail'", "f.toml: modules.enabled: is not a list of names"),
    ("[modules]\nenabled = [1]", "f.toml: modules.enabled: is not a list of names"),
    ("[modules]", "f.toml: modules.enabled: is not a list of names"),
    ("", "f.toml: modules.enabled: is missing (list the modules"),
    ("[modules]\nenabled = ['mial']",
     "f.toml: modules.enabled: the module 'mial' is not installed (install it or take it out; "
     "did you mean mail?)"),
    ("[modules]\nenabled = ['mail']",
     "f.toml: modules.enabled: mail needs network (add network to it)"),
    (SHORT + "[netwrok.object.x]",
     "f.toml: netwrok: the module 'netwrok' is not installed (install it or take its sections "
     "out; did you mean network?)"),
    (SHORT + "[core.module_state.mail]", "f.toml: core: the module 'core' is not installed"),
    (SHORT + "mail = 1", "f.toml: modules: no field 'mail'"),
    (f"mail = 1\n{SHORT}", "f.toml: mail: is not a table (write [mail])"),
    (SHORT + "[mail.optoins]",
     "f.toml: no section 'mail.optoins' (did you mean mail.options or "),
    (SHORT + "[mail]\noptions = 1",
     "f.toml: mail.options: is not a table (write [mail.options])"),
    (SHORT + "[[mail.options]]", "f.toml: mail.options: is not a table"),
    (SHORT + "[mail.options]\nhostnam = 'x'",
     "f.toml: mail.options: no field 'hostnam' (did you mean hostname or "),
    (SHORT + "[mail.options]\nhostname = 'a b'", "f.toml: mail.options.hostname: 'a b' is not a"),
    (SHORT + "[mail.options]\nhostname = 2020-01-01", "f.toml: mail.options.hostname: "),
    (SHORT + "[mail.options.hostname]", "f.toml: mail.options.hostname: {} is not a host name"),
    (SHORT + "[mail.options]\nservers = []", "f.toml: mail.options.servers: needs at least 1"),
    (SHORT + "[mail.options]\npostmaster = 'x.example'",
     "f.toml: mail.options.postmaster: there is no 'x.example' in mail.domain"),
    (SHORT + "[mail.domain.'x.example']\nsize = true",
     "f.toml: mail.domain[x.example].size: True is not a size"),
    (SHORT + "[mail.domain.'x.example']\nsize = 0x" + "f" * 5000,
     "f.toml: mail.domain[x.example].size: "),
    (SHORT + "[mail.domain.'x.example']\nseize = 1",
     "f.toml: mail.domain[x.example]: no field 'seize' (did you mean size?)"),
    (SHORT + "[mail.domain.'x.example']\nname = 'x.example'",
     "f.toml: mail.domain[x.example].name: is part of the key"),
    (SHORT + "[mail.domain.'x y']", "f.toml: mail.domain.name: 'x y' is not a domain name"),
    (SHORT + "[mail.domain.'BÜCHER.example']\n[mail.domain.'xn--bcher-kva.example']",
     "f.toml: mail.domain[xn--bcher-kva.example]: is there twice"),
    (SHORT + "[[mail.domain]]\nname = 'x.example'",
     "f.toml: mail.domain: is not a table (write each row as [mail.domain.NAME])"),
    (SHORT + "[network.object.x]\n[network.member.x]\naddress = '192.0.2.1'",
     "f.toml: network.member[x/address]: is not a table (write each row as "
     "[network.member.OBJECT.NAME])"),
    (SHORT + "[network.object.x]\n[network.member.x.y]",
     "f.toml: network.member[x/y].address: is not set"),
    (SHORT + "[network.member.x.y]\naddress = '192.0.2.1'",
     "f.toml: network.member[x/y].object: there is no 'x' in network.object"),
    (SHORT + "[mail.note.''.1.true]", "f.toml: mail.note.title: must not be empty"),
    (SHORT + "[mail.note.x.one.true]", "f.toml: mail.note.number: 'one' is not a whole number"),
    (SHORT + "[mail.rule.x]\naction = 'all'\n[mail.rule.y]\naction = 'all'",
     "f.toml: mail.rule[x].action: there is one already"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_refused_is_named_with_file_and_place(
    full: Appliance, text: str, message: str
) -> None:
    """And nothing is changed, also of the draft there was."""
    full.engine.editor.set_form("mail.options", {"hostname": "new"}, full.engine.actor)
    before = full.engine.store.draft_changes()
    with pytest.raises(InvalidInput) as caught:
        full.read(text)
    assert str(caught.value).startswith(message)
    assert before == full.engine.store.draft_changes()


def test_a_row_in_use_cannot_be_left_out(full: Appliance) -> None:
    """What refers to it is named, though it is as it was."""
    lines = TEXT.replace("[network.object.office]", "[network.object.annex]")
    text = lines.replace("[network.member.office.lan]", "[network.member.annex.lan]")
    with pytest.raises(InvalidInput, match=r"^f\.toml: mail\..* refers to 'office', which"):
        full.read(text)
    assert not full.engine.store.has_draft()


def test_a_refused_secret_is_not_shown(full: Appliance) -> None:
    """Its place is."""
    with pytest.raises(InvalidInput, match=r"^f\.toml: mail\.options\.password: ") as caught:
        full.read(SHORT + '[mail.options]\npassword = "tell\\u0007nobody"\n')
    assert "nobody" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff", "is not UTF-8 text"), (b"#" * (LIMIT + 1), "is larger than 64 MiB")],
    ids=["bytes", "size"],
)
def test_what_is_no_text_is_refused(empty: Appliance, content: bytes, message: str) -> None:
    """Before anything is made of it."""
    with pytest.raises(InvalidInput, match=f"^f.toml: {message}"):
        Importer(empty.engine).read(content, "f.toml")


def test_errors_that_are_no_refusals_do_not_blame_the_file() -> None:
    """A full disk is not the fault of what was to be imported."""
    with pytest.raises(MailsteadError, match=r"^disk: full"), errors_in("f.toml"):
        raise MailsteadError("full", where="disk")
