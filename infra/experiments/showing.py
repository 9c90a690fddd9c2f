"""An experiment for people at a terminal, and its arms as a question to the analytics."""

from __future__ import annotations

from collections.abc import Iterator

from infra.comparing.result import Comparison
from infra.comparing.summary import headline, told
from infra.comparing.wording import MARKS, known, phrase, rule, way
from infra.experiments.exposure import ArmExposure
from infra.experiments.finding import Finding
from infra.models.activation import when
from projections.analytics.arms import arm_sql, quoted
from schemas.events import LIVE
from streams.experiments import ALWAYS, Experiment


def shown(finding: Finding) -> str:
    """Who is in which arm, what is doubtful, then the effects if they may be seen."""
    return "\n".join(_lines(finding))


def _lines(finding: Finding) -> Iterator[str]:
    until = "" if finding.until is None else f" to {when(finding.until)}"
    yield f"experiment {finding.name} of {finding.tenant}: {finding.state}, {when(finding.since)}{until}"
    yield finding.sentence
    yield ""
    yield f"sessions planned {finding.planned:,}, that count so far {finding.reached:,}"
    exposure = finding.exposure
    for arm in exposure.arms:
        yield _arm(arm, exposure.sessions)
    if exposure.mismatch is not None:
        yield f"dealt as planned: p = {exposure.mismatch:.3g} (chi-square; below 0.001 something is wrong)"
    if exposure.under_way or exposure.excluded:
        yield f"not compared: {exposure.under_way} sessions under way at the start, {exposure.excluded} excluded"
    for warning in finding.warnings:
        yield f"note: {warning}"
    for arm_name, comparison in finding.comparisons.items():
        yield ""
        yield from _effects(arm_name, comparison)


def _arm(arm: ArmExposure, sessions: int) -> str:
    got = arm.sessions / sessions if sessions else 0.0
    return (
        f"  {arm.arm:<12} {arm.sessions:>8,} sessions ({100 * got:.1f} % of {100 * arm.share:g} % planned), "
        f"{arm.turns:>8,} turns, {100 * arm.contamination:.2f} % made by another arm's version"
    )


def _effects(arm: str, comparison: Comparison) -> Iterator[str]:
    sessions = comparison.a.sessions, comparison.b.sessions
    yield f"{arm} ({sessions[1]:,} sessions) against control ({sessions[0]:,}): {headline(comparison.verdict).lower()}"
    for warning in comparison.warnings:
        yield f"note: {warning}"
    for finding in comparison.findings:
        yield f"  {finding.state:<8} {rule(finding.rule)}: {finding.why}"
    tested = [effect for effect in comparison.effects if known(effect.metric).tested]
    yield from (f"  {MARKS[way(effect)]} {told(effect)}" for effect in tested if effect.a != effect.b)
    if alike := [phrase(effect.metric) for effect in tested if effect.a == effect.b]:
        yield f"  the same in both: {', '.join(alike)}"


def arms_question(experiment: Experiment) -> str:
    """SQL: a row for each session with a message in the experiment's time, with its arm; "" takes no part."""
    until = "" if experiment.until == ALWAYS else f" AND appended_at < {_time(experiment.until)}"
    return f"""SELECT
    session_id,
    {arm_sql(experiment.started)} AS arm,
    count() AS messages,
    min(appended_at) AS first
FROM messages FINAL
WHERE tenant_id = {quoted(experiment.tenant)} AND run_id = {quoted(LIVE)}
    AND appended_at >= {_time(experiment.since)}{until}
GROUP BY session_id
ORDER BY first"""


def _time(micros: int) -> str:
    return f"fromUnixTimestamp64Micro({micros})"
