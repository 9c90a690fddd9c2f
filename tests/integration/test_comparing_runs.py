"""Runs compared as ClickHouse has them: paired, identical or not, finished or not, with the turns that differ."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from clickhouse_connect.driver.client import Client

from infra.candidates.gate import parse_rules
from infra.comparing.compare import compare
from infra.comparing.data import read_turns, turns_between
from infra.comparing.labels import Labels
from infra.comparing.mde import plans
from infra.comparing.result import as_json
from projections import analytics
from projections.analytics.schema import client_of
from projections.analytics.store import Store
from projections.reading import Entry
from projections.runs import Run, RunFacts, RunStore
from projections.runs.store import NoSuchRun
from schemas.events import MessageReceived, Record, ReplyProduced, ScenarioRouted
from streams.replay.engine import PartitionReplay, TurnMeasure
from tests.properties.sessions import AT, a_session

pytestmark = pytest.mark.clickhouse
NOW = 1_800_000_000_000_000
SESSIONS = 40
CANDIDATE = "{name: payments, models: {intent: new}}"
RECORDS = [record for n in range(SESSIONS) for record in a_session("shop", f"s-{n}")]
FIRST_TURNS = [
    record.event.meta.event_id
    for record in RECORDS
    if isinstance(record.event, MessageReceived) and record.event.meta.occurred_at == AT + 1_000_000
]
MOVED = frozenset(FIRST_TURNS[:12])
"""Turns that the candidate routes elsewhere and hands to a human."""


def as_it_was(record: Record) -> Record:
    """The recorded decision."""
    return record


def moved(record: Record) -> Record:
    """Another scenario and a human for some first turns, in other words."""
    event = record.event
    if event.meta.turn_id in MOVED and isinstance(event, ScenarioRouted):
        return record._replace(event=event._replace(scenario="payment", handoff=True, handoff_reason="policy"))
    if event.meta.turn_id in MOVED and isinstance(event, ReplyProduced):
        return record._replace(event=event._replace(text="A colleague will be with you.", handoff=True))
    return record


class Runs:
    """A database with live's sessions, and replays of them."""

    def __init__(self, url: str, database: str) -> None:
        analytics.migrate(url, database)
        self.url, self.database = url, database
        live = Store(url, database)
        live.write([Entry(*r[:4], "decoded", "", b"", r) for r in RECORDS], now=0)
        live.close()
        self.client: Client = client_of(url, database)

    def replay(
        self, name: str, change: Callable[[Record], Record] = as_it_was, candidate: str = "", status: str = "complete",
        mode: str = "teacher-forced", seconds: float = 0.004, left: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        """Stores a run. left: turns that no longer answer what the candidate said."""
        records = tuple(
            record._replace(event=record.event._replace(meta=record.event.meta._replace(run_id=name)))
            for record in map(change, RECORDS)
        )
        metas = {e.meta.turn_id: e.meta for *_, e in RECORDS if isinstance(e, MessageReceived)}
        measures = [
            TurnMeasure(
                m.tenant_id, m.session_id, m.event_id, m.turn_started_at or 0, m.event_id not in left, (), 0.0,
                ("intent", "route"), ("human_reply",), (), seconds, 0.0, 0.0, 0.001, 0.0, 3,
            )
            for m in metas.values()
        ]  # fmt: skip
        with RunFacts(self.url, name, self.database) as facts:
            facts.write(PartitionReplay(records, tuple(measures), {}), NOW)
        changed = ["intent"] if candidate else []
        definition = {
            "format": 1,
            "candidate": {"text": candidate},
            "changed": changed,
            "window": [AT, AT + 60_000_000],
            "gaps": [],
        }
        store = RunStore(self.url, self.database)
        store.create(Run(name, status, "payments", mode, definition, "id", (0, 1), NOW, NOW))  # type: ignore[arg-type]
        store.close()


@pytest.fixture(scope="module")
def runs(clickhouse: str) -> Iterator[Runs]:
    """Live, live again, a candidate, one that is not finished, and a free run."""
    found = Runs(clickhouse, f"test_{uuid.uuid4().hex[:12]}")
    found.replay("again")
    found.replay("candidate", moved, CANDIDATE, seconds=0.008)
    found.replay("unfinished", moved, CANDIDATE, status="running")
    found.replay("free", moved, CANDIDATE, mode="free-run", left=frozenset(FIRST_TURNS[:5]))
    yield found
    found.client.command(f"DROP DATABASE {found.database}")
    found.client.close()


def test_live_replayed_against_itself_is_identical(runs: Runs) -> None:
    """Every decision of every turn, worked out from the facts; so it is better or equal without any more sessions."""
    found = compare(runs.client, "live", "again")
    assert found.identical == 1.0
    assert found.identity.turns == found.paired_turns == 3 * SESSIONS
    assert found.identity.by_field == {}
    assert found.verdict == "better_or_equal"
    assert found.differences == ()


def test_exactly_the_turns_that_changed_are_listed(runs: Runs) -> None:
    """With every decision of both sides and the fields that differ."""
    found = compare(runs.client, "live", "candidate")
    assert found.identity.different == len(MOVED)
    assert found.identical == pytest.approx(1 - len(MOVED) / (3 * SESSIONS))
    assert {d.turn_id for d in found.differences} == MOVED
    first = found.differences[0]
    assert set(first.fields) == {"scenario", "handoff", "handoff_reason", "reply.text", "reply.handoff"}
    assert (first.a["handoff"], first.b["handoff"]) == (False, True)
    assert first.b["scenario"] == "payment"
    assert first.b["reply.text"] == "A colleague will be with you."
    assert first.text
    moved_to = [(b, turns) for a, b, turns in found.confusions[0].cells if a != b]
    assert moved_to == [("payment", len(MOVED))]


def test_a_gate_goes_by_the_facts(runs: Runs) -> None:
    """Twelve of forty sessions handed to a human more breaks a gate of five points."""
    found = compare(runs.client, "live", "candidate", parse_rules("handled_automatically: no worse than 5 points"))
    effect = found.effect("handoff_rate")
    assert effect is not None
    assert effect.difference == pytest.approx(len(MOVED) / (3 * SESSIONS))
    assert effect.significant
    assert found.b.changed == ("intent",)
    assert found.b.fingerprints["intent"]


def test_times_are_compared_between_replays_alone(runs: Runs) -> None:
    """Live has none, and is told how to get some; two replays have them, turn by turn."""
    assert compare(runs.client, "live", "candidate").effect("decision_p95") is None
    found = compare(runs.client, "again", "candidate", parse_rules("decision_p95: <= +10 %"))
    effect = found.effect("decision_p95")
    assert effect is not None
    assert [effect.a, effect.b] == pytest.approx([0.005, 0.009])
    json.dumps(as_json(found), allow_nan=False)
    assert found.verdict == "worse"
    assert found.curves[0].about == "decision"
    assert found.provenance[1] is not None
    assert found.provenance[1].recomputed == {"intent": 1.0, "route": 1.0}
    assert found.provenance[1].served == {"human_reply": 1.0}


def test_a_run_that_is_not_finished_gets_no_verdict(runs: Runs) -> None:
    """Nor any figure to stop at: only how alike it is so far."""
    found = compare(runs.client, "live", "unfinished")
    assert found.verdict == "not_enough_evidence"
    assert "not finished" in found.sentence
    assert found.effects == ()
    assert found.findings == ()


def test_a_free_run_counts_the_turns_that_survived(runs: Runs) -> None:
    """And says how many did."""
    found = compare(runs.client, "live", "free")
    assert found.survival is not None
    assert (found.survival.turns, found.survival.survived) == (3 * SESSIONS, 3 * SESSIONS - 5)
    assert found.paired_turns == 3 * SESSIONS - 5
    assert found.identity.different == len(MOVED) - 5


def test_labels_say_which_side_is_right(runs: Runs) -> None:
    """Turns that people labelled, judged by label and not by mere disagreement."""
    labels = Labels(dict.fromkeys(FIRST_TURNS, ("pay", "payment")), {f"s-{n}": float(n) for n in range(SESSIONS)})
    found = compare(runs.client, "live", "candidate", labels=labels)
    effect = found.effect("label_agreement")
    assert effect is not None
    assert effect.turns == SESSIONS
    assert effect.b - effect.a == pytest.approx(len(MOVED) / SESSIONS)
    assert found.agreements[0].about == "scenario"
    assert found.agreements[0].b == effect.b


def test_a_run_that_is_not_there_is_refused(runs: Runs) -> None:
    """By its name, and where to find those that are."""
    with pytest.raises(NoSuchRun, match="there is no run 'nowhere'; see: spillway runs list"):
        compare(runs.client, "live", "nowhere")


def test_what_a_replay_could_show_is_known_before_it(runs: Runs) -> None:
    """From live's own turns, without any run."""
    turns = read_turns(runs.client, "live", turns_between("shop", AT, AT + 60_000_000), decisions=False)
    assert len(turns) == 3 * SESSIONS
    (found,) = plans(turns, 5_000, ["handoff_rate"])
    assert found.now > 0
    assert found.paired[0][1] is not None
    assert found.paired[0][1] < found.paired[2][1]  # type: ignore[operator]
