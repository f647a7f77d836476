"""Flipped and missing bytes, for whatever must see them."""

from __future__ import annotations

import attrs
from hypothesis import strategies as st

_FLIPS = st.lists(st.tuples(st.integers(0, 1 << 24), st.integers(1, 255)), max_size=8)


@attrs.frozen
class Damage:
    """Places with the bits flipped there, and how much is left; places beyond the end wrap."""

    flips: tuple[tuple[int, int], ...]
    left: int | None

    def done_to(self, content: bytes) -> bytes:
        """Give damaged content; it may be what it was."""
        found = bytearray(content)
        for place, bits in self.flips:
            found[place % len(found)] ^= bits
        return bytes(found if self.left is None else found[: self.left % len(found)])


FLIPS = st.builds(Damage, _FLIPS.map(tuple), st.none())
DAMAGE = st.builds(Damage, _FLIPS.map(tuple), st.none() | st.integers(0, 1 << 24))
