"""Judges asked blind and both ways round, how far they agree, and how alike texts are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from infra.judging.agreement import between, with_itself
from infra.judging.blind import Judged, Pair, judged
from infra.judging.likeness import EmbeddedLikeness, LexicalLikeness, Likeness, embedded_likeness
from infra.local.errors import StackError
from infra.models.store import ModelStore
from streams.models.bundle import load_encoders
from streams.models.judge import Asked, Opinion, read_opinion
from streams.testing.judges import ScriptedJudge, by_chance, longer, whatever_comes_first
from tests.bundles import a_hashed_bundle, an_encoder_bundle

PAIRS = [Pair(f"turn-{n}", f"question {n}", "", f"A{n}" + "!" * (n % 3), f"B{n}" + "!" * (n % 4)) for n in range(200)]


class Silent:
    """A judge that says nothing that can be understood of every third question."""

    name = fingerprint = "silent"

    def judge(self, items: Sequence[Asked]) -> Sequence[Opinion | None]:
        return [None if n % 3 == 0 else Opinion("tie") for n, _ in enumerate(items)]


def of(judge: ScriptedJudge, pairs: Sequence[Pair] = PAIRS) -> Judged:
    return judged(judge, pairs, seed=7)


def test_a_judge_is_asked_both_ways_round_and_cannot_tell_whose_a_reply_is() -> None:
    """Every pair twice, each reply as often first as second, A first in about half of the drawn orders."""
    judge = ScriptedJudge(longer)
    drawn = of(judge).drawn
    assert len(judge.asked) == 2 * len(PAIRS)
    assert {(item.first[0], item.second[0]) for item in judge.asked} == {("A", "B"), ("B", "A")}
    assert sum(item.first[0] == "A" for item in judge.asked) == len(PAIRS)
    assert 70 < drawn.sum() < 130
    together = [i for i in range(len(judge.asked) - 1) if judge.asked[i].question == judge.asked[i + 1].question]
    assert len(together) < 10


def test_the_same_seed_asks_the_same_and_another_one_otherwise() -> None:
    """The order follows from seed and turn, not from what else is asked."""
    first, again = ScriptedJudge(longer), ScriptedJudge(longer)
    assert (of(first).drawn == of(again).drawn).all()
    assert first.asked == again.asked
    assert of(ScriptedJudge(longer), PAIRS[50:60]).drawn.tolist() == of(first).drawn[50:60].tolist()
    assert (judged(ScriptedJudge(longer), PAIRS, seed=8).drawn != of(first).drawn).any()


def test_scores_are_what_b_won() -> None:
    """1 where B's reply is better whichever stands first, 0 where A's is, one half where neither is."""
    expected = [0.5 if n % 4 == n % 3 else float(n % 4 > n % 3) for n in range(len(PAIRS))]
    assert of(ScriptedJudge(longer)).scores.tolist() == expected
    assert of(ScriptedJudge(longer)).position_bias == 0


def test_a_judge_that_follows_the_place_gives_nobody_anything() -> None:
    """Its bias is told, and it does not agree with itself."""
    found = of(ScriptedJudge(whatever_comes_first))
    assert set(found.scores) == {0.5}
    assert found.position_bias == 1.0
    itself = with_itself(found)
    assert itself.equal == 0.0
    assert itself.kappa is not None
    assert itself.kappa < 0


def test_equal_replies_are_not_asked_about_and_missing_ones_not_judged() -> None:
    """A tie, and no figure."""
    judge = ScriptedJudge(longer)
    found = of(judge, [Pair("same", "q", "", "yes", "yes"), Pair("none", "q", "", "", "yes")])
    assert judge.asked == []
    assert found.scores[0] == 0.5
    assert np.isnan(found.scores[1])
    assert np.isnan(found.position_bias)


def test_an_answer_that_cannot_be_understood_is_counted_and_not_guessed() -> None:
    """The pair has no score."""
    found = judged(Silent(), PAIRS, seed=7)
    assert found.unreadable == -(-2 * len(PAIRS) // 3)
    assert np.isnan(found.scores).sum() > 0
    assert set(found.scores[np.isfinite(found.scores)]) == {0.5}


def test_judges_that_say_the_same_agree_and_those_that_say_anything_do_not() -> None:
    """Cohen's kappa of two; Fleiss' of three."""
    long, again, chance = of(ScriptedJudge(longer)), of(ScriptedJudge(longer)), of(ScriptedJudge(by_chance))
    same, other = between([long, again]), between([long, chance])
    assert (same.kind, same.equal, same.pairs) == ("cohen", 1.0, len(PAIRS))
    assert same.kappa == pytest.approx(1.0)
    assert other.kappa == pytest.approx(0, abs=0.15)
    assert None not in (other.low, other.high)
    assert np.argsort([other.low or 0, other.kappa or 0, other.high or 0]).tolist() == [0, 1, 2]
    three = between([long, again, chance])
    assert three.kind == "fleiss"
    assert three.kappa is not None
    assert 0 < three.kappa < 1


def test_where_all_say_the_same_of_everything_there_is_no_kappa() -> None:
    """Chance explains it; the share that is equal is still told."""
    place = [of(ScriptedJudge(whatever_comes_first)) for _ in range(2)]
    assert between(place).kappa is None
    assert between(place).equal == 1.0
    with pytest.raises(ValueError, match="two judges"):
        between(place[:1])


@pytest.mark.parametrize(
    ("said", "opinion"),
    [
        ("first", Opinion("first")),
        (" Second.\n", Opinion("second")),
        ('{"better": "tie", "confidence": 0.25, "why": "都一样"}', Opinion("tie", 0.25, "都一样")),
        ('{"better": "FIRST"}', Opinion("first")),
        ("A is better", None),
        ('{"better": "neither"}', None),
        ('{"better": "first", "confidence": 7}', None),
        ('{"better": "first", "confidence": "high"}', None),
        ("[1]", None),
        ("", None),
    ],
)
def test_a_verdict_is_a_word_or_json_and_anything_else_is_none(said: str, opinion: Opinion | None) -> None:
    """Nothing is guessed."""
    assert read_opinion(said) == opinion


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedLikeness:
    """Likeness by a backbone of random weights."""
    return EmbeddedLikeness(load_encoders(an_encoder_bundle(tmp_path_factory.mktemp("likeness") / "tiny")))


@pytest.fixture(params=["lexical", "embedded"])
def likeness(request: pytest.FixtureRequest, embedded: EmbeddedLikeness) -> Likeness:
    """Each kind."""
    return LexicalLikeness() if request.param == "lexical" else embedded


def test_equal_texts_are_alike_and_others_less_so(likeness: Likeness) -> None:
    """1 for equal ones, a figure for others, none where a side is silent."""
    texts = ["where is my order", "我要退款", "where is my order", "", "hello"]
    references = ["where is my order", "我要退款", "sing me a song", "hello", " "]
    scores = likeness.similarity(texts, references)
    assert scores.dtype == np.float64
    assert scores[:2] == pytest.approx([1.0, 1.0])
    assert scores[2] < 0.999
    assert np.isnan(scores[3:]).all()


def test_a_text_is_scored_alike_whatever_else_is_scored(likeness: Likeness) -> None:
    """By itself, among others, and twice."""
    texts, references = ["where is my order", "今天天气怎么样"] * 20, ["my order has not come", "唱首歌"] * 20
    alone = [likeness.similarity([t], [r])[0] for t, r in zip(texts[:2], references[:2], strict=True)]
    assert likeness.similarity(texts, references).tolist() == pytest.approx(alone * 20, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "reference", "near"),
    [
        ("ＯＲＤＥＲ　on its way", "order on its way", 1.0),
        ("訂單已經發出", "订单已经发出", 1.0),
        ("您的订单已经发出", "亲，订单已发出", 0.25),
        ("your order is on its way", "your parcel is on its way", 0.6),
        ("您的订单已经发出", "can you help", 0.0),
    ],
)
def test_likeness_by_characters_looks_at_words_not_at_their_form(text: str, reference: str, near: float) -> None:
    """Full width, capitals and traditional forms are the same letters."""
    assert LexicalLikeness().similarity([text], [reference])[0] == pytest.approx(near, abs=0.15)


def test_the_shipped_backbones_put_like_meanings_nearer_together() -> None:
    """In either language, without a word in common that matters."""
    texts = ["Your order is on its way."] * 2 + ["您的订单已经发出。"] * 2
    references = [
        *("Your parcel has been shipped and will arrive on Friday.", "Please reset your password on the login page."),
        *("亲，您的包裹已经发货了哦", "亲，这款衣服有红色的吗"),
    ]
    near_en, far_en, near_zh, far_zh = embedded_likeness(ModelStore(Path("nowhere"))).similarity(texts, references)
    assert near_en > far_en + 0.1
    assert near_zh > far_zh + 0.1


def test_a_bundle_without_a_backbone_cannot_tell_meanings(tmp_path: Path) -> None:
    """The message says which."""
    folder = a_hashed_bundle(tmp_path / "plain")
    with pytest.raises(StackError, match="plain cannot be used"):
        embedded_likeness(ModelStore(tmp_path), bundle=str(folder))
