"""A model is asked once for texts that come again, and everyone gets the answer it would give."""

from __future__ import annotations

from collections.abc import Sequence

from processors.ports import Intent, Sentiment
from streams.models.known_texts import LONGEST, KnownIntents, KnownSentiments


class Counting:
    """Answers with the text, and notes what it was asked."""

    fingerprint = "counting@1#000000000000"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        self.asked.append(list(texts))
        return [Intent(text, "other", 0.5, (), 0.0, "en") for text in texts]

    def score(self, texts: Sequence[str]) -> Sequence[Sentiment]:
        self.asked.append(list(texts))
        return [Sentiment(0.0, text, 0.0, 0.5) for text in texts]


def test_answers_come_in_the_order_of_the_texts_whoever_gave_them() -> None:
    """Known and unknown ones mixed, and one text twice in a batch."""
    model = Counting()
    known = KnownIntents(model)
    assert known.fingerprint == model.fingerprint
    assert [i.label for i in known.detect(["a", "b", "a"])] == ["a", "b", "a"]
    assert [i.label for i in known.detect(["c", "b", "d", "a"])] == ["c", "b", "d", "a"]
    assert model.asked == [["a", "b"], ["c", "d"]]


def test_a_batch_of_known_texts_does_not_reach_the_model() -> None:
    """Nor does an empty one."""
    model = Counting()
    known = KnownSentiments(model)
    known.score(["ok"])
    assert [s.label for s in known.score(["ok", "ok"])] == ["ok", "ok"]
    assert list(known.score([])) == []
    assert model.asked == [["ok"]]


def test_long_texts_are_not_kept() -> None:
    """They hardly come again, and would take the room of many."""
    model, text = Counting(), "x" * (LONGEST + 1)
    known = KnownIntents(model)
    known.detect([text])
    known.detect([text])
    assert model.asked == [[text], [text]]


def test_what_is_asked_for_stays_and_the_rest_is_forgotten() -> None:
    """Two generations of ten: a text of every batch is never asked again, one that came long ago is."""
    model = Counting()
    known = KnownIntents(model, kept=10)
    for number in range(100):
        known.detect(["ok", f"text {number}"])
    assert sum(asked.count("ok") for asked in model.asked) == 1
    known.detect(["text 0"])
    assert model.asked[-1] == ["text 0"]
