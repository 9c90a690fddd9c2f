"""Fine-tuning: which texts are seen when, what changes and what stays."""

from __future__ import annotations

from collections import Counter

import jax
import numpy as np
import pytest

from infra.training.encoder_lessons import LENGTHS, Lesson, Lessons, embeddings_of, padded_length, rows_of
from infra.training.encoder_tuning import Tuning, quick_product, tuned
from tests.unit import encoders
from tests.unit.encoders import SHAPE


def lesson(name: str, size: int, count: int, epochs: float, *, seed: int = 0, longest: int = 20) -> Lesson:
    """Texts of two tokens or more, the second of which says their class."""
    random = np.random.default_rng(seed)
    tokens = [random.integers(4, 20, random.integers(2, longest)).astype(np.int32) for _ in range(count)]
    return Lesson(name, tokens, np.array([t[1] % size for t in tokens], np.int32), size, epochs)


def test_every_text_is_seen_as_often_as_its_head_asks() -> None:
    """Whole passes show each text so often, a part of a pass shows a part of them."""
    lessons = Lessons([lesson("a", 3, 40, 2.0), lesson("b", 2, 30, 1.5, seed=1)])
    seen = Counter(int(text) for batch in lessons.batches(7) for text in batch.texts)
    assert {seen[n] for n in range(40)} == {2}
    assert sum(seen[n] for n in range(40, 70)) == 45
    assert {seen[n] for n in range(40, 70)} == {1, 2}


def test_a_batch_has_one_padded_length() -> None:
    """No text is cut or padded beyond the next size, and no batch is larger than its length allows."""
    lessons = Lessons([lesson("a", 3, 300, 1.0)])
    for batch in lessons.batches(7):
        assert {padded_length(int(lessons.lengths[text])) for text in batch.texts} == {batch.length}
        assert len(batch.texts) <= rows_of(batch.length)
    assert padded_length(1) == LENGTHS[0]
    assert padded_length(1000) == LENGTHS[-1]


def test_a_text_is_scored_against_its_own_head_alone() -> None:
    """Classes are counted through all heads; a text may have those of its head only."""
    lessons = Lessons([lesson("a", 3, 20, 1.0), lesson("b", 2, 20, 1.0)])
    for batch in lessons.batches(7):
        classes, allowed, present = lessons.targets(batch)
        for row, text in enumerate(batch.texts):
            assert allowed[row].tolist() == ([True] * 3 + [False] * 2 if text < 20 else [False] * 3 + [True] * 2)
            assert allowed[row, classes[row]]
        assert present.sum() == len(batch.texts)


def test_tuning_learns_in_the_upper_layers_alone() -> None:
    """The loss falls, the layers below stay as they were, and the same seed gives the same weights."""
    params = encoders.params()
    lessons = [lesson("a", 3, 200, 6.0, longest=8), lesson("b", 2, 100, 6.0, seed=1, longest=8)]
    how = Tuning(layers=1, rate=5e-3, head_rate=2e-2, dropout=0.0)
    first, again = (tuned(params, SHAPE, lessons, how, seed=7) for _ in range(2))
    assert first.texts == 1800
    assert first.losses[-1] < first.losses[0] - 0.05
    same = jax.tree.map(np.array_equal, params["layers"][:2], first.params["layers"][:2])
    assert all(jax.tree.leaves(same))
    assert not np.array_equal(params["layers"][2]["inner"]["weight"], first.params["layers"][2]["inner"]["weight"])
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, first.params, again.params)))


def test_the_quick_product_is_a_product() -> None:
    """It is as exact as bfloat16 forwards, and exact backwards."""
    random = np.random.default_rng(0)
    x, weight = (random.standard_normal(size).astype(np.float32) for size in ((2, 5, 8), (8, 4)))
    product = quick_product()
    assert np.abs(np.asarray(product(x, weight)) - x @ weight).max() < 0.1  # type: ignore[arg-type]
    slopes = jax.grad(lambda a, b: (product(a, b) * 3).sum(), argnums=(0, 1))(x, weight)
    expected = jax.grad(lambda a, b: ((a @ b) * 3).sum(), argnums=(0, 1))(x, weight)
    for found, exact in zip(slopes, expected, strict=True):
        assert np.allclose(found, exact, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 130])
def test_embeddings_come_back_in_the_order_of_the_texts(count: int) -> None:
    """Batching by length does not mix texts up."""
    tokens = lesson("a", 2, count, 1.0).tokens if count else []
    found = embeddings_of(lambda ids, mask: np.stack((ids.sum(1), mask.sum(1)), 1).astype(np.float32), tokens)
    assert found.tolist() == [[float(t.sum()), float(len(t))] for t in tokens]
