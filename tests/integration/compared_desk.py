"""Conversations that were live, in memory and in ClickHouse, and replays of them with something altered."""

from __future__ import annotations

import uuid
from typing import Any

from clickhouse_connect.driver.client import Client

from infra.candidates.model import Candidate, ModelChoice, TenantChange
from infra.comparing.compare import compare
from infra.comparing.result import Comparison
from infra.replaying.definition import Asked, Definition
from infra.replaying.outcome import outcome_of
from projections import analytics
from projections.analytics.schema import client_of
from projections.analytics.store import Store
from projections.reading import Entry
from projections.runs import Run, RunFacts, RunStore
from projections.runs.store import Status
from schemas.catalogue import MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.events import Record
from streams.replay.cast import Cast
from streams.replay.engine import Mode, replay_partition
from streams.replay.stretch import Window
from streams.testing import (
    INTENTS,
    SMALL_POLICY,
    Conversations,
    Pass,
    ScriptedIntents,
    ScriptedSentiments,
    a_message,
    a_policy,
)
from streams.testing.stretches import a_cast, a_stretch

NOW = 1_800_000_000_000_000
TEXTS = (*INTENTS, "hm", "I want to return this")
SESSIONS = 12
TURNS = 3 * SESSIONS
LIVE = [("intent", ScriptedIntents(INTENTS)), ("sentiment", ScriptedSentiments())]
"""The models that were live."""


class Desk:
    """Thirty-six turns of twelve conversations of a tenant."""

    def __init__(self, url: str, database: str, tenant: str) -> None:
        self.url, self.database, self.tenant = url, database, tenant
        analytics.migrate(url, database)
        self.client: Client = client_of(url, database)
        self.talk = Conversations([a_policy(tenant)], partitions=1)
        for turn in range(3):
            for session in range(SESSIONS):
                text = TEXTS[(session + turn) % len(TEXTS)]
                message = a_message(text, tenant, f"s-{session}", self.talk.clock.now())
                self.talk.play([message, Pass(0.05)], settle=False)
        self.talk.play([])
        places = [(topic, 0) for topic in (MESSAGES, SIGNALS, ROUTES, REPLIES)]
        log = [r for place in places for r in self.talk.bus.read(place, 0, self.talk.bus.end(place))]
        store = Store(url, database)
        store.write([Entry(*r[:4], "decoded", "", b"", r) for r in log if isinstance(r, Record)], now=0)
        store.close()

    def close(self) -> None:
        """Drops the database, which nobody else may have."""
        self.client.command(f"DROP DATABASE {self.database}")
        self.client.close()

    def replay(self, mode: Mode, cast: Cast, candidate: Candidate, status: Status = "complete") -> str:
        """A replay of all of it, stored as the coordinator stores one. The run's name."""
        name = f"run-{uuid.uuid4().hex[:8]}"
        replay = replay_partition(a_stretch(self.talk.bus), cast, mode, name)
        with RunFacts(self.url, name, self.database) as facts:
            facts.write(replay, NOW)
        definition = Definition(Asked(Window(0, NOW), mode=mode, candidate=candidate), {}).as_json()
        store = RunStore(self.url, self.database)
        store.create(Run(name, status, candidate.name, mode, definition, "id", (0,), NOW, NOW))
        store.close()
        return name

    def again(self, mode: Mode = "teacher-forced", status: Status = "complete") -> str:
        """Replayed as it was."""
        return self.replay(mode, a_cast(self.talk.bus, known=LIVE), Candidate("again"), status)

    def with_policy(self, mode: Mode, old: str, new: str) -> str:
        """Replayed with one rule altered."""
        assert SMALL_POLICY.count(old) == 1
        policy = a_policy(self.tenant, "2", SMALL_POLICY.replace(old, new))
        change = TenantChange(self.tenant, policy.policy, policy.policy_fingerprint)
        candidate = Candidate("altered", tenants={self.tenant: change})
        return self.replay(mode, a_cast(self.talk.bus, policies=[policy], known=LIVE), candidate)

    def with_intents(self, script: dict[str, Any]) -> str:
        """Replayed with another model, which understands some texts otherwise."""
        other = ScriptedIntents({**INTENTS, **script}, "candidate@1")
        candidate = Candidate("other-intents", models={"intent": ModelChoice("other", "candidate@1")})
        return self.replay("teacher-forced", a_cast(self.talk.bus, {"intent": other}), candidate)

    def turns(self, sql: str, run: str = "") -> set[str]:
        """The answer to a question that does not ask the comparison."""
        return {str(row[0]) for row in self.client.query(sql, {"run": run}).result_rows}

    def compared(self, run: str, differences: int = 2) -> Comparison:
        found = compare(self.client, "live", run, differences=differences)
        assert self.identical(run) == found.identical or found.survival is not None
        return found

    def identical(self, run: str) -> float | None:
        """What the replay says of itself."""
        with RunStore(self.url, self.database) as store:
            return outcome_of(self.client, store.need(run), store.parts(run)).identical
