"""What a run has come to, from what is stored of it: the same figures after a resume, but for times of running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from clickhouse_connect.driver.client import Client

from infra.replaying.definition import Definition
from infra.replaying.moments import shown
from infra.replaying.work import SPENT_ON
from projections.runs import Part, Run, took
from streams.replay.stretch import Gap

_TURNS: Final = """
SELECT
    count(),
    uniqExact(tenant_id, session_id),
    countIf(empty(arrayFilter(d -> NOT has({expected:Array(String)}, d), differs))),
    countIf(NOT arrayExists(d -> arrayExists(t -> startsWith(d, t), {untouched:Array(String)}), differs)),
    countIf(on_policy),
    max(score_difference),
    sum(tokens)
FROM run_turns FINAL WHERE run_id = {run:String}
"""
_COUNTS: Final = """
SELECT part, count() FROM run_turns FINAL ARRAY JOIN {column:Identifier} AS part
WHERE run_id = {run:String} GROUP BY part ORDER BY count() DESC, part
"""
_EXPECTED: Final = {
    "intent": ("scores",),
    "sentiment": ("scores",),
    "policy": ("policy", "reply.policy"),
    "knowledge": ("knowledge", "reply.knowledge"),
}


@dataclass(frozen=True)
class Outcome:
    """A run as it stands.

    identical: the share of turns decided as recorded; what must differ, since it names what was replaced, or is another
    model's score, is left out of it and of `differs`. untouched: the share of turns whose signals of models that the
    candidate leaves alone are as recorded. differs, recomputed, served, missing: turns by field, part, part, effect.
    seconds: where the time went, added over all processes. took_seconds, processes: on the wall, and how many worked at
    once (projections.runs.took). digests: of the facts, by partition.
    """

    run_id: str
    status: str
    mode: str
    candidate: str
    changed: tuple[str, ...]
    window: tuple[str, str]
    conversations: int
    turns: int
    records: int
    partitions: int
    partitions_done: int
    identical: float | None
    untouched: float | None
    on_policy: float | None
    score_difference: float
    tokens: int
    differs: Mapping[str, int]
    recomputed: Mapping[str, int]
    served: Mapping[str, int]
    missing: Mapping[str, int]
    counts: Mapping[str, int]
    gaps: Sequence[Gap]
    digests: Mapping[int, str]
    seconds: Mapping[str, float] = field(default_factory=dict)
    took_seconds: float = 0.0
    processes: int = 0

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {**asdict(self), "gaps": [gap._asdict() for gap in self.gaps]}


def outcome_of(client: Client, run: Run, parts: Mapping[int, Part]) -> Outcome:
    """The outcome of a run, as far as it has come."""
    definition = Definition.of(run)
    changed = tuple(sorted(definition.asked.candidate.changed))
    untouched = [task for task in ("intent", "sentiment", "entities") if task not in changed]
    expected = sorted({name for what in changed for name in _EXPECTED.get(what, ())})
    given = {"run": run.run_id, "untouched": untouched, "expected": expected}
    turns, conversations, same, left, on_policy, score, tokens = client.query(_TURNS, given).result_rows[0]

    def share(count: int) -> float | None:
        return count / turns if turns else None

    def counts(column: str) -> dict[str, int]:
        return dict(client.query(_COUNTS, {"run": run.run_id, "column": column}).result_rows)  # type: ignore[arg-type]

    window = definition.asked.window
    wall = took((part.done_at, sum(part.seconds.values())) for part in parts.values())
    return Outcome(
        run_id=run.run_id,
        status=run.status,
        mode=run.mode,
        candidate=run.candidate,
        changed=changed,
        window=(shown(window.start), shown(window.end)),
        conversations=conversations,
        turns=turns,
        records=sum(part.records for part in parts.values()),
        partitions=len(run.partitions),
        partitions_done=len(parts),
        identical=share(same),
        untouched=share(left),
        on_policy=share(on_policy),
        score_difference=score,
        tokens=tokens,
        differs={name: n for name, n in counts("differs").items() if name not in expected},
        recomputed=counts("recomputed"),
        served=counts("served"),
        missing=counts("missing_effects"),
        counts=_added([part.counts for part in parts.values()]),
        gaps=definition.gaps,
        digests={n: part.digest for n, part in sorted(parts.items())},
        seconds=_spent([part.seconds for part in parts.values()]),
        took_seconds=wall.seconds,
        processes=wall.processes,
    )


def _added(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(each.get(name, 0) for each in counts) for name in sorted({n for each in counts for n in each})}


def _spent(seconds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(sum(each.get(name, 0.0) for each in seconds), 3) for name in SPENT_ON}
