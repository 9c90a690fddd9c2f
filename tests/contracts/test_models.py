"""What any model of intent, sentiment or entities must hold, the kit's and the product's alike."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.entities import PatternEntities
from processors.intent import KeywordIntents
from processors.ports import EntityModel, IntentModel, SentimentModel
from processors.sentiment import LexiconSentiments
from schemas.events import DIALOGUE_ACT, SCENARIOS, Entity
from streams.testing import INTENTS, ScriptedEntities, ScriptedIntents, ScriptedSentiments

AT = 1_800_000_000_000_000
LONG = ["😀" * 5000, "1" * 16_384, "我要退货" * 4000, "a " * 8000]
TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=200),
        st.sampled_from(["", " ", "\x00", "ORDER #A-1!!!", "\u202e\u0301", "where is my order?", "退款", *LONG]),
    ),
    max_size=5,
)
INTENT_MODELS: list[IntentModel] = [ScriptedIntents(INTENTS), KeywordIntents()]
SENTIMENT_MODELS: list[SentimentModel] = [ScriptedSentiments({"": 0.5}), LexiconSentiments()]
ENTITY_MODELS: list[EntityModel] = [
    ScriptedEntities({"ORDER #A-1!!!": [Entity("order", "A-1", "A-1", 7, 10)]}),
    PatternEntities(),
]


def named(model: object) -> str:
    """How a model appears among the tests."""
    return type(model).__name__


@pytest.mark.parametrize("model", INTENT_MODELS, ids=named)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(texts=TEXTS)
def test_every_text_has_an_intent(model: IntentModel, texts: list[str]) -> None:
    """One each, in order, within bounds; neighbours do not matter, nor does asking again."""
    found = model.detect(texts)
    assert list(found) == [model.detect([text])[0] for text in texts]
    for intent in found:
        assert intent.scenario in (*SCENARIOS, DIALOGUE_ACT)
        assert 0 <= intent.confidence <= 1
        assert 0 <= intent.out_of_scope <= 1
        assert intent.lang in ("zh", "en", "mixed", "und")
        assert all(0 <= c.confidence <= 1 for c in intent.top)


@pytest.mark.parametrize("model", SENTIMENT_MODELS, ids=named)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(texts=TEXTS)
def test_every_text_has_a_sentiment(model: SentimentModel, texts: list[str]) -> None:
    """One each, in order, within bounds; neighbours do not matter, nor does asking again."""
    found = model.score(texts)
    assert list(found) == [model.score([text])[0] for text in texts]
    for sentiment in found:
        assert -1 <= sentiment.score <= 1
        assert 0 <= sentiment.anger <= 1
        assert 0 <= sentiment.confidence <= 1
        assert sentiment.label


@pytest.mark.parametrize("model", ENTITY_MODELS, ids=named)
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


@pytest.mark.parametrize("model", [*INTENT_MODELS, *SENTIMENT_MODELS, *ENTITY_MODELS], ids=named)
def test_a_model_has_a_fingerprint(model: IntentModel | SentimentModel | EntityModel) -> None:
    """Whatever it says can be traced to a name and a version."""
    name, _, version = model.fingerprint.partition("@")
    assert name
    assert version
