"""The audit of a drill: the generator's manifest, every topic, PostgreSQL and ClickHouse, joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from clickhouse_connect.driver.client import Client

from infra.drills.audit import Audit, audit_records
from infra.settings import Settings
from infra.summary import come_to_rest
from projections.analytics.schema import TABLES, client_of
from projections.divergence import session_divergence, turn_divergence
from projections.ledger import ledger
from schemas.codec import Codec
from schemas.events import Record
from streams.log import Unreadable, read_to_end
from streams.topology import PROJECTIONS

REST: Final = 180.0
"""Seconds that stages and stores have to come to the end of the log."""
FACTS: Final = tuple(table for table in TABLES if table not in ("turn_parts", "log_index"))


@dataclass
class Verdict:
    """What is wrong, by name; nothing in a sound installation. Lists name turns and sessions.

    rows_twice: of each table of ClickHouse that has an id twice after its merge: how many. redelivered: raw repeats of
    what stages made.
    """

    events: int
    turns: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disorder: list[str] = field(default_factory=list)
    divergent: list[str] = field(default_factory=list)
    rows_twice: dict[str, int] = field(default_factory=dict)
    redelivered: int = 0
    contradictions: list[str] = field(default_factory=list)
    undecodable: int = 0
    unbalanced: list[str] = field(default_factory=list)
    """Why the ledger does not balance."""

    def problems(self) -> list[str]:
        """Every broken promise, in words."""
        found = [
            f"{len(listed)} {name}: {listed[:3]}"
            for name in ("lost", "doubled", "disorder", "divergent", "contradictions")
            if (listed := getattr(self, name))
        ]
        if self.rows_twice:
            found.append(f"rows twice in ClickHouse: {self.rows_twice}")
        found += [f"the ledger does not balance: {why}" for why in self.unbalanced]
        if not self.events:
            found.append("no message was acknowledged: the load did not run")
        return found


def verdict(settings: Settings, acknowledged: Iterable[str], sessions: str = "", codec: Codec | None = None) -> Verdict:
    """Waits until the installation has come to rest, and audits it.

    sessions: how the names of those begin that are looked at; the ledger is of all. Raises NotAtRest, KafkaException,
    and what the stores raise.
    """
    codec = codec or Codec()
    come_to_rest(settings, REST)
    records = read_to_end(settings.kafka, PROJECTIONS["analytics"], codec)
    found = audit_records(_of(records, sessions), acknowledged)
    return joined(settings, found, sessions, codec)


def joined(settings: Settings, found: Audit, sessions: str, codec: Codec) -> Verdict:
    """The audit of the log, with what the stores say."""
    stored = session_divergence(settings.kafka, settings.postgres, codec=codec)
    analysed = turn_divergence(settings.kafka, settings.clickhouse, codec=codec)
    divergent = {*stored.divergent, *analysed.divergent}
    with client_of(settings.clickhouse) as client:
        twice = rows_twice(client)
    sheet = ledger(settings.kafka, settings.clickhouse)
    return Verdict(
        events=found.messages,
        turns=found.turns,
        lost=sorted({*found.lost, *found.unknown_to_log}),
        doubled=found.doubled,
        disorder=["/".join(session) for session in found.disorder],
        divergent=sorted(f"{k.tenant_id}/{k.session_id}" for k in divergent if k.session_id.startswith(sessions)),
        rows_twice=twice,
        redelivered=sum(n for kind, n in found.redelivered.items() if kind != "MessageReceived"),
        contradictions=found.contradictions,
        undecodable=found.undecodable,
        unbalanced=sheet.problems,
    )


def rows_twice(client: Client) -> dict[str, int]:
    """Of each table: how many rows have an id that another row has, once all is merged; tables without are left out."""
    found = {}
    for table in FACTS:
        query = f"SELECT count() - uniqExact(tenant_id, run_id, session_id, event_id) FROM {table} FINAL"
        found[table] = int(client.query(query).result_rows[0][0])
    turns = "SELECT count() - uniqExact(tenant_id, run_id, session_id, turn_id) FROM turns"
    found["turns"] = int(client.query(turns).result_rows[0][0])
    return {table: count for table, count in found.items() if count}


def _of(records: Iterable[Record | Unreadable], sessions: str) -> Iterator[Record | Unreadable]:
    for record in records:
        if isinstance(record, Unreadable) or record.event.meta.session_id.startswith(sessions):
            yield record
