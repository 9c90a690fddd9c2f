"""What is drawn for all metrics at once says what scipy says of one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from infra.comparing.resampling import quantiles, sign_flip_p, steps, unseen, weights


def test_sign_flips_agree_with_scipy() -> None:
    """A column's p is that of scipy's permutation test of one sample, but for what drawing leaves."""
    rng = np.random.default_rng(3)
    columns = np.column_stack([rng.normal(shift, 1, 200) for shift in (0.0, 0.1, 0.15)])
    found = sign_flip_p(columns, seed=1)
    for n in range(3):
        theirs = stats.permutation_test(
            (columns[:, n],), np.sum, permutation_type="samples", vectorized=True, n_resamples=1_999, rng=rng
        ).pvalue
        assert found[n] == pytest.approx(theirs, abs=4 * np.sqrt(theirs * (1 - theirs) / 500) + 3e-3)


def test_a_few_sessions_are_enumerated() -> None:
    """Five sessions that all go one way are as far as five can go: two of 32 patterns."""
    column = np.zeros((100, 1))
    column[:5] = 1.0
    assert sign_flip_p(column, seed=1)[0] == pytest.approx(2 / 32)


@pytest.mark.parametrize("differing", [0, 1])
def test_one_session_proves_nothing(differing: int) -> None:
    """A single difference is as far from zero either way."""
    column = np.zeros((50, 1))
    column[:differing] = 3.0
    assert sign_flip_p(column, seed=1)[0] == 1.0


def test_the_same_seed_gives_the_same_p() -> None:
    """And it is never zero."""
    rng = np.random.default_rng(5)
    columns = rng.normal(0.3, 1, (300, 4))
    assert np.array_equal(sign_flip_p(columns, seed=2), sign_flip_p(columns, seed=2))
    assert (sign_flip_p(columns, seed=2) >= 1e-4).all()


def test_a_resample_has_as_many_sessions_as_there_are() -> None:
    """Each row of weights adds up to the number of sessions, over as many rows as were asked for."""
    rows = np.concatenate(list(weights(70_000, 100, seed=1)))
    assert rows.shape == (100, 70_000)
    assert (rows.sum(axis=1) == 70_000).all()


def test_resampled_means_spread_as_scipys_bootstrap_has_it() -> None:
    """The interval of a ratio of sums over sessions is that of scipy.stats.bootstrap."""
    rng = np.random.default_rng(4)
    turns = rng.integers(1, 9, 400)
    right = rng.binomial(turns, rng.beta(4, 2, 400))
    block = np.concatenate(list(weights(400, 4_000, seed=1)))
    mine = np.quantile((block @ right) / (block @ turns), [0.025, 0.975])
    theirs = stats.bootstrap(
        (right, turns), lambda r, t, axis: r.sum(axis) / t.sum(axis), paired=True, method="percentile", rng=rng
    ).confidence_interval
    assert mine == pytest.approx(list(theirs), abs=0.004)


def test_resampled_quantiles_spread_as_if_every_turn_was_drawn() -> None:
    """Counting at thresholds gives the interval of drawing whole sessions and taking the quantile of their turns."""
    rng = np.random.default_rng(6)
    session = np.repeat(np.arange(300), rng.integers(1, 8, 300))
    values = np.exp(rng.normal(0, 0.5, len(session)) + rng.normal(0, 0.5, 300)[session])
    side = steps(values, session, 300, 0.95)
    mine = np.concatenate([quantiles(block, side) for block in weights(300, 1_000, seed=1)])
    by_session = [values[session == n] for n in range(300)]
    slowly = [np.quantile(np.concatenate([by_session[n] for n in rng.integers(0, 300, 300)]), 0.95) for _ in range(500)]
    assert np.quantile(mine, [0.025, 0.5, 0.975]) == pytest.approx(np.quantile(slowly, [0.025, 0.5, 0.975]), rel=0.05)


def test_nothing_seen_in_a_hundred_sessions_leaves_room_for_three() -> None:
    """The rule of three, and no more of it where enough sessions differ to resample."""
    assert unseen(0, 100) == pytest.approx(0.03, abs=0.001)
    assert unseen(10, 100) == 0.0
