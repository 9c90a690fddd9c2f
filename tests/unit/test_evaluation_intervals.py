"""Intervals and tests of figures, against values from tables and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from infra.evaluation.intervals import macro_f1, mcnemar, paired_macro_f1, paired_share, wilson


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (500, 1000, 0.4691, 0.5309)],
)
def test_wilsons_interval_is_that_of_the_tables(right: int, of: int, low: float, high: float) -> None:
    """Also at the ends, where a normal interval would be a point."""
    found = wilson(right, of)
    assert found is not None
    assert found == pytest.approx((right / of, low, high), abs=1e-4)


def test_a_share_of_nothing_is_no_figure() -> None:
    """It is None, not zero."""
    assert wilson(0, 0) is None
    assert macro_f1(np.zeros(0, int), np.zeros(0, int), 3) is None
    assert paired_share(np.zeros(0, bool), np.zeros(0, bool)) is None


TRUTH = np.array([0, 0, 1, 1, 2])
PREDICTED = np.array([0, 1, 1, 1, 0])


def test_macro_f1_is_the_mean_over_the_classes_of_the_data() -> None:
    """Here (1/2 + 4/5 + 0) / 3; a class that no row has does not count."""
    found = macro_f1(TRUTH, PREDICTED, classes=5)
    assert found is not None
    assert found.value == pytest.approx((0.5 + 0.8 + 0.0) / 3)
    assert 0 <= found.low < found.value < found.high <= 1


def test_an_interval_of_many_rows_is_as_narrow_as_theory_says() -> None:
    """Of 10,000 rows in two classes, 90 % right, the half width is near 1.96 * sqrt(.9 * .1 / 10,000)."""
    truth = np.arange(10_000) % 2
    predicted = np.where(np.arange(10_000) < 1000, 1 - truth, truth)
    found = macro_f1(truth, predicted, 2)
    assert found is not None
    assert found.value == pytest.approx(0.9)
    assert found.high - found.value == pytest.approx(1.96 * 0.003, rel=0.15)


def test_an_interval_is_the_same_every_time() -> None:
    """The resampling is seeded."""
    assert macro_f1(TRUTH, PREDICTED, 3) == macro_f1(TRUTH, PREDICTED, 3)


def test_a_paired_difference_is_in_the_rows_that_differ() -> None:
    """Six rows only the first got right and two only the second, of 100: four points, and an interval around them."""
    first = np.array([True] * 6 + [False] * 2 + [True] * 92)
    second = np.array([False] * 6 + [True] * 2 + [True] * 92)
    found = paired_share(first, second)
    assert found is not None
    assert found.value == pytest.approx(0.04)
    assert found.low < 0.0 < found.value < found.high < 0.11


def test_equal_models_differ_by_nothing() -> None:
    """In accuracy, in macro-F1, and in their interval."""
    same = np.array([True, False, True])
    assert paired_share(same, same) == (0.0, 0.0, 0.0)
    assert paired_macro_f1(TRUTH, PREDICTED, PREDICTED, 3) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("first", "second", "p"), [(1, 9, 22 / 1024), (9, 1, 22 / 1024), (0, 5, 2 / 32), (4, 4, 1.0), (0, 0, 1.0)]
)
def test_mcnemars_test_is_exact(first: int, second: int, p: float) -> None:
    """Twice the binomial tail of the rows that only one got right."""
    assert mcnemar(first, second) == pytest.approx(p)


def test_mcnemars_test_takes_many_rows() -> None:
    """Nothing overflows, and no p-value is above one."""
    assert mcnemar(20_000, 20_001) == pytest.approx(1.0, abs=0.01)
    assert 0 <= mcnemar(30_000, 20_000) < 1e-100
