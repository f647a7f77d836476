"""Finding sections, and refusing bad declarations."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from mailstead.errors import NotFound, RegistryError
from mailstead.settings import types
from mailstead.settings.declare import field, form, table
from mailstead.settings.schema import Schema

from .samples import Domain, House, Object, Options, Rule


def test_a_section_is_found_by_path_and_by_class(house: House) -> None:
    """Both give the same."""
    assert house.schema.of(Domain) == house.schema.find("mail.domain")
    assert "mail.domain" == house.schema.of(Domain).path
    paths = [bound.path for bound in house.schema.all()]
    assert ["network.object", "network.member", "mail.domain", "mail.rule", "mail.options"] == paths


def test_a_misspelt_section_or_field_names_the_nearest(house: House) -> None:
    """The hint is what was probably meant."""
    with pytest.raises(NotFound, match=r"did you mean mail\.domain"):
        house.schema.find("mail.domains")
    with pytest.raises(NotFound, match="did you mean hostname"):
        house.schema.of(Options).field("host_name")
    with pytest.raises(NotFound, match="no loaded module declares"):
        Schema().of(Domain)


def test_references_to_a_section_are_known(house: House) -> None:
    """With the fields that hold them."""
    found = [
        (bound.path, item.name) for bound, item in house.schema.references_to("network.object")
    ]
    expected = [("network.member", "object"), ("mail.domain", "relay"), ("mail.rule", "objects")]
    assert expected == found
    assert () == house.schema.references_to("mail.rule")


def test_two_schemas_live_side_by_side(house: House) -> None:
    """There is no global state, and a section is added once to each."""
    other = Schema()
    other.add("else", [Object])
    assert "else.object" == other.of(Object).path
    with pytest.raises(RegistryError, match="declared twice"):
        house.schema.add("mail", [Rule])


def _bad() -> list[Any]:
    @form(title="Incomplete")
    class NoDefault:
        name: types.Text

    @form(title="Wrong")
    class WrongDefault:
        port: types.Port = field(default=0)

    @form(title="Wrong")
    class TwinDefault:
        host: types.HostName = field(default="LOCALHOST")

    @table(title="Keyless", key=())
    class NoKey:
        name: types.Text

    @table(title="Optional", key=("name",))
    class OptionalKey:
        name: types.Text = field(default="")

    @table(title="Circle", key=("name",), name="circle")
    class OwnKey:
        name: Annotated[str, types.reference("bad.circle")]

    return [NoDefault, WrongDefault, TwinDefault, NoKey, OptionalKey, OwnKey]


@pytest.mark.parametrize("number", range(6))
def test_a_bad_declaration_is_refused_when_it_is_added(number: int) -> None:
    """The author is told before any admin is; nothing is added."""
    schema = Schema()
    with pytest.raises(RegistryError, match=r"^bad\."):
        schema.add("bad", [Object, _bad()[number]])
    assert () == schema.all()
