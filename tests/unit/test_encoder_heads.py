"""The heads over embeddings: what is fitted in numpy is what the graph answers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from infra.training.calibration import softmax
from infra.training.encoder_heads import Head, fitted, fitted_yes, heads_model, scope
from tests.unit import encoders

RANDOM = np.random.default_rng(0)
CENTRES = RANDOM.standard_normal((4, 12)).astype(np.float32)


def cloud(seed: int, count: int = 120) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points around four centres, and whose each is."""
    random = np.random.default_rng(seed)
    own = random.integers(0, 4, count)
    return (CENTRES[own] + 0.2 * random.standard_normal((count, 12))).astype(np.float32), own


def test_a_head_learns_its_classes() -> None:
    """Points around other centres are told apart, those of a rare class too."""
    points, own = cloud(1)
    linear = fitted(points, own, 4, 10.0)
    unseen, expected = cloud(2)
    assert (linear.logits(unseen).argmax(axis=1) == expected).mean() > 0.98


def test_rows_weigh_as_they_are_told() -> None:
    """A row of weight 0 teaches nothing."""
    points, own = cloud(1)
    shares = (own != 3).astype(np.float64)
    linear = fitted(points, own, 4, 10.0, shares)
    assert 3 not in linear.logits(points[own != 3]).argmax(axis=1)


def test_anger_is_a_chance() -> None:
    """One column is fitted to shares between 0 and 1."""
    points, own = cloud(1)
    linear = fitted_yes(points, np.array([0.0, 0.0, 0.5, 1.0])[own], 100.0)
    chance = 1 / (1 + np.exp(-linear.logits(points)[:, 0]))
    assert chance[own == 3].min() > 0.8
    assert abs(chance[own == 2].mean() - 0.5) < 0.1
    assert chance[own < 2].max() < 0.2


def test_the_graph_answers_as_training_did() -> None:
    """Probabilities are the softmax by the temperature; outside is 0.5 at the threshold, and more beyond it."""
    points, own = cloud(1)
    linear = fitted(points, own, 4, 10.0)
    logits = linear.logits(points)
    scores = scope(logits, 1.7)
    order = np.argsort(scores)
    model = heads_model("intent", 12, [Head("h.x", linear, 4, 1.7, float(scores[order[60]]))])
    probabilities, outside = encoders.run(model, {"embedding": points}, ["probabilities.h.x", "outside.h.x"])
    assert np.allclose(probabilities, softmax(logits, 1.7), atol=1e-5)
    assert outside[order[60]] == pytest.approx(0.5, abs=1e-4)
    assert outside[order[:55]].min() > 0.5 > outside[order[66:]].max()


def test_what_is_far_from_every_class_is_outside() -> None:
    """Text between two classes is in scope though neither is likely; text at no class is not."""
    points, own = cloud(1)
    linear = fitted(points, own, 4, 10.0)
    between, nowhere = (CENTRES[0] + CENTRES[1]) / 2, np.zeros(12, np.float32)
    scores = scope(linear.logits(np.stack((between, nowhere))), 1.0)
    assert scores[0] > scores[1]


@pytest.mark.parametrize("has_anger", [True, False])
def test_a_sentiment_head_tells_anger(has_anger: bool) -> None:
    """Anger has no temperature but its own; where nothing taught it, it is 0."""
    points, own = cloud(1)
    linear = fitted(points, own, 4, 10.0)
    angry = fitted_yes(points, (own == 0).astype(np.float64), 10.0)
    head = Head("s", linear.beside(angry) if has_anger else linear, 4, 2.0, anger=has_anger)
    probabilities, anger = encoders.run(heads_model("sentiment", 12, [head]), {"embedding": points})
    assert np.allclose(probabilities, softmax(linear.logits(points), 2.0), atol=1e-5)
    expected = 1 / (1 + np.exp(-angry.logits(points)[:, 0])) if has_anger else np.zeros(len(points))
    assert np.allclose(anger, expected, atol=1e-5)
