"""What customers want, by keywords."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.intent import LABELS, KeywordIntents
from processors.intent_terms import TERMS
from processors.ports import IntentModel
from schemas.events import DIALOGUE_ACT, SCENARIOS

MODEL: IntentModel = KeywordIntents()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Where's my parcel??", "track_order"),
        ("快递怎么还没到", "track_order"),
        ("I'd like to send this lamp back", "return_item"),
        ("衣服太小了想换货", "exchange_item"),
        ("it was smashed when I opened the box", "damaged_item"),
        ("付款失败", "payment_failed"),
        ("I cannot sign in", "login_problem"),
        ("I think my account got hacked", "fraud"),
        ("let me speak to a real person", "request_human"),
        ("转人工客服", "request_human"),
        ("worst company ever, this is a disgrace", "complaint"),
        ("what will the weather be", "off_topic"),
        ("你好", "greeting"),
        ("thank you so much", "thanks"),
        ("ok", "confirm"),
        ("嗯嗯好的", "confirm"),
        ("no, never mind", "reject"),
        ("不用了", "reject"),
        ("20260318334", "give_details"),
        ("my email is a.b@mail.example", "give_details"),
        ("订单号:20260318334", "give_details"),
        ("qwrtpsdf zxcvbnm", "nonsense"),
        ("啊啊啊啊啊啊", "nonsense"),
        ("!!!???", "nonsense"),
        ("that did not help at all", "not_helped"),
        ("colourless green ideas", "unknown"),
    ],
)
def test_intents_are_told_by_their_words(text: str, label: str) -> None:
    """In both languages, and what only continues a dialogue by what it consists of."""
    assert MODEL.detect([text])[0].label == label


def test_confidence_tells_more_from_less() -> None:
    """Nothing recognised is 0; a settled wish is sure; two wishes in one message are less so."""
    sure, torn, none = MODEL.detect(["cancel my order", "cancel my order or return it", "blue umbrella dream"])
    assert sure.confidence > torn.confidence > none.confidence == 0.0
    assert (none.label, none.scenario) == ("unknown", "other")


def test_the_best_three_come_best_first() -> None:
    """The first of them is the label, and none is surer than it."""
    found = MODEL.detect(["I was charged twice, I want a refund and to cancel my order"])[0]
    assert len(found.top) == 3
    assert found.top[0] == (found.label, found.confidence)
    assert [c.confidence for c in found.top] == sorted((c.confidence for c in found.top), reverse=True)


def test_out_of_scope_rises_for_other_worlds_only() -> None:
    """A question on the weather is out of scope, one on a refund is not."""
    weather, refund = MODEL.detect(["what is the weather like, will it rain", "where is my refund"])
    assert weather.out_of_scope > 0.6 > 0.3 > refund.out_of_scope


def test_every_label_belongs_to_a_family() -> None:
    """The families are those of the design, and each has an intent."""
    assert {TERMS[label].scenario for label in LABELS} == {*SCENARIOS, DIALOGUE_ACT}


@given(st.lists(st.text(st.characters(), max_size=300), max_size=4))
@settings(max_examples=100, deadline=None)
def test_any_text_has_an_intent(texts: list[str]) -> None:
    """Any script, control characters and lone surrogates included; one answer a text."""
    found = MODEL.detect(texts)
    assert len(found) == len(texts)
    for intent in found:
        assert intent.label in LABELS
        assert 0 <= intent.confidence <= 1
        assert 0 <= intent.out_of_scope <= 1


@pytest.mark.parametrize(
    "text", ["a" * 16_000, "退" * 16_000, "order " * 2_600, "1-" * 8_000, "ﷺ" * 16_000, "[" * 16_000]
)
def test_the_time_it_takes_is_bounded(text: str) -> None:
    """Long texts, also those made to be slow, cost little more than short ones."""
    started = time.thread_time()
    MODEL.detect([text])
    assert time.thread_time() - started < 0.2


def test_the_fingerprint_says_what_it_is() -> None:
    """A name that promises no more than keywords, and the same for the same words."""
    assert MODEL.fingerprint.startswith("keywords@1#")
    assert KeywordIntents().fingerprint == MODEL.fingerprint
