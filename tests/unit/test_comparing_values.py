"""What turns and sessions contribute to metrics, how alike decisions are, and what people's labels say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from infra.comparing.identity import SCORES_DIFFER, confusions, differing, identity_of, ranked, survival_of, survived
from infra.comparing.label_agreement import agreements, placed
from infra.comparing.metrics import METRICS
from infra.comparing.result import as_json
from infra.comparing.table import Pairs, Turns, pair
from infra.comparing.values import Given, paired_values, turn_values
from schemas.events import RUNGS
from tests.unit.comparisons import comparison

NONE = float("nan")


def turns_of(sessions: str, **columns: Sequence[float] | Sequence[str]) -> Turns:
    """A turn a letter, which names its session; letters in order."""
    count = len(sessions)
    numbers = {"routed": np.ones(count)}
    words = {"scenario": np.full(count, "payment", dtype=object)}
    for name, values in columns.items():
        if isinstance(values[0], str):
            words[name] = np.array(values, dtype=object)
        else:
            numbers[name] = np.array(values, dtype=float)
    keys = np.arange(10, 10 + count, dtype=np.uint64)
    session = np.array([ord(letter) for letter in sessions], dtype=np.uint64)
    return Turns(keys, session, np.arange(count, dtype=np.int64), numbers, words)


def values(turns: Turns, metric: str) -> list[float | None]:
    """The metric's values, None for NaN."""
    return [None if v != v else float(v) for v in turn_values(turns, Given())[metric]]


def test_every_metric_has_a_name_of_its_own_and_a_direction() -> None:
    """And every rung has a share."""
    assert all(name == metric.name and metric.about.endswith(".") for name, metric in METRICS.items())
    assert {f"rung_share.{rung}" for rung in RUNGS} <= METRICS.keys()
    assert all((metric.kind == "quantile") == (metric.quantile is not None) for metric in METRICS.values())


def test_a_session_is_handled_automatically_if_no_turn_of_it_was_a_humans() -> None:
    """One figure a session, at its first turn."""
    turns = turns_of("aabbc", handoff=[0, 1, 0, 0, 0], with_human=[0, 0, 0, 0, 1])
    assert values(turns, "handled_automatically") == [0, None, 1, None, 0]


def test_the_trajectory_goes_from_the_first_sentiment_to_the_last() -> None:
    """Of sessions with two or more."""
    turns = turns_of("aaabbc", sentiment=[-0.5, NONE, 0.25, NONE, 0.1, 0.2])
    assert values(turns, "sentiment_trajectory") == [0.75, None, None, None, None, None]


def test_a_customer_comes_back_with_the_same_scenario() -> None:
    """A later session of the same customer counts, another scenario or small talk does not."""
    turns = turns_of(
        "aabcde",
        customer=["x", "x", "x", "y", "y", ""],
        scenario=["payment", "logistics", "logistics", "chit_chat", "chit_chat", "payment"],
    )
    assert values(turns, "repeat_contact_rate") == [1, None, 0, 0, 0, None]


def test_a_turn_that_a_human_has_is_a_humans() -> None:
    """Though no reply of ours says so; a turn that nobody answered counts for no rung."""
    turns = turns_of("abc", rung=["template", "", ""], with_human=[0, 1, 0])
    assert values(turns, "rung_share.human") == [0, 1, None]
    assert values(turns, "rung_share.template") == [1, 0, None]


def test_times_are_compared_where_the_same_parts_were_computed() -> None:
    """A turn that one run took from the record says nothing of the other's time."""
    a = turns_of("aab", decision=[1, 2, 3], model_seconds=[1, 1, 1], tokens=[0, 0, 0])
    a = replace(a, computed=np.array([1, 1, 2], dtype=np.uint64))
    b = replace(a, computed=np.array([1, 3, 2], dtype=np.uint64))
    found = paired_values(Pairs(a, b, 0, 0), Given())["decision_p95"]
    assert np.isfinite(found[0]).tolist() == [True, False, True]


def test_labels_go_by_scenario_where_they_name_one() -> None:
    """Else by the intent; a dialogue act is right where the intent says so."""
    turns = turns_of(
        "abcd", scenario=["payment"] * 4, intent=["x", "y", "y", "y"], intent_scenario=["dialogue_act"] * 4
    )
    given = Given(
        np.array(["", "x", "y", ""], dtype=object), np.array(["dialogue_act", "", "", "logistics"], dtype=object)
    )
    assert turn_values(turns, given)["label_agreement"].tolist() == [1, 0, 1, 0]


def test_pairs_are_made_by_turn() -> None:
    """In the order of the first run; what only one has is counted."""
    a = turns_of("aab")
    b = a.take(np.array([2, 1]))
    found = pair(a, b)
    assert found.a.key.tolist() == found.b.key.tolist() == [11, 12]
    assert (found.only_a, found.only_b) == (1, 0)


def test_identity_is_every_field_and_every_score() -> None:
    """A score that one model gave may be off by what rounding explains; a field may not."""
    hashes = np.array([1, 2, 3, 4], dtype=np.uint64)
    a = turns_of("aabb", confidence=[0.5] * 4)
    a = replace(a, fields={"scenario": hashes, "handoff": hashes, "slots": hashes}, models={"intent": hashes})
    b = replace(a, fields={**a.fields, "handoff": hashes[[0, 1, 2, 0]], "slots": hashes[[1, 1, 2, 3]]})
    b = replace(b, numbers={**a.numbers, "confidence": np.array([0.5, 0.5005, 0.6, 0.5])})
    pairs = Pairs(a, b, 0, 0)
    differ = differing(pairs)
    found = identity_of(pairs, differ)
    assert found.share == 0.25
    assert found.by_field == {"handoff": 1, "slots": 1, SCORES_DIFFER: 1}
    assert found.score_difference == pytest.approx(0.1)
    assert found.scored == 4
    assert [row for row, _ in ranked(pairs, differ, 9)] == [3, 0, 2]


def test_scores_of_two_models_are_not_compared() -> None:
    """Nor those that a side has of no model at all: their decisions are."""
    a = replace(turns_of("aab", confidence=[0.5] * 3), models={"intent": np.array([1, 1, 0], dtype=np.uint64)})
    b = replace(turns_of("aab", confidence=[0.5, 0.9, 0.9]), models={"intent": np.array([1, 2, 0], dtype=np.uint64)})
    pairs = Pairs(a, b, 0, 0)
    found = identity_of(pairs, differing(pairs))
    assert (found.share, found.scored, found.score_difference) == (1.0, 1, 0.0)


def test_what_only_names_the_candidate_is_no_difference() -> None:
    """The version of a policy that was replaced is another in every turn, whatever it decides."""
    hashes = np.array([1, 2], dtype=np.uint64)
    a = replace(turns_of("ab"), fields={"policy": hashes, "knowledge": hashes, "step": hashes})
    b = replace(a, fields={"policy": hashes + 1, "knowledge": hashes, "step": hashes[[0, 0]]})
    pairs = Pairs(a, b, 0, 0)
    assert identity_of(pairs, differing(pairs)).by_field == {"policy": 2, "step": 1}
    found = identity_of(pairs, differing(pairs, ["policy"]), ["policy"])
    assert (found.share, found.by_field, found.not_compared) == (0.5, {"step": 1}, ("policy", "reply.policy"))


def test_a_confusion_counts_how_turns_moved() -> None:
    """Commonest first, and what was off the diagonal."""
    a = turns_of("aabb", scenario=["payment", "payment", "payment", "logistics"])
    b = turns_of("aabb", scenario=["payment", "payment", "logistics", "logistics"])
    found = confusions(Pairs(a, b, 0, 0))[0]
    assert found.cells[0] == ("payment", "payment", 2)
    assert (found.turns, found.moved) == (4, 1)


def test_a_free_run_counts_until_it_leaves_the_record() -> None:
    """Turns of either side that no longer answer what was said do not count."""
    a = turns_of("aaabb")
    b = turns_of("aaabb", on_policy=[1, 1, 0, 1, 1])
    found = survival_of(Pairs(a, b, 0, 0), survived(Pairs(a, b, 0, 0)))
    assert (found.turns, found.survived, found.sessions, found.sessions_whole) == (5, 4, 2, 1)
    assert found.by_turn == ((1, 1.0), (2, 1.0), (3, 0.0))


def test_satisfaction_is_held_against_the_last_sentiment() -> None:
    """By rank, one figure a session."""
    a = turns_of("aabcd", sentiment=[9, 0.1, 0.2, 0.3, 0.4])
    b = turns_of("aabcd", sentiment=[9, 0.4, 0.3, 0.2, 0.1])
    (found,) = agreements(Pairs(a, b, 0, 0), Given(), np.array([1, 1, 2, 3, 4.0]))
    assert (found.about, found.count) == ("satisfaction", 4)
    assert [found.a, found.b] == pytest.approx([1, -1])


def test_labels_are_placed_at_their_turns() -> None:
    """What nobody labelled has none."""
    given = placed({"u": ("", "logistics")}, np.array(["t", "u"], dtype=object))
    assert given.scenario is not None
    assert given.scenario.tolist() == ["", "logistics"]


def test_the_document_says_the_verdict_first() -> None:
    """Then how alike the runs are, and the sentence; it is JSON as it stands, with null for what is no number."""
    document = as_json(replace(comparison(), agreements=()))
    assert list(document)[1:4] == ["verdict", "identical", "sentence"]
    json.dumps(document, allow_nan=False, default=str)
