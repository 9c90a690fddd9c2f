"""The fast size: what training computes is what the exported graph computes, every time the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from infra.training import bag
from infra.training.bag import weighed
from infra.training.bag_graph import quantised
from infra.training.data import Row, Task
from infra.training.fast import FastSettings, ids_counted, settings_of, train_fast
from infra.training.job import HeadData, Job, PartPlan, TrainedPart
from infra.training.refusal import TrainingRefused
from streams.models.features import hash_features

SETTINGS: dict[str, Any] = {"buckets": 4096, "width": 16, "epochs": 12, "batch": 8, "drop": 0.2, "rate": 0.1}
RUNNER = onnxruntime
THINGS = ("the red shoes", "a blue coat", "two lamps", "my kettle", "this chair", "the old phone")
ASKED = {
    "where": ("where is {}", "has {} been sent", "when does {} arrive"),
    "return": ("i return {}", "send {} back", "{} does not fit, take it back"),
    "oos": ("sing me a song", "what is the weather in {}", "tell a joke about {}"),
}


def rows(label: str, anger: float | None = None, called: str = "") -> tuple[Row, ...]:
    """Texts of a label."""
    texts = dict.fromkeys(t.format(thing) for t in ASKED[label] for thing in THINGS)
    return tuple(Row(text, called or label, "en", anger=anger) for text in texts)


def part(task: Task = "intent", seed: int = 7, outside: bool = True) -> TrainedPart:
    """A small part, trained."""
    if task == "intent":
        train, labels = rows("where") + rows("return"), ("return", "where")
    else:
        train, labels = rows("where", 0.0, "positive") + rows("return", 1.0, "negative"), ("negative", "positive")
    oos = rows("oos") if outside and task == "intent" else ()
    head = HeadData("h", labels, train, train[::3], oos, oos[::2], {})
    plan = PartPlan("en", ("en", "und"), SETTINGS, (head,))
    return train_fast(Job(task, (plan,), seed, 1, lambda what, share: None)).parts[0]


def run(made: TrainedPart, texts: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Every output of the graph."""
    session = RUNNER.InferenceSession(made.files[made.model], providers=["CPUExecutionProvider"])
    ids = hash_features(texts, settings_of(made.plan.settings, "").features())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"ids": ids}), strict=True))


def test_a_small_set_is_learnt() -> None:
    """What was seen is told, and its figures say so."""
    made = part()
    found = run(made, ["where is my kettle", "send the old phone back"])
    assert found["probabilities.h"].argmax(1).tolist() == [1, 0]
    assert made.metrics["h"]["accuracy"] == 1.0


def test_probabilities_add_up_and_the_second_figure_is_a_share() -> None:
    """Whatever the text, the empty one too."""
    for task, second in (("intent", "outside.h"), ("sentiment", "anger.h")):
        found = run(part(task), ["", "😡", "where " * 300, "where is it"])
        np.testing.assert_allclose(found["probabilities.h"].sum(1), 1, atol=1e-5)
        assert found[second].shape == (4,)
        assert ((found[second] >= 0) & (found[second] <= 1)).all()


@pytest.mark.parametrize("outside", [True, False])
def test_at_the_threshold_the_out_of_scope_score_is_a_half(outside: bool) -> None:
    """95 % of the in-scope dev text is below one half."""
    made = part(outside=outside)
    (head,) = made.plan.heads
    scores = run(made, [row.text for row in head.dev])["outside.h"]
    assert (scores <= 0.5).mean() == pytest.approx(0.95, abs=0.1)


def test_outside_text_is_told_from_the_rest() -> None:
    """Text of no class that was trained on scores higher than text of a class."""
    found = run(part(), ["tell a joke about two lamps", "where is my kettle"])["outside.h"]
    assert found[0] > 0.5 > found[1]


def test_anger_is_learnt_beside_the_sentiment() -> None:
    """From the rows that say so; without any it is nothing."""
    found = run(part("sentiment"), ["send the old phone back", "where is my kettle"])["anger.h"]
    assert found[0] > 0.6 > 0.4 > found[1]


def test_a_seed_gives_the_same_bytes() -> None:
    """And another seed others."""
    assert part().files == part().files
    assert part(seed=8).files != part().files


def test_weights_are_those_of_the_graph() -> None:
    """An n-gram that comes twice counts as two entries, in the sum and in the length."""
    spec = replace(FastSettings(), buckets=64).features()
    texts = ["no no no", "where is it"]
    rarity = np.linspace(0.5, 2, 64, dtype=np.float32)
    matrix = weighed(ids_counted(texts, spec), rarity).toarray()
    for row, ids in zip(matrix, hash_features(texts, spec), strict=True):
        each = rarity[ids[ids > 0] - 1]
        expected = np.zeros(64)
        np.add.at(expected, ids[ids > 0] - 1, each / np.sqrt((each**2).sum()))
        np.testing.assert_allclose(row, expected, rtol=1e-4)


def test_rare_n_grams_count_more_and_unseen_ones_nothing() -> None:
    """At least so many texts must have one."""
    counts = ids_counted(["a b", "a c", "a b"], replace(FastSettings(), buckets=4096, characters=(0, 0)).features())
    weights = bag.rarity(counts, 1.0, 2)
    seen = np.bincount(counts.indices, minlength=4096)
    assert set(np.flatnonzero(weights)) == set(np.flatnonzero(seen >= 2))
    assert weights[seen == 3].max() < weights[seen == 2].min()


def test_a_quantised_row_is_off_by_half_a_step_at_most() -> None:
    """Rows are scaled each by itself; a row of nothing stays nothing."""
    rows = np.random.default_rng(0).normal(0, 1, (20, 8)).astype(np.float32) * np.logspace(-3, 3, 20)[:, None]
    rows[3] = 0
    ints, scales = quantised(rows.astype(np.float32))
    assert (np.abs(ints * scales[:, None] - rows) <= scales[:, None] * 0.501).all()
    assert (ints[3] == 0).all()


def test_an_unknown_setting_is_refused() -> None:
    """By name, with those that are known."""
    with pytest.raises(TrainingRefused, match=r"part en: unknown setting 'depth'; known are .*width"):
        settings_of({"depth": 3}, "part en")
    with pytest.raises(TrainingRefused, match="characters"):
        settings_of({"characters": [5, 2]}, "part en")


def test_votes_beside_the_bag_are_in_the_graph() -> None:
    """With and without them the graph answers as its figures say; the votes need an n-gram in enough texts."""
    head = part().plan.heads[0]
    for votes in (0.0, 1.0):
        plan = PartPlan("en", ("en",), {**SETTINGS, "straight": votes, "at_least": 2}, (head,))
        made = train_fast(Job("intent", (plan,), 7, 1, lambda what, share: None)).parts[0]
        told = run(made, [row.text for row in head.dev])["probabilities.h"].argmax(1)
        right = [head.labels[n] == row.label for n, row in zip(told, head.dev, strict=True)]
        assert np.mean(right) == pytest.approx(made.metrics["h"]["accuracy"], abs=1e-4)
        assert (b"votes.h" in made.files[made.model]) == bool(votes)


def test_a_class_without_text_in_a_part_never_wins() -> None:
    """Labels are the head's in all languages; those a part knows no text of stay below the others."""
    head = part().plan.heads[0]._replace(labels=("elsewhere", "return", "where"))
    plan = PartPlan("en", ("en",), SETTINGS, (head,))
    made = train_fast(Job("intent", (plan,), 7, 1, lambda what, share: None)).parts[0]
    assert 0 not in run(made, [row.text for row in head.dev])["probabilities.h"].argmax(1)
