"""Which arm a session has follows from its name alone."""

from __future__ import annotations

import pytest

from processors.assignment import Exclusion, fraction, upper_bounds

SESSIONS = [f"{word}-{n}" for word in ("s", "客户", "web:café") for n in range(4000)]


def test_the_function_is_the_one_that_is_written_down() -> None:
    """Known values: whoever computes it elsewhere, in SQL or in another language, can check theirs."""
    assert fraction("salt", "shop", "s-1") == 0.062215823476746035
    assert fraction("salt", "shop", "客户-1") == 0.5879190390652839


def test_sessions_are_spread_evenly() -> None:
    """Each tenth of [0, 1) holds about a tenth of them."""
    tenths = [0] * 10
    for session in SESSIONS:
        tenths[int(fraction("salt", "shop", session) * 10)] += 1
    assert all(abs(count - 1200) < 150 for count in tenths), tenths


def test_another_salt_deals_anew() -> None:
    """Who had the candidate in one experiment has it in the next no more often than others."""
    both = sum((fraction("a", "shop", s) < 0.5) == (fraction("b", "shop", s) < 0.5) for s in SESSIONS)
    assert abs(both / len(SESSIONS) - 0.5) < 0.02


def test_bounds_follow_the_weights() -> None:
    """Shares of the whole, whatever the weights add up to; the last reaches the end exactly."""
    assert upper_bounds([50.0, 50.0]) == (0.5, 1.0)
    assert upper_bounds([1.0, 1.0, 2.0]) == (0.25, 0.5, 1.0)
    assert upper_bounds([0.1] * 3)[-1] == 1.0


def test_weights_of_nothing_are_refused() -> None:
    """There is no arm to fall into."""
    with pytest.raises(ValueError, match="add up to nothing"):
        upper_bounds([0.0, 0.0])


def test_sessions_are_excluded_by_name_and_by_beginning() -> None:
    """A star stands for any end; without one the name is meant exactly."""
    excluded = Exclusion(["web-1", "test-*", "测试*"])
    assert [s in excluded for s in ("web-1", "web-10", "test-7", "test-", "测试一", "a-test-1")] == [
        True,
        False,
        True,
        True,
        True,
        False,
    ]
    assert "anything" not in Exclusion([])
