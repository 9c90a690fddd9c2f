"""What was said before a turn: in its order, once, and never more than is allowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.prompting.types import Said
from streams.generation.history import LONGEST, History
from tests.handed_over import a_route


def test_a_turn_sees_what_was_said_before_it_in_the_order_of_the_turns() -> None:
    """Whatever the order in which it was heard, and nothing of itself or later ones."""
    history = History()
    for at, text, we in ((3, "third", False), (1, "answer", True), (2, "second", False), (1, "first", False)):
        history.hear(a_route(f"t{at}", at=at).meta, text, we)
    said = history.before(a_route("t3", at=3).meta)
    assert said == (Said("customer", "first"), Said("we", "answer"), Said("customer", "second"))


def test_the_first_text_of_a_side_in_a_turn_counts() -> None:
    """A reply that is read again is the same reply."""
    history = History()
    for text in ("said", "said again"):
        history.hear(a_route("t1", at=1).meta, text, True)
    assert history.before(a_route("t2", at=2).meta) == (Said("we", "said"),)


def test_what_belongs_to_no_turn_or_says_nothing_is_not_kept() -> None:
    """Such as an event of the session."""
    history = History()
    history.hear(a_route().meta._replace(turn_id=None), "text", False)
    history.hear(a_route().meta, "", False)
    assert len(history) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40), st.booleans()), max_size=120))
def test_it_stays_within_its_bounds(heard: list[tuple[int, int, bool]]) -> None:
    """In sessions, in turns of each, and in characters; of a session the newest turns are kept."""
    history = History(sessions=4, turns=3, characters=5 * LONGEST)
    for session, at, we in heard:
        history.hear(a_route(f"t{at}", f"s{session}", at=at).meta, "x" * 5_000, we)
    assert len(history) <= 4
    kept = [history.before(a_route("end", f"s{session}", at=99).meta) for session in range(10)]
    assert history.characters == sum(len(s.text) for said in kept for s in said) <= 5 * LONGEST
    for session in range(10):
        said = history.before(a_route("end", f"s{session}", at=99).meta)
        assert len(said) <= 6
        assert all(len(s.text) == LONGEST for s in said)


def test_the_session_that_was_silent_longest_is_forgotten_first() -> None:
    """Another word keeps it."""
    history = History(sessions=2)
    for session in ("a", "b", "a", "c"):
        history.hear(a_route("t1", session, at=1).meta, "text", False)
    kept = [s for s in "abc" if history.before(a_route("t2", s, at=2).meta)]
    assert kept == ["a", "c"]
