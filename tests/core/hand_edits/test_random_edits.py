"""Random hand edits, settings, decisions and saves: nothing that an admin wrote is ever lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mailstead.errors import ConsentNeeded, InvalidInput, NotFound
from mailstead.hand_edits.answers import Answer
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.settings.file_history import FileHistory
from mailstead.testing import fake_engine
from mailstead.transaction.request import Request
from tests.core import greeter
from tests.core.packages import Packages
from tests.core.transaction.conftest import Site

CONF = "/etc/greeter.conf"
TEMPLATE = "# top\n#\ngreeting {{ options.greeting }}\n#\n#\nport {{ options.port }}\n#\n# end\n"
ANSWERS = st.builds(
    Answer,
    st.just(CONF),
    st.sampled_from(["keep", "take", "merge"]),
    st.sampled_from([None, "yours", "ours"]),
)


class RandomEdits(RuleBasedStateMachine):
    """One file that an admin and saves both change."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        packages = Packages(self.folder, self.patch)
        source = packages.add(
            "greeter", greeter.MANIFEST, greeter.CODE, conf=TEMPLATE, secret=greeter.SECRET
        )
        machine = FakeMachine()
        machine.available["greeterd"] = "1.0"
        services = FakeServices(machine)
        self.manager = fake_engine(
            self.folder, {source.name: source.package}, machine=machine, services=services
        )
        self.site = Site(self.manager.__enter__(), machine, services)
        self.site.engine.enable(["greeter"], consents=["greeter"])
        assert self.site.save() == "committed"
        self.written: set[bytes] = set()

    def teardown(self) -> None:
        """Close the engine and leave nothing."""
        self.manager.__exit__(None, None, None)
        shutil.rmtree(self.folder)
        self.patch.undo()

    @property
    def now(self) -> bytes:
        """Give what stands there."""
        return self.site.content(CONF) or b""

    @rule(greeting=st.sampled_from(["hello", "hi"]), port=st.sampled_from([7000, 7001]))
    def set(self, greeting: str, port: int) -> None:
        """Change what is rendered."""
        self.site.set(greeting=greeting, port=port)

    @rule(line=st.integers(0, 7), word=st.sampled_from([b"# a", b"# b", b"greeting x", b""]))
    def edit(self, line: int, word: bytes) -> None:
        """Change a line by hand."""
        lines = self.now.split(b"\n")
        lines[line % len(lines)] = word
        self._write(b"\n".join(lines))

    @rule()
    def put_back(self) -> None:
        """Write by hand what was rendered last."""
        file = FileHistory(self.site.engine.store).owned()[CONF]
        self._write(FileHistory(self.site.engine.store).content(file.base) or b"")

    @rule(answer=ANSWERS)
    def decide(self, answer: Answer) -> None:
        """Decide for the next save, where that fits."""
        self._unless_refused(lambda: self.site.engine.edits.decide(answer))

    @rule(answers=st.lists(ANSWERS, max_size=1), fails=st.booleans())
    def save(self, answers: list[Answer], fails: bool) -> None:
        """Save; it may be refused, or fail."""
        asks = bool(self.site.engine.plan().conflicts) if not answers else None
        before = self.now
        if fails:
            self.site.services.break_reload("greeterd")

        def save() -> None:
            outcome = self.site.engine.save(Request(answers=answers)).outcome
            assert asks is not True
            if outcome == "committed":
                assert self.site.engine.plan().is_empty
            else:
                assert self.now == before

        self._unless_refused(save)
        self.site.services.of("greeterd").broken.clear()

    @rule()
    def restore(self) -> None:
        """Put the latest version that was kept aside back."""
        self._unless_refused(lambda: self.site.engine.edits.restore(CONF))

    @invariant()
    def nothing_is_lost(self) -> None:
        """What an admin wrote stands there, lies aside, or was left by a save."""
        aside = {item.version.content for item in self.site.engine.edits.kept_aside(CONF)}
        history = FileHistory(self.site.engine.store)
        saved = {history.content(item.sha256) for item in history.versions(CONF)}
        assert self.written <= aside | saved | {self.now}

    @invariant()
    def status_and_plan_agree(self) -> None:
        """On which files are edited, kept and merged."""
        (row,) = self.site.engine.status()
        shown = {(item.path, item.what) for item in row.edits}
        planned = {(item.path, item.state) for item in self.site.engine.plan().edits}
        # Status renders nothing, so it cannot tell that an edit is what we want by now.
        assert planned <= shown
        assert self.site.engine.plan().files or planned == shown

    def _write(self, content: bytes) -> None:
        # What an admin overwrites by hand is theirs to lose.
        self.written.discard(self.now)
        self.written.add(content)
        self.site.machine.add_file(self.site.engine.instance.path(CONF), content)

    def _unless_refused(self, call: Callable[[], object]) -> None:
        before = self.now
        try:
            call()
        except (ConsentNeeded, InvalidInput, NotFound):
            assert self.now == before


TestRandomEdits = RandomEdits.TestCase
TestRandomEdits.settings = settings(
    max_examples=30,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
