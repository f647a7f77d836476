"""Steps as JSON: nothing is lost, and what an earlier version wrote can be read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.errors import MachineError
from mailstead.journal.codec import decode, dump, encode
from mailstead.machine.conversation import Conversation, Say
from mailstead.machine.values import Path, RowChange
from mailstead.module import Daemon, Native, Probe
from mailstead.transaction.changes import FileVersion, Rows, ServiceAction
from mailstead.transaction.steps import (
    ControlService,
    MakeFolder,
    PublishRows,
    ReplaceFile,
    RestoreDatabase,
    Step,
)

NAMES = st.text(min_size=1, max_size=20)
VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20)
ROWS = st.none() | st.dictionaries(NAMES, VALUES, max_size=3)
KEYS = st.dictionaries(NAMES, VALUES, max_size=2)
VERBS = st.sampled_from(["start", "stop", "reload", "restart"])
VERSIONS = st.none() | st.builds(
    FileVersion, st.binary(max_size=50), st.integers(0, 0o7777), st.integers(0), st.integers(0),
    st.none() | st.dictionaries(NAMES, st.binary(max_size=9), max_size=2),
)  # fmt: skip
TALKS = st.builds(
    Conversation,
    turns=st.lists(st.builds(Say, st.none() | NAMES, NAMES), max_size=3).map(tuple),
    address=NAMES, port=st.integers(0, 65535), socket=NAMES, tls=st.booleans(),
)  # fmt: skip
PROBES = st.lists(st.builds(Probe, NAMES, TALKS, NAMES), max_size=2).map(tuple)
WORDS = st.lists(NAMES, max_size=3).map(tuple)
DAEMONS = st.builds(
    Daemon, NAMES, st.none() | st.builds(Native, WORDS, WORDS, WORDS, NAMES),
    unit=NAMES, main_unit=NAMES,
)  # fmt: skip
PATHS = NAMES.map(lambda name: Path("/srv") / name.replace("/", "-").replace("\0", "-"))
STEPS = st.one_of(
    st.builds(MakeFolder, PATHS, st.integers(0, 0o777), NAMES, NAMES, st.none() | st.just(0o600)),
    st.builds(ReplaceFile, NAMES, NAMES, PATHS, VERSIONS, VERSIONS),
    st.builds(PublishRows, st.builds(
        Rows, NAMES, PATHS,
        st.lists(st.builds(RowChange, NAMES, KEYS, ROWS, ROWS), max_size=2).map(tuple),
    )),
    st.builds(RestoreDatabase, PATHS, PATHS, PATHS),
    st.builds(ControlService, st.builds(
        ServiceAction, NAMES, DAEMONS, VERBS, NAMES,
        st.booleans(), PROBES, PROBES, st.none() | st.booleans(),
    )),
)  # fmt: skip
OLD = """{"changes":[{"key":{"name":"ada"},"new":{"name":"ada"},"old":null,"table":"guests"}],
"database":"/srv/g.db","kind":"rows","module":"greeter"}"""


@given(STEPS)
def test_a_step_comes_back_as_it_was(step: Step) -> None:
    """Through text; attributes too, which comparisons pass over."""
    back = decode(json.loads(dump(encode(step))))
    assert back == step
    assert dump(encode(back)) == dump(encode(step))


def test_what_format_1_wrote_can_be_read() -> None:
    """The text is kept here as it was written then."""
    change = RowChange("guests", {"name": "ada"}, None, {"name": "ada"})
    assert decode(json.loads(OLD)) == PublishRows(Rows("greeter", Path("/srv/g.db"), (change,)))


def test_a_step_of_a_newer_version_is_refused() -> None:
    """With what to do."""
    with pytest.raises(MachineError, match="unknown kind 'teleport'") as error:
        decode({"kind": "teleport"})
    assert "newer Mailstead" in error.value.hint
