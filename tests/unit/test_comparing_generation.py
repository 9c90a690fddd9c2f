"""What models made, compared: what it took on each side, how alike the replies are, and how the report says so."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from infra.comparing.generation import Generation, generation_of
from infra.comparing.report import report
from infra.comparing.result import as_json
from infra.comparing.showing import show
from infra.comparing.table import Pairs
from infra.comparing.values import Given, paired_values
from infra.judging.generated import LIKENESS, likeness_of
from infra.judging.likeness import LexicalLikeness
from tests.unit.comparisons import comparison, effect
from tests.unit.test_comparing_values import turns_of

NONE = float("nan")
A = turns_of(
    "aab", generated=[0.5, NONE, 1.5], first_text=[0.1, NONE, NONE], prompt_tokens=[300, NONE, 100],
    reply_tokens=[20, NONE, 0], rung=["small_model", "template", "knowledge"], guarded=["passed", "", "refused"],
    generated_by=["small@1#aa", "", "small@1#aa"], prompt=["answer@1#bb", "", "answer@1#bb"],
    finish=["stop", "", "error"],
)  # fmt: skip
B = turns_of(
    "aab", generated=[0.25, NONE, 0.75], first_text=[0.05, NONE, 0.05], prompt_tokens=[100, NONE, 60],
    reply_tokens=[10, NONE, 30], rung=["small_model", "template", "small_model"], guarded=["passed", "", "mended"],
)  # fmt: skip
SIDE = Generation(
    26, 24, 320, 24, (0.04, 0.08), (0.15, 0.25), {"small@1#aa": 26}, {"answer@1#bb": 26}, {"passed": 26}, {"stop": 26}
)


def test_each_side_tells_what_its_models_took() -> None:
    """Of turns for which one was asked, whatever rung answered them in the end."""
    a, b = generation_of(Pairs(A, B, 0, 0))
    assert a is not None
    assert a.whole == pytest.approx((1.0, 1.45))
    assert replace(a, whole=(1, 2)) == Generation(
        2, 1, 200, 10, (0.1, 0.1), (1, 2), {"small@1#aa": 2}, {"answer@1#bb": 2},
        {"passed": 1, "refused": 1}, {"stop": 1, "error": 1},
    )  # fmt: skip
    assert b is not None
    assert (b.answered, b.models, b.outcomes) == (2, {"none": 2}, {"passed": 1, "mended": 1})


def test_a_side_without_models_has_nothing_to_tell() -> None:
    """As every run of before."""
    assert generation_of(Pairs(turns_of("ab"), turns_of("ab"), 0, 0)) == (None, None)


def test_tokens_times_and_refusals_are_metrics() -> None:
    """With a figure in the turns for which a model was asked, on its side alone."""
    found = paired_values(Pairs(A, B, 0, 0), Given())
    shown = {name: [[None if v != v else float(v) for v in side] for side in found[name]] for name in found}
    assert shown["generated_tokens"] == [[320, None, 100], [110, None, 90]]
    assert shown["guarded_rate"] == [[0, None, 1], [0, None, 0]]
    assert shown["first_text_p50"] == [[0.1, None, None], [0.05, None, 0.05]]
    assert shown["generated_p95"] == [[0.5, None, 1.5], [0.25, None, 0.75]]
    assert "generated_tokens" not in paired_values(Pairs(turns_of("a"), turns_of("a"), 0, 0), Given())


def test_replies_are_held_against_the_other_runs() -> None:
    """The same text is wholly alike, another one less; the note says how many are the same."""
    days = "Within 30 days."
    texts = {"t-1": (days, days), "t-2": (days, "Two weeks, at most."), "t-3": ("x", "")}
    found = likeness_of(texts, LexicalLikeness(), seed=7)
    (scored,) = found.scores
    assert (scored.metric, scored.turn_ids) == (LIKENESS, ("t-1", "t-2", "t-3"))
    assert scored.a[:2].tolist() == [1.0, 1.0]
    assert scored.b[0] == 1.0 > scored.b[1]
    assert math.isnan(scored.b[2])
    assert "of all 3 turns in which a model made a reply; 1 have the same text in both" in found.notes[0]


def test_of_many_replies_a_sample_is_compared() -> None:
    """The same one for the same seed."""
    texts = {f"t-{n}": ("a", "a") for n in range(50)}
    first, second = (likeness_of(texts, LexicalLikeness(), 7, most=10) for _ in range(2))
    assert first.scores[0].turn_ids == second.scores[0].turn_ids
    assert len(first.scores[0].turn_ids) == 10
    assert "a sample of 10 of 50" in first.notes[0]
    assert np.isfinite(first.scores[0].b).all()


def test_the_report_shows_both_sides_and_what_to_beware_of() -> None:
    """On the page and on the terminal; nothing of it where no model was asked."""
    made = comparison()
    other = replace(SIDE, prompts={"answer-short@1#cc": 26}, prompt_tokens=90)
    alike = (*made.effects, effect("reply_likeness", 1.0, 0.61, 0.1))
    compared = replace(made, generation=(SIDE, other), effects=alike)
    terminal = Console(file=io.StringIO(), width=200)
    show(compared, terminal)
    assert isinstance(terminal.file, io.StringIO)
    for said in (report(compared).replace("\xa0", " "), terminal.file.getvalue()):
        for part in ("answer-short@1#cc 26", "90 of prompt, 24 of reply", "samples", "small@1#aa 26"):
            assert part in said
    assert "Replies of B are like those of A by 61.0 %" in report(compared).replace("\xa0", " ")
    assert as_json(compared)["generation"][1]["prompts"] == {"answer-short@1#cc": 26}
    assert "What models made" not in report(made)
