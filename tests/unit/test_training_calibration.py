"""Calibration: probabilities that mean what they say, and the threshold of the out-of-scope score."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from infra.training.calibration import (
    blended,
    calibration_error,
    crossed_error,
    fit_calibration,
    fit_temperature,
    outside_recall,
    ranking,
    softmax,
    threshold,
)
from infra.training.figures import macro_f1

RANDOM = np.random.default_rng(3)


def drawn(rows: int, heat: float) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Logits whose true temperature is `heat`, with labels drawn by it."""
    logits = RANDOM.normal(0, 3, (rows, 4))
    chances = softmax(logits, heat)
    return logits, np.array([RANDOM.choice(4, p=row) for row in chances])


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(heat: float) -> None:
    """Within what 4,000 rows can tell."""
    assert fit_temperature(*drawn(4000, heat)) == pytest.approx(heat, rel=0.1)


def test_nothing_to_fit_by_leaves_probabilities_alone() -> None:
    """No rows, temperature one."""
    assert fit_temperature(np.zeros((0, 4)), np.zeros(0, int)) == 1.0


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    """Ten answers at .8 of which five are right are off by .3; an even coin told as even is off by nothing."""
    sure = np.tile([0.8, 0.2], (10, 1))
    assert calibration_error(sure, np.array([0, 1] * 5)) == pytest.approx(0.3)
    assert calibration_error(np.tile([0.5, 0.5], (10, 1)), np.array([0, 1] * 5)) == pytest.approx(0.0)
    assert calibration_error(np.zeros((0, 2)), np.zeros(0, int)) == 0.0


def test_no_row_is_judged_by_a_temperature_fitted_on_it() -> None:
    """Overconfident logits are calibrated by the other folds, nearly as well as by all rows."""
    logits, labels = drawn(3000, 4.0)
    assert calibration_error(softmax(logits), labels) > 0.1
    assert crossed_error(logits, labels) < 0.05


def test_the_threshold_keeps_the_share_asked_for() -> None:
    """Of 1,000 in-scope texts, 50 are below it."""
    scores = np.arange(1000.0)
    assert (scores >= threshold(scores)).sum() == 950
    assert outside_recall(scores, np.array([0.0, 10.0, 500.0, 900.0])) == 0.5
    assert threshold(np.zeros(0)) == float("-inf")


def test_ranking_is_the_chance_of_the_greater_score() -> None:
    """Ties count half; without one of the two kinds nothing can be said."""
    assert ranking(np.array([0.1, 0.2]), np.array([0.2, 0.3])) == 0.875
    assert ranking(np.zeros(0), np.ones(3)) == 0.5


def test_a_class_never_told_costs_macro_f1() -> None:
    """Accuracy of three in four, but one of two classes is lost."""
    assert macro_f1(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1])) == pytest.approx(3 / 7)


def test_errors_of_the_surest_answers_are_a_share_of_chance() -> None:
    """Where one answer in ten is wrong however sure the model is, confidence says nine in ten."""
    logits, labels = drawn(4000, 1.0)
    logits = logits * 4
    wrong = RANDOM.random(4000) < 0.1
    labels = np.where(wrong, RANDOM.integers(0, 4, 4000), labels)
    temperature, share = fit_calibration(logits, labels)
    assert 0 < share <= 0.15
    calibrated = calibration_error(blended(softmax(logits, temperature), share), labels)
    assert calibrated < calibration_error(softmax(logits, fit_temperature(logits, labels)), labels)
    assert crossed_error(logits, labels, chance=True) < 0.04
