"""What a play did to an installation, from the log and the stores, held against what the generator sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from infra.drills.audit import Audit, audit
from infra.local.inspection import group_lags
from infra.manifest import Manifest, Sent, percentiles
from infra.settings import Settings
from infra.wiring import build_codec
from projections.analytics.schema import client_of
from projections.divergence import session_divergence, turn_divergence
from projections.ledger import ledger
from projections.progress import behind
from schemas.codec import Codec
from streams.topology import CHAINS, STAGES

REST: Final = 90.0
"""Seconds that the projections have to come to the end of the log."""

TURNS: Final = """
SELECT turn_id, scenario, lang, rung, handoff, latency_ms, text, disposition
FROM turns WHERE run_id = 'live' AND startsWith(session_id, {play:String})
"""
FRESHNESS: Final = """
SELECT quantiles(0.5, 0.95)(dateDiff('millisecond', appended_at, inserted_at))
FROM log_index FINAL WHERE appended_at >= fromUnixTimestamp64Micro({since:Int64})
"""
DEAD: Final = "SELECT uniqExact(event_id) FROM dead_letters WHERE run_id = 'live'"


class NotAtRest(RuntimeError):
    """The installation did not come to rest in time; the message says what is how far behind."""


def come_to_rest(
    settings: Settings, patience: float = REST, look: Callable[[Mapping[str, int]], None] | None = None
) -> None:
    """Waits until every stage and both stores are at the end of the log, and no turn is open. Raises NotAtRest."""
    end = time.monotonic() + patience
    while lag := _open_work(settings):
        if look is not None:
            look(lag)
        if time.monotonic() > end:
            raise NotAtRest(f"after {patience:.0f} s still open: {lag}; look at: spillway status, spillway logs")
        time.sleep(0.2)


def _open_work(settings: Settings) -> dict[str, int]:
    """What is not done yet: records that a stage or a store has before it, or else turns without a disposition."""
    groups = {spec.group for spec in STAGES} | {chain.group for chain in CHAINS}
    lag = {name: n for name, n in group_lags(settings.kafka).items() if n and name in groups}
    lag |= {name: n for name, n in behind(settings.kafka, settings.postgres, settings.clickhouse).items() if n}
    if lag:
        return lag
    in_flight = int(ledger(settings.kafka, settings.clickhouse).totals["in_flight"])
    return {"turns in flight": in_flight} if in_flight else {}


def summarise(settings: Settings, manifest: Manifest, parts: Mapping[str, str], seconds: float) -> dict[str, Any]:
    """The summary of a play that has come to rest; every figure is computed from the log and the stores.

    `reconciled` lists where the stores tell another story than the manifest; it is empty in a sound installation.
    """
    client = client_of(settings.clickhouse)
    sent = manifest.messages
    turns = _turns(client, manifest)
    codec = build_codec(settings)
    found = audit(settings.kafka, [m.event_id for m in sent if m.acknowledged], codec)
    since = min((m.sent_at for m in sent), default=0)
    freshness = _one(client, FRESHNESS, {"since": since})
    replied = [t for t in turns.values() if t["rung"]]
    latencies = sorted(t["latency_ms"] for t in replied if t["latency_ms"] is not None)
    return {
        "conversations": len({(m.tenant, m.session) for m in sent}),
        "messages": len(turns),
        "duplicates_sent": sum(m.repeats for m in sent),
        "replies": len(replied),
        "by_rung": _count(replied, "rung"),
        "by_scenario": _count(list(turns.values()), "scenario"),
        "by_language": _count(list(turns.values()), "lang"),
        "scenario_accuracy": _accuracy(sent, turns),
        "handoffs": sum(t["handoff"] for t in turns.values()),
        "dead_letters": _one(client, DEAD),
        "ledger": dict(ledger(settings.kafka, settings.clickhouse).totals),
        "latency_ms": percentiles(latencies, digits=1),
        "freshness_ms": {"p50": round(freshness[0], 1), "p95": round(freshness[1], 1)},
        "divergence": _divergent(settings, codec),
        "audit": {k: v for k, v in asdict(found).items() if k != "messages"},
        "reconciled": _reconcile(sent, turns, found),
        "parts": dict(parts),
        "seconds": round(seconds, 1),
    }


def _one(client: Any, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
    return client.query(sql, parameters).result_rows[0][0]


def _turns(client: Any, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The play's turns as the analytics has them: its sessions are named after it."""
    rows = client.query(TURNS, {"play": f"{manifest.play_id}."}).named_results()
    return {row["turn_id"]: row for row in rows}


def _count(turns: Sequence[Mapping[str, Any]], column: str) -> dict[str, int]:
    return dict(Counter(str(t[column]) for t in turns).most_common())


def _accuracy(sent: Sequence[Sent], turns: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The share of labelled turns, of those the bot answers, that were routed to their label's scenario."""
    answered = [m for m in sent if m.label and not m.with_human and m.event_id in turns]
    judged = [(m.label, turns[m.event_id]["scenario"]) for m in answered]
    return round(sum(label == routed for label, routed in judged) / len(judged), 4) if judged else None


def _divergent(settings: Settings, codec: Codec) -> int:
    """Sessions whose stored state differs from a fresh fold of the log, in either store."""
    stored = session_divergence(settings.kafka, settings.postgres, codec=codec)
    analysed = turn_divergence(settings.kafka, settings.clickhouse, codec=codec)
    return len({*stored.divergent, *analysed.divergent})


def _reconcile(sent: Sequence[Sent], turns: Mapping[str, Mapping[str, Any]], found: Audit) -> list[str]:
    """Every way in which manifest, log and stores disagree, in words."""
    wrong = []
    if missing := [m.event_id for m in sent if m.acknowledged and m.event_id not in turns]:
        wrong.append(f"{len(missing)} acknowledged messages are no turn in the analytics: {missing[:3]}")
    if others := [m.event_id for m in sent if m.reply and turns.get(m.event_id, {}).get("rung") != m.reply.rung]:
        wrong.append(f"{len(others)} customers got another rung than the analytics has: {others[:3]}")
    for name in ("lost", "doubled", "disorder", "unknown_to_log"):
        if listed := getattr(found, name):
            wrong.append(f"{len(listed)} {name}: {listed[:3]}")
    return wrong
