"""What any model of intent, sentiment or entities must hold, the kit's and the product's alike."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.entities import PatternEntities
from processors.ports import EntityModel, IntentModel, SentimentModel
from schemas.events import DIALOGUE_ACT, SCENARIOS, Entity
from streams.models.intent import BundleIntents
from streams.models.sentiment import BundleSentiments
from streams.testing import INTENTS, ScriptedEntities, ScriptedIntents, ScriptedSentiments
from tests.shipped import bundle

AT = 1_800_000_000_000_000
LONG = ["😀" * 5000, "1" * 16_384, "我要退货" * 4000, "a " * 8000]
TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=200),
        st.sampled_from(["", " ", "\x00", "ORDER #A-1!!!", "\u202e\u0301", "where is my order?", "退款", *LONG]),
    ),
    max_size=5,
)
SHIPPED_INTENTS = ("intent-fast", "intent-accurate")
SHIPPED_SENTIMENTS = ("sentiment-fast", "sentiment-accurate")
INTENT_MODELS = ("scripted", *SHIPPED_INTENTS)
SENTIMENT_MODELS = ("scripted", *SHIPPED_SENTIMENTS)
ENTITY_MODELS: list[EntityModel] = [
    ScriptedEntities({"ORDER #A-1!!!": [Entity("order", "A-1", "A-1", 7, 10)]}),
    PatternEntities(),
]


@cache
def intents(name: str) -> IntentModel:
    """The kit's, or one of the product's."""
    return BundleIntents(bundle(name)) if name in SHIPPED_INTENTS else ScriptedIntents(INTENTS)


@cache
def sentiments(name: str) -> SentimentModel:
    """The kit's, or one of the product's."""
    return BundleSentiments(bundle(name)) if name in SHIPPED_SENTIMENTS else ScriptedSentiments({"": 0.5})


@pytest.mark.parametrize("name", INTENT_MODELS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(texts=TEXTS)
def test_every_text_has_an_intent(name: str, texts: list[str]) -> None:
    """One each, in order, within bounds; neighbours do not matter, nor does asking again."""
    model = intents(name)
    found = model.detect(texts)
    assert list(found) == [model.detect([text])[0] for text in texts]
    for intent in found:
        assert intent.scenario in (*SCENARIOS, DIALOGUE_ACT)
        assert 0 <= intent.confidence <= 1
        assert 0 <= intent.out_of_scope <= 1
        assert intent.lang in ("zh", "en", "mixed", "und")
        assert all(0 <= c.confidence <= 1 for c in intent.top)


@pytest.mark.parametrize("name", SENTIMENT_MODELS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(texts=TEXTS)
def test_every_text_has_a_sentiment(name: str, texts: list[str]) -> None:
    """One each, in order, within bounds; neighbours do not matter, nor does asking again."""
    model = sentiments(name)
    found = model.score(texts)
    assert list(found) == [model.score([text])[0] for text in texts]
    for sentiment in found:
        assert -1 <= sentiment.score <= 1
        assert 0 <= sentiment.anger <= 1
        assert 0 <= sentiment.confidence <= 1
        assert sentiment.label


@pytest.mark.parametrize("model", ENTITY_MODELS, ids=lambda model: type(model).__name__)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(texts=TEXTS)
def test_entities_lie_where_they_say(model: EntityModel, texts: list[str]) -> None:
    """Each text has its own; an entity's text is what stands between its start and end."""
    found = model.extract(texts, [AT] * len(texts))
    assert len(found) == len(texts)
    for text, entities in zip(texts, found, strict=True):
        for entity in entities:
            assert text[entity.start : entity.end] == entity.text
            assert entity.kind


@pytest.mark.parametrize("name", INTENT_MODELS)
def test_an_intent_model_has_a_fingerprint(name: str) -> None:
    """Whatever it says can be traced to a name and a version."""
    assert all(intents(name).fingerprint.partition("@")[::2])


@pytest.mark.parametrize("name", SENTIMENT_MODELS)
def test_a_sentiment_model_has_a_fingerprint(name: str) -> None:
    """Whatever it says can be traced to a name and a version."""
    assert all(sentiments(name).fingerprint.partition("@")[::2])


@pytest.mark.parametrize("model", ENTITY_MODELS, ids=lambda model: type(model).__name__)
def test_an_entity_model_has_a_fingerprint(model: EntityModel) -> None:
    """Whatever it says can be traced to a name and a version."""
    assert all(model.fingerprint.partition("@")[::2])
