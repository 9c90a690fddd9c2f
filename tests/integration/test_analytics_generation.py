"""What models did for replies, as analytics has it: by turn, in a summary, and for records from before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeGuard

import pytest

from processors.conversation import Fold, digest_of, take
from projections import analytics
from projections.analytics.questions import ask_as, question
from projections.analytics.state import digests
from projections.analytics.store import Store
from projections.reading import Entry
from schemas.events import Event, PassedOver, Record, ReplyProduced, ScenarioRouted
from tests.integration.a_log import GENERATED
from tests.properties.sessions import SESSION, TENANT, a_session

pytestmark = pytest.mark.clickhouse
GUARDED = (PassedOver("small_model", "guard_language"), PassedOver("cache", "no_match"))


@pytest.fixture
def store(clickhouse: str, fresh_clickhouse_database: str) -> Iterator[Store]:
    """A store with empty tables."""
    analytics.migrate(clickhouse, fresh_clickhouse_database)
    with Store(clickhouse, fresh_clickhouse_database) as opened:
        yield opened


def records() -> list[Record]:
    """A session whose routes are the generation stage's, of gold customers."""
    found = []
    for record in a_session():
        event = record.event
        if isinstance(event, ScenarioRouted):
            event = event._replace(owner="generation", tier="gold")
        if isinstance(event, ReplyProduced) and event.generated is not None:
            event = event._replace(passed_over=GUARDED)
        found.append(record._replace(event=event))
    return found


def entries(given: list[Record]) -> list[Entry]:
    """Records as a projection reads them."""
    return [Entry(*r[:4], "decoded", "", b"", r) for r in given]


def answer(store: Store, name: str, **given: str) -> list[dict[str, Any]]:
    """The rows of a saved question."""
    sql, parameters = question(name, given)
    lines = ask_as(store.client, sql, parameters, "JSONEachRow").splitlines()
    return [json.loads(line) for line in lines]


def test_a_turn_tells_what_its_model_did(store: Store) -> None:
    """Rung, why no higher one, model, prompt, tokens and times; of a turn without a model they are empty."""
    store.write(entries(records()), now=0)
    first, second = (r.event.meta.turn_id or "" for r in records() if isinstance(r.event, ReplyProduced))
    (row,) = answer(store, "generation", turn=first)
    told = {
        "rung": "template",
        "why_not_higher": "small_model: guard_language, cache: no_match",
        "model": GENERATED.model,
        "prompt": GENERATED.prompt,
        "prompt_tokens": 200,
        "tokens": 12,
        "first_seconds": 1,
        "seconds": 2.5,
        "waited": 0.25,
        "finish": "stop",
        "guard_outcome": "refused",
        "guards": ["lang"],
    }
    assert {name: row[name] for name in told} == told
    (row,) = answer(store, "generation", turn=second)
    assert (row["rung"], row["model"], row["prompt_tokens"], row["tokens"]) == ("human", "", None, None)
    assert len(answer(store, "generation", tenant=TENANT, session=SESSION)) == 3
    assert answer(store, "generation", tenant="bank") == []


def test_the_summary_counts_by_rung_and_model(store: Store) -> None:
    """With the share of the turns that were routed to models, tokens, and the reasons."""
    store.write(entries(records()), now=0)
    rows = {row["rung"]: row for row in answer(store, "generation_summary", hours="100000")}
    assert set(rows) == {"template", "human"}
    told = rows["template"]
    assert (told["model"], told["turns"], told["percent"], told["model_tokens"]) == (GENERATED.model, 1, 50, 12)
    assert told["why_not_higher"] == ["small_model: guard_language"]


def test_facts_have_columns_for_it(store: Store) -> None:
    """An analyst reads them without the view."""
    store.write(entries(records()), now=0)
    asked = "SELECT generated.tokens, generated.guards FROM replies FINAL WHERE generated.asked"
    assert [tuple(row) for row in store.client.query(asked).result_rows] == [(12, ["lang"])]
    tiers = store.client.query("SELECT DISTINCT tier FROM routes").result_rows
    assert [tuple(row) for row in tiers] == [("gold",)]


def test_replies_from_before_have_no_model_and_the_same_digest(clickhouse: str, fresh_clickhouse_database: str) -> None:
    """Rows as an older version left them are, after the migration, what memory makes of the log."""
    before = []
    for record in a_session():
        event = record.event
        before.append(record._replace(event=event._replace(generated=None) if _is_reply(event) else event))
    analytics.migrate(clickhouse, fresh_clickhouse_database)
    with Store(clickhouse, fresh_clickhouse_database) as store:
        store.write(entries(before), now=0)
        analytics.revert(clickhouse, 4, fresh_clickhouse_database)
        told = [row[0] for row in store.client.query("DESCRIBE TABLE turns").result_rows]
        assert "model" not in told
        assert analytics.migrate(clickhouse, fresh_clickhouse_database) == ["0005_generation"]
        fold: Fold = {}
        for record in before:
            take(fold, record)
        assert dict(digests(store.client)) == {key: digest_of(session) for key, session in fold.items()}
        assert {row["model"] for row in answer(store, "generation")} <= {""}


def _is_reply(event: Event) -> TypeGuard[ReplyProduced]:
    return isinstance(event, ReplyProduced)
