"""Two runs compared: read, paired turn by turn, tested by session, judged. Everything else here serves this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from clickhouse_connect.driver.client import Client
from numpy.typing import NDArray

from infra.comparing import runs
from infra.comparing.correction import corrected
from infra.comparing.data import ALL, Scope, read_turns, sessions_of_run, turn_ids
from infra.comparing.differences import different_turns, turn_differences
from infra.comparing.generation import generation_of
from infra.comparing.identity import confusions, curves, differing, identity_of, ranked, survival_of, survived
from infra.comparing.label_agreement import agreements, placed
from infra.comparing.labels import Labels
from infra.comparing.paired import cells_of, effects_of
from infra.comparing.resampling import FLIPS, RESAMPLES
from infra.comparing.result import Comparison, Effect, Rule, RuleFinding, Survival, Verdict
from infra.comparing.sentence import sentence_of, unfinished
from infra.comparing.table import Numbers, Pairs, Turns, Words, pair
from infra.comparing.values import Given, paired_values
from infra.comparing.verdict import findings_of, usual_gate, verdict_of, worsened
from infra.comparing.warnings import warnings_of
from schemas.events import LIVE

FREE_RUN: Final = "free-run"


class Scores(NamedTuple):
    """What others worked out of replies: likeness to people's, or what a judge preferred.

    metric: of METRICS. turn_ids: [n]; a, b: [n], both sides' values, NaN where there is none.
    """

    metric: str
    turn_ids: Sequence[str]
    a: NDArray[np.float64]
    b: NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """What chance leaves of the differences. `family`: how many tests were corrected over."""

    effects: tuple[Effect, ...]
    family: int
    findings: tuple[RuleFinding, ...]
    verdict: Verdict
    sentence: str


def compare(
    client: Client,
    run_a: str,
    run_b: str,
    gate: Sequence[Rule] = (),
    *,
    labels: Labels | None = None,
    judges: Sequence[Scores] = (),
    metrics: Sequence[str] = (),
    seed: int = 7,
    differences: int = 50,
) -> Comparison:
    """Compares run B with run A, each a replay or `live`, of which the turns count that the other run has.

    gate: what B must keep; without one, nothing may be worse beyond chance, and nothing by more than a little.
    metrics: those that are worked out besides the gate's, all where none are named. differences: how many turns are
    brought back in full. The same facts and seed give the same result.

    Raises projections.runs.store.NoSuchRun; clickhouse_connect's errors where the server is away.
    """
    known = runs.known(client, run_a), runs.known(client, run_b)
    scopes = sessions_of_run(run_b) if run_a == LIVE != run_b else ALL, sessions_of_run(run_a) if run_b == LIVE else ALL
    a, b = _sides(client, (run_a, run_b), scopes)
    everything = pair(a, b)
    counted, survival = _counted(everything, known)
    changed = {*known[0].changed, *known[1].changed}
    differ = differing(counted, changed)
    identity = identity_of(counted, differ, changed)
    asked = identity.different or labels is not None or judges
    ids = turn_ids(client, run_a if run_b == LIVE else run_b, counted.a.key if asked else counted.a.key[:0])
    given = _given(ids, labels, judges)
    same = identity.share == 1.0 and not (changed and known[0].candidate != known[1].candidate)
    statistics = _unfinished(known) or evaluate(
        counted, given, gate, seed, same=same, metrics=metrics, total=counted.a.sessions
    )
    infos = [
        k.info(len(side), side.sessions, runs.fingerprints(client, k.run_id, scope))
        for k, side, scope in zip(known, (a, b), scopes, strict=True)
    ]
    sources = runs.provenance(client, run_a), runs.provenance(client, run_b)
    most = ranked(counted, differ, differences)
    different = different_turns(ids, differ) if identity.different else {}
    return Comparison(
        a=infos[0],
        b=infos[1],
        mode=next((k.mode for k in reversed(known) if k.mode), "recorded"),
        paired_turns=len(counted.a),
        paired_sessions=counted.a.sessions,
        identity=identity,
        provenance=sources,
        survival=survival,
        effects=statistics.effects,
        family=statistics.family,
        confusions=confusions(counted),
        curves=curves(counted),
        agreements=agreements(counted, given, _satisfaction(ids, labels)),
        findings=statistics.findings,
        verdict=statistics.verdict,
        sentence=statistics.sentence,
        differences=turn_differences(client, (run_a, run_b), counted, most, different),
        different=tuple(different.values()),
        warnings=warnings_of(known, everything, counted, statistics.effects, sources, labels),
        gaps=_gaps(known),
        speed=(runs.speed(client, run_a), runs.speed(client, run_b)),
        seed=seed,
        generation=generation_of(counted),
    )


def evaluate(
    pairs: Pairs,
    given: Given,
    gate: Sequence[Rule],
    seed: int,
    *,
    same: bool = False,
    metrics: Sequence[str] = (),
    total: int | None = None,
    resamples: int = RESAMPLES,
    flips: int = FLIPS,
) -> Statistics:
    """The statistics of paired turns, wherever they come from. `same`: nothing was replaced and no decision differs."""
    values = paired_values(pairs, given)
    if metrics:
        asked = {*metrics, *(rule.metric for rule in gate)}
        values = {name: both for name, both in values.items() if name in asked}
    cells = cells_of(values, pairs)
    uncorrected, drawn = effects_of(cells, seed, resamples, flips)
    effects, family = corrected(uncorrected)
    findings = findings_of(gate or usual_gate(effects), cells, effects, drawn, same)
    worse = [] if gate else worsened(effects, of_customers=False)
    verdict = verdict_of(findings, worse)
    sessions = pairs.a.sessions if total is None else total
    sentence = sentence_of(verdict, findings, worse, sessions, bool(gate), same)
    return Statistics(tuple(effects), family, findings, verdict, sentence)


def _sides(client: Client, ids: tuple[str, str], scopes: tuple[Scope, Scope]) -> tuple[Turns, Turns]:
    """Both sides' turns; of `live` those that the other side has."""
    a, b = (read_turns(client, run, scope) for run, scope in zip(ids, scopes, strict=True))
    if ids[0] == LIVE != ids[1]:
        a = a.take(np.isin(a.key, b.key))
    elif ids[1] == LIVE != ids[0]:
        b = b.take(np.isin(b.key, a.key))
    return a, b


def _counted(pairs: Pairs, known: tuple[runs.Known, runs.Known]) -> tuple[Pairs, Survival | None]:
    """The pairs that count: in a free run, those whose customer still answers what the candidate said."""
    if FREE_RUN not in (known[0].mode, known[1].mode):
        return pairs, None
    rows = survived(pairs)
    return pairs.take(rows), survival_of(pairs, rows)


def _unfinished(known: tuple[runs.Known, runs.Known]) -> Statistics | None:
    """No figures and no verdict of a run that is not at its end: peeking is refused."""
    for run in known:
        if not run.finished:
            return Statistics((), 0, (), "not_enough_evidence", unfinished(run.run_id, run.parts_done, run.parts))
    return None


def _given(ids: Words, labels: Labels | None, judges: Sequence[Scores]) -> Given:
    """What others know of the pairs. ids: of the pairs, [n, 3]."""
    given = placed(labels.turns, ids[:, 2]) if labels is not None and labels.turns else Given()
    scores: dict[str, tuple[Numbers, Numbers]] = {}
    for found in judges:
        place_of = {turn: place for place, turn in enumerate(found.turn_ids)}
        places = np.array([place_of.get(turn, len(place_of)) for turn in ids[:, 2]], dtype=np.int64)
        scores[found.metric] = np.append(found.a, np.nan)[places], np.append(found.b, np.nan)[places]
    return replace(given, scores=scores)


def _satisfaction(ids: Words, labels: Labels | None) -> Numbers | None:
    """At each pair, how satisfied its session's customer was found; NaN where nobody said."""
    if labels is None or not labels.satisfaction:
        return None
    return np.array([labels.satisfaction.get(session, np.nan) for session in ids[:, 1]], dtype=float)


def _gaps(known: tuple[runs.Known, runs.Known]) -> tuple[Mapping[str, Any], ...]:
    """What retention had taken of either stretch, each gap once."""
    found = {str(sorted(gap.items())): gap for run in known for gap in run.gaps}
    return tuple(found.values())
