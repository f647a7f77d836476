"""What a save tells while it runs; whoever listens cannot hinder it."""

from __future__ import annotations

from mailstead.transaction.progress import Event, Progress
from tests.core.transaction.conftest import Site


def test_a_listener_that_fails_does_not_fail_the_save(saved: Site) -> None:
    """A terminal that went away, or a reader of a pipe: it is not told any more."""
    told: list[Event] = []

    def gone(event: Event) -> None:
        told.append(event)
        raise BrokenPipeError

    saved.set(greeting="hi")
    assert saved.engine.save(progress=gone).outcome == "committed"
    assert len(told) == 1


def test_the_total_only_grows_and_the_end_is_complete() -> None:
    """So that a bar never runs backwards."""
    told: list[Event] = []
    progress = Progress(told.append, total=1)
    progress.step("validate", "one")
    progress.step("render", "two")
    progress.expect(3)
    progress.finish("commit", "done")
    assert [(event.done, event.total) for event in told] == [(0, 1), (1, 1), (5, 5)]
