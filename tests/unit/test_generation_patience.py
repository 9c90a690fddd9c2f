"""Which part of a budget runs out, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.generation.patience import Patience
from streams.generation.ports import Budget

SECONDS = st.floats(0.0, 100.0)


def test_until_the_first_text_only_that_is_waited_for() -> None:
    """Signs of life without text change nothing."""
    patience = Patience(Budget(2.0, 1.0, 9.0), 100.0)
    assert patience.until() == (102.0, "first")
    patience.hear(101.5, text=False)
    assert (patience.until(), patience.first) == ((102.0, "first"), None)


def test_after_it_each_sign_of_life_renews_the_wait() -> None:
    """One without text too: half a character is more than nothing."""
    patience = Patience(Budget(2.0, 1.0, 9.0), 100.0)
    patience.hear(101.0, text=True)
    assert (patience.until(), patience.first) == ((102.0, "between"), 1.0)
    patience.hear(101.75, text=False)
    assert (patience.until(), patience.first) == ((102.75, "between"), 1.0)


def test_the_total_bounds_both() -> None:
    """It is what the turn's deadline left."""
    patience = Patience(Budget(5.0, 5.0, 3.0), 100.0)
    assert patience.until() == (103.0, "total")
    patience.hear(102.0, text=True)
    assert patience.until() == (103.0, "total")
    assert patience.spent(103.5) == 3.5


@given(SECONDS, SECONDS, SECONDS, st.lists(st.tuples(SECONDS, st.booleans())))
def test_nothing_is_waited_for_past_the_total(
    first: float, between: float, total: float, signs: list[tuple[float, bool]]
) -> None:
    """Whatever the model does, and the time of each wait is the sooner of the two."""
    patience, now = Patience(Budget(first, between, total), 0.0), 0.0
    for wait, text in signs:
        now += wait
        patience.hear(now, text)
        until, fault = patience.until()
        assert until <= total
        assert fault in ("total", "first" if patience.first is None else "between")
