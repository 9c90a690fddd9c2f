"""The figures of a model whose answers are written down, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infra.evaluation.calibration import calibration
from infra.evaluation.figures import as_json
from infra.evaluation.measure import ask, evaluate
from infra.evaluation.outside import auroc, out_of_scope
from infra.evaluation.reading import Group, Line
from streams.models.bundle import Head
from tests.scripted_model import ScriptedModel, group

PETS = {"pets": Head(("cat", "dog", "fish"), {"cat": "payment", "dog": "payment", "fish": "complaint"})}
SCRIPT = {
    "pets": {
        "miaow": ((0.8, 0.1, 0.1), 0.1),
        "purr": ((0.3, 0.6, 0.1), 0.2),
        "woof": ((0.2, 0.7, 0.1), 0.6),
        "growl": ((0.1, 0.9, 0.0), 0.1),
        "blub": ((0.5, 0.3, 0.2), 0.4),
        "weather": ((0.4, 0.3, 0.3), 0.9),
        "music": ((0.1, 0.1, 0.8), 0.3),
    }
}
IN_SCOPE = [("miaow", "cat"), ("purr", "cat"), ("woof", "dog"), ("growl", "dog"), ("blub", "fish")]
OUTSIDE = [("weather", "oos"), ("music", "oos")]


def test_accuracy_and_macro_f1_are_over_the_rows_in_scope() -> None:
    """Three of five are right; cat and dog have F1 1/2 and 4/5, fish 0. Out-of-scope rows do not count."""
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(IN_SCOPE + OUTSIDE)]))
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(0.6)
    assert (found.rows, found.in_scope) == (7, 5)
    assert found.macro_f1 == pytest.approx((0.5 + 0.8 + 0.0) / 3)
    by_name = {c.name: (c.rows, c.recall.value, c.precision, c.f1) for c in found.groups[0].classes}
    assert by_name == {
        "cat": (2, 0.5, 0.5, 0.5),
        "dog": (2, 1.0, pytest.approx(2 / 3), 0.8),
        "fish": (1, 0.0, None, 0.0),
    }


def test_what_a_customer_would_get_counts_refusals() -> None:
    """Of seven: miaow, growl and the refused weather are right; woof was known but refused, music was let through."""
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(IN_SCOPE + OUTSIDE)]))
    assert found.answered is not None
    assert found.answered.value == pytest.approx(3 / 7)


def test_log_loss_is_over_the_probabilities_of_what_is_right() -> None:
    """The mean of -log of .8, .3, .7, .9 and .2."""
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(IN_SCOPE)]))
    assert found.calibration is not None
    expected = -sum(map(math.log, (0.8, 0.3, 0.7, 0.9, 0.2))) / 5
    assert found.calibration.log_loss == pytest.approx(expected, abs=1e-6)


def test_families_say_whether_at_least_the_family_is_right() -> None:
    """purr is taken for a dog, which is in the same family as the cat; blub is taken for a cat, which is not."""
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(IN_SCOPE)])).groups[0]
    figures = [(f.name, f.rows, f.accuracy.value, f.same_family.value) for f in found.families]
    assert figures == [("payment", 4, 0.75, 1.0), ("complaint", 1, 0.0, 0.0)]


def test_the_calibration_error_weighs_bins_by_their_rows() -> None:
    """Four rows at 0.9, three of them right, and one at 0.3 that is wrong: 4/5 * 0.15 + 1/5 * 0.3."""
    found = calibration(
        np.array([0.9, 0.9, 0.9, 0.9, 0.3]), np.array([True, True, True, False, False]), np.full(5, 0.5)
    )
    assert found is not None
    assert found.ece == pytest.approx(0.18)
    assert [(b.rows, b.accuracy) for b in found.bins] == [(1, 0.0), (4, 0.75)]
    assert sum(b.rows for b in found.bins) == 5
    assert found.log_loss == pytest.approx(math.log(2))


def test_few_rows_show_a_calibration_error_by_chance() -> None:
    """Of 100 answers at 0.5 about half are right: the mean of |right / 100 - .5| is near .04. Of many rows, less."""
    few = calibration(np.full(100, 0.5), np.arange(100) % 2 == 0, np.full(100, 0.5))
    many = calibration(np.full(10_000, 0.5), np.arange(10_000) % 2 == 0, np.full(10_000, 0.5))
    assert few is not None
    assert many is not None
    assert few.ece == pytest.approx(0.0)
    assert few.ece_by_chance == pytest.approx(0.04, abs=0.01)
    assert many.ece_by_chance == pytest.approx(0.004, abs=0.001)


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    """And one of zero in the first; a certain mistake costs a finite log loss."""
    found = calibration(np.array([0.0, 1.0]), np.array([False, True]), np.array([0.0, 1.0]))
    assert found is not None
    assert [(b.low, b.high) for b in found.bins] == [(0.0, pytest.approx(1 / 15)), (pytest.approx(14 / 15), 1.0)]
    assert found.ece == 0.0
    assert math.isfinite(found.log_loss)


def test_recall_at_95_keeps_just_so_much_of_what_is_in_scope() -> None:
    """Of twenty scores from 0 to .95 nineteen stay below the threshold .90; what scores above it is found."""
    within, out = np.arange(20) * 0.05, np.array([0.97, 0.91, 0.90, 0.10])
    score, outside = np.concatenate([within, out]), np.array([False] * 20 + [True] * 4)
    found = out_of_scope(score, outside)
    assert found is not None
    assert found.threshold_at_95 == pytest.approx(0.90)
    assert found.kept_at_95 == pytest.approx(0.95)
    assert found.recall_at_95 is not None
    assert found.recall_at_95.value == pytest.approx(0.5)


def test_recall_at_the_bundles_own_threshold_counts_half_as_outside() -> None:
    """A score of 0.5 is outside; the share kept is what lies below."""
    found = out_of_scope(np.array([0.1, 0.5, 0.5, 0.4]), np.array([False, False, True, True]))
    assert found is not None
    assert found.recall is not None
    assert found.kept is not None
    assert (found.recall.value, found.kept.value) == (0.5, 0.5)


def test_auroc_counts_a_tie_as_half() -> None:
    """Of the four pairs of (.9, .5) against (.5, .1): three won and one tied."""
    score, positive = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert auroc(score, positive) == pytest.approx(3.5 / 4)
    assert auroc(score, np.ones(4, bool)) is None


def test_labels_that_the_head_does_not_know_count_as_wrong() -> None:
    """They are counted by name, and the accuracy of the others is told beside."""
    rows = [*IN_SCOPE, ("miaow", "lion"), ("woof", "wolf"), ("growl", "wolf")]
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(rows)])).groups[0]
    assert found.accuracy is not None
    assert found.accuracy_of_known is not None
    assert found.macro_f1 is not None
    assert found.accuracy.value == pytest.approx(3 / 8)
    assert found.accuracy_of_known.value == pytest.approx(3 / 5)
    assert dict(found.unknown_labels) == {"wolf": 2, "lion": 1}
    # cat: 1 of 2 called 2 times; dog: 2 of 2, called 5 times; fish, lion and wolf: never right
    assert found.macro_f1.value == pytest.approx((2 / 5 + 4 / 7) / 5)


FEELINGS = {"sentiment": Head(("negative", "neutral", "positive"))}
MOODS = {
    "sentiment": {
        "fine": ((0.1, 0.6, 0.3), 0.0),
        "meh": ((0.3, 0.6, 0.1), 0.2),
        "bad": ((0.2, 0.5, 0.3), 0.9),
        "rage": ((0.9, 0.1, 0.0), 0.8),
    }
}


def test_reviews_without_neutral_ones_are_judged_by_two_probabilities() -> None:
    """fine is positive since .3 > .1, whatever neutral has; with a neutral row in the data, it is neutral."""
    model = ScriptedModel(FEELINGS, MOODS)
    rows = [("fine", "positive"), ("meh", "negative"), ("bad", "negative"), ("rage", "negative")]
    two = evaluate("x", ask(model, [group(rows)])).groups[0]
    assert two.accuracy is not None
    assert two.accuracy.value == 0.75
    assert any("only positive and negative" in note for note in two.notes)
    three = evaluate("x", ask(model, [group([*rows, ("meh", "neutral")])])).groups[0]
    assert three.accuracy is not None
    assert three.accuracy.value == pytest.approx(2 / 5)
    assert three.out_of_scope is None


def test_anger_is_measured_where_the_data_says_who_is_angry() -> None:
    """meh scores below rage, bad above it: of two pairs one is in order."""
    rows = (Line("rage", ("negative",), True), Line("bad", ("negative",), False), Line("meh", ("neutral",), False))
    found = evaluate("x", ask(ScriptedModel(FEELINGS, MOODS), [Group("moods", "moods", rows)])).groups[0]
    assert found.anger_auroc == 0.5


def test_a_turn_of_several_intents_is_right_by_any_of_them() -> None:
    """And its note says how many such rows there are."""
    rows = [("miaow", "dog|cat"), ("purr", "cat|fish"), ("growl", "dog")]
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(rows)])).groups[0]
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(2 / 3)
    assert "rows with several labels, each of which counts as right: 2" in found.notes


def test_all_groups_together_are_all_their_rows() -> None:
    """The accuracy of three rows and of two is that of five; macro-F1 is the mean of the groups'."""
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(IN_SCOPE[:3], "one"), group(IN_SCOPE[3:], "two")]))
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(3 / 5)
    f1 = [g.macro_f1.value for g in found.groups if g.macro_f1 is not None]
    assert found.macro_f1 == pytest.approx(sum(f1) / 2)


def test_data_that_is_all_out_of_scope_has_its_recall_for_accuracy() -> None:
    """There is no class to be right about."""
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(OUTSIDE)]))
    assert found.accuracy is not None
    assert found.accuracy.value == 0.5
    assert (found.in_scope, found.calibration, found.macro_f1) == (0, None, None)


def test_an_estimate_is_written_as_a_number_and_its_interval() -> None:
    """A reader of the JSON compares numbers, and finds the interval beside."""
    written = as_json(evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(IN_SCOPE)])))
    assert written["accuracy"] == pytest.approx(0.6)
    assert written["accuracy_interval"] == pytest.approx([0.2307, 0.8824], abs=1e-4)
    assert written["groups"][0]["out_of_scope"] is None


def test_confusions_are_the_most_frequent_with_their_surest_texts() -> None:
    """Out-of-scope rows that were let through are among them."""
    rows = [*IN_SCOPE, ("purr", "cat"), *OUTSIDE]
    found = evaluate("x", ask(ScriptedModel(PETS, SCRIPT), [group(rows)])).groups[0].confusions
    assert [(c.truth, c.predicted, c.rows) for c in found] == [
        ("cat", "dog", 2),
        ("(out of scope)", "fish", 1),
        ("fish", "cat", 1),
    ]
    assert found[0].share == pytest.approx(2 / 3)
    assert [(e.text, e.confidence) for e in found[0].examples] == [("purr", pytest.approx(0.6))]
