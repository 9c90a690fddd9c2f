"""What must not be forgotten yet, and what may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.held import Held, Recent


class TestHeld:
    """Offsets that are still needed."""

    def test_begins_at_the_committed_offset(self) -> None:
        """A partition with nothing to read can be committed where it was."""
        assert Held(7).safe() == 7

    def test_the_earliest_that_is_needed_holds_the_rest(self) -> None:
        """What was dropped behind a needed offset may not be committed yet."""
        held = Held(0)
        for offset in range(4):
            held.add(offset)
        held.drop(1)
        held.drop(2)
        assert held.safe() == 0
        held.drop(0)
        assert held.safe() == 3

    def test_what_is_skipped_holds_nothing(self) -> None:
        """An offset that nobody needs is passed over, also behind one that is needed."""
        held = Held(0)
        held.skip(0)
        assert held.safe() == 1
        held.add(1)
        held.skip(2)
        assert (held.safe(), held.next) == (1, 3)

    @given(st.lists(st.booleans(), max_size=30), st.randoms())
    def test_is_the_minimum_of_what_is_needed(self, needed: list[bool], chance: object) -> None:
        """Whatever the order of dropping, safe() is the earliest needed offset, or the next."""
        held = Held(0)
        left = [offset for offset, need in enumerate(needed) if need]
        for offset, need in enumerate(needed):
            (held.add if need else held.skip)(offset)
        while left:
            assert held.safe() == min(left)
            assert len(held) == len(left)
            offset = chance.choice(left)  # type: ignore[attr-defined]
            left.remove(offset)
            held.drop(offset)
        assert held.safe() == len(needed)


class TestRecent:
    """Keys that may come again."""

    def test_keeps_what_is_within_the_horizon(self) -> None:
        """A key is known for at least the horizon after it was put."""
        recent: Recent[int] = Recent(horizon=100, keep=0)
        for at in range(1000):
            recent.put(str(at), at, at)
            assert all(str(earlier) in recent for earlier in range(max(0, at - 100), at + 1))

    def test_stays_bounded(self) -> None:
        """However many keys come, those well beyond the horizon are gone."""
        recent: Recent[int] = Recent(horizon=100, keep=0)
        for at in range(10_000):
            recent.put(str(at), at, at)
        assert len(recent) <= 151
        assert "1" not in recent

    def test_keeps_the_latest_however_old(self) -> None:
        """Keys that come rarely are kept by number: a crash repeats a batch, whatever time it spans."""
        recent: Recent[int] = Recent(horizon=1, keep=50)
        for at in range(1000):
            recent.put(str(at), at, at * 1_000_000)
        assert all(str(at) in recent for at in range(950, 1000))
        assert len(recent) <= 75

    def test_the_last_value_counts(self) -> None:
        """A key that was put again has its newest value, also across generations."""
        recent: Recent[int] = Recent(horizon=1, keep=0)
        recent.put("a", 1, 0)
        recent.put("b", 1, 10)
        recent.put("a", 2, 11)
        assert recent.get("a") == 2
        assert recent.get("never") is None
