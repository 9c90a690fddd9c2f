"""How the replies of two runs read, turn by turn: likeness to what people said, and what judges prefer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from infra.comparing.metrics import METRICS
from infra.judging.likeness import LexicalLikeness
from infra.judging.quality import EMBEDDED, JUDGED, LEXICAL, Quality, Scored, quality
from infra.judging.texts import TurnTexts
from streams.testing.judges import ScriptedJudge, by_chance, longer, whatever_comes_first

HUMAN = "Your parcel left us today."


class OneByOne:
    """Likeness that counts what it is asked."""

    fingerprint = "one@1"

    def __init__(self) -> None:
        self.asked = 0

    def similarity(
        self, texts: Sequence[str], references: Sequence[str], langs: Sequence[str] | None = None
    ) -> NDArray[np.float64]:
        self.asked += len(texts)
        return np.ones(len(texts))


def texts(n: int, human: str = HUMAN) -> TurnTexts:
    """Turns of which the first has no reply of B, and every other one of the rest has the same on both sides."""
    ids = tuple(f"t{i}" for i in range(n))
    a = tuple(f"short {i}" for i in range(n))
    b = tuple("" if i == 0 else a[i] if i % 2 == 0 else f"a longer reply {i}" for i in range(n))
    return TurnTexts(ids, ("question?",) * n, a, b, (human,) * n, ("customer: hi",) * n)


def scored(found: Quality, metric: str) -> Scored:
    return next(one for one in found.scores if one.metric == metric)


def test_likeness_is_of_turns_that_a_human_answered_and_of_sides_that_replied() -> None:
    """A side without a reply has none; a comparison without a human's lines has no likeness at all."""
    found = scored(quality(texts(4), 7, {LEXICAL: LexicalLikeness()}), LEXICAL)
    assert found.turn_ids == ("t0", "t1", "t2", "t3")
    assert np.isnan(found.b).tolist() == [True, False, False, False]
    assert found.a[2] == found.b[2]
    assert quality(texts(4, human=""), 7, {LEXICAL: LexicalLikeness()}).scores == ()


def test_a_preference_is_the_mean_of_the_judges_and_both_sides_share_it() -> None:
    """Draws, equal replies among them, count half; a turn that a side has not answered is not judged."""
    found = quality(texts(5), 7, judges=[ScriptedJudge(longer), ScriptedJudge(whatever_comes_first)])
    judged = scored(found, JUDGED)
    assert judged.turn_ids == ("t1", "t2", "t3", "t4")
    assert judged.b.tolist() == [0.75, 0.5, 0.75, 0.5]
    assert (judged.a + judged.b).tolist() == [1.0] * 4
    assert all(metric in METRICS for metric in (LEXICAL, EMBEDDED, JUDGED))


def test_whoever_reads_the_scores_is_told_who_judged_and_how_far_they_agree() -> None:
    """The place that a judge leans to, its agreement with itself, and theirs with each other."""
    said = "\n".join(quality(texts(50), 7, judges=[ScriptedJudge(longer), ScriptedJudge(whatever_comes_first)]).notes)
    assert "Judge scripted@1 compared 25 pairs both ways round: leaning to the first +0.00, 100 % the same" in said
    assert "leaning to the first +1.00, 0 % the same" in said
    assert "The judges' agreement, Cohen's: 0 % the same" in said


@pytest.mark.parametrize("most", [0, 1, 7])
def test_judges_are_asked_about_so_many_pairs_and_no_more(most: int) -> None:
    """The seed chooses; of equal replies as many come along as belong to the chosen share."""
    judge = ScriptedJudge(by_chance)
    found = quality(texts(200), 7, judges=[judge], most_judged=most)
    assert len(judge.asked) == 2 * most
    again = quality(texts(200), 7, judges=[judge], most_judged=most)
    assert again.judged_rows.tolist() == found.judged_rows.tolist()
    assert found.judges[0].asked.sum() == most


def test_as_many_turns_are_embedded_as_was_said() -> None:
    """It takes milliseconds each; by characters all are compared."""
    embedded, lexical = OneByOne(), OneByOne()
    found = quality(texts(100), 7, {EMBEDDED: embedded, LEXICAL: lexical}, most={EMBEDDED: 10})
    assert (embedded.asked, lexical.asked) == (20, 200)
    assert len(scored(found, EMBEDDED).turn_ids) == 10
    assert "10 of 100 turns" in " ".join(found.notes)


def test_nothing_to_read_has_no_scores() -> None:
    """Of no turns, and of turns without replies."""
    silent = TurnTexts(("t",), ("hello",), ("",), ("",), ("",), ("",))
    for nothing in (TurnTexts((), (), (), (), (), ()), silent):
        found = quality(nothing, 7, {LEXICAL: LexicalLikeness()}, [ScriptedJudge(longer)])
        assert [one for one in found.scores if len(one.turn_ids)] == []
