"""Key texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailstead.settings.keys import join_key, split_key


@given(
    st.lists(
        st.text(min_size=1, max_size=8) | st.sampled_from(["%", "/", "%2F", "%25"]), min_size=1
    )
)
def test_parts_come_back(parts: list[str]) -> None:
    """Whatever is in them."""
    assert tuple(parts) == split_key(join_key(parts))


def test_separators_within_parts_are_encoded() -> None:
    """So a network can be a key."""
    assert "office/10.0.0.0%2F8" == join_key(("office", "10.0.0.0/8"))
