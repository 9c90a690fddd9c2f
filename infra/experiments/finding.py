"""What an experiment has come to: its exposure at any time, its effects and verdict only when it may be judged.

Whoever looks every day and stops when it looks good finds effects that are not there. So the effects are not even
worked out before as many sessions as were planned have come, and then of exactly those (docs/adr/0090).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from clickhouse_connect.driver.client import Client

from infra.comparing.result import Comparison, Verdict, as_json
from infra.experiments.effects import comparisons_of
from infra.experiments.exposure import Exposure, compared, exposure, rows_of
from infra.experiments.gate import gate_of
from infra.models.activation import when
from schemas.validation import TASKS
from streams.control import ControlView
from streams.experiments import ALWAYS, Experiment

State = Literal["planned", "running", "stopped", "called off"]
UNEVEN: Final = 0.001
"""Below this probability the arms are not dealt as planned, and nothing that is seen of them can be trusted."""
IMPURE: Final = 0.01
"""Above this share of strayed turns an arm is not what it is called."""


@dataclass(frozen=True)
class Finding:
    """Everything that `spillway experiment show` says.

    reached: sessions that count, of those planned. comparisons: each arm but the control, against the control; empty
    while the effects are withheld. warnings: what the reader must know before believing any of it.
    """

    name: str
    tenant: str
    state: State
    since: int
    until: int | None
    planned: int
    reached: int
    exposure: Exposure
    verdict: Verdict
    sentence: str
    warnings: tuple[str, ...] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Fit for JSON; the verdict and its sentence come first."""
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "name": self.name,
            "tenant": self.tenant,
            "state": self.state,
            "since": when(self.since),
            "until": None if self.until is None else when(self.until),
            "planned": self.planned,
            "reached": self.reached,
            "withheld": not self.comparisons,
            "exposure": {
                **asdict(self.exposure),
                "arms": [{**asdict(a), "contamination": a.contamination} for a in self.exposure.arms],
            },
            "warnings": list(self.warnings),
            "comparisons": {arm: as_json(comparison) for arm, comparison in self.comparisons.items()},
        }


def find_out(client: Client, experiment: Experiment, control: ControlView, now: int) -> Finding:
    """Reads the facts of an experiment's time, and judges it if it may be judged. Raises ClickHouse's errors."""
    rows = rows_of(client, experiment)
    shown, planned = exposure(experiment, rows), experiment.started.sessions
    counted = compared(rows, planned)
    state = state_of(experiment, now)
    warnings = [*_doubts(shown), *_meanwhile(experiment, control, now)]
    reasons = list(_doubts(exposure(experiment, counted)))
    comparisons: Mapping[str, Comparison] = {}
    if len(counted) < planned:
        reasons.insert(0, _too_few(len(counted), planned, state))
    gate = gate_of(experiment)
    if gate.left_out:
        names = ", ".join(dict.fromkeys(rule.metric for rule in gate.left_out))
        warnings.append(f"left out of the gate, since a live experiment has no figures of it: {names}")
    if counted and (len(counted) >= planned or state == "stopped"):
        comparisons = comparisons_of(client, experiment, counted, gate, now)
    verdict, sentence = _judged(comparisons, reasons)
    return Finding(
        experiment.name, experiment.tenant, state, experiment.since,
        None if experiment.until == ALWAYS else experiment.until, planned, len(counted), shown, verdict, sentence,
        tuple(warnings), comparisons,
    )  # fmt: skip


def state_of(experiment: Experiment, now: int) -> State:
    """By the time of the question, microseconds UTC."""
    if experiment.until <= experiment.since:
        return "called off"
    if now < experiment.since:
        return "planned"
    return "running" if now < experiment.until else "stopped"


def _judged(comparisons: Mapping[str, Comparison], reasons: list[str]) -> tuple[Verdict, str]:
    """The worst of the arms' verdicts; none where there is a reason against any."""
    if reasons or not comparisons:
        return "not_enough_evidence", "No verdict: " + "; ".join(reasons or ["there is nothing to compare"]) + "."
    order: tuple[Verdict, ...] = ("worse", "not_enough_evidence", "better_or_equal")
    worst = min(comparisons.values(), key=lambda comparison: order.index(comparison.verdict))
    return worst.verdict, worst.sentence


def _too_few(reached: int, planned: int, state: State) -> str:
    if state == "stopped":
        return f"it was stopped after {reached} of the {planned} sessions planned, so that its effects are only shown"
    return f"{reached} of the {planned} sessions planned have come, and effects are not shown before the last"


def _doubts(shown: Exposure) -> Iterator[str]:
    """Why nothing that is seen of the arms can be trusted."""
    if shown.mismatch is not None and shown.mismatch < UNEVEN:
        split = " to ".join(f"{arm.sessions}" for arm in shown.arms)
        yield f"the sessions are not dealt as planned ({split}, p = {shown.mismatch:.1g}): something loses some of them"
    for arm in shown.arms:
        if arm.contamination > IMPURE:
            parts = ", ".join(f"{part} of {turns}" for part, turns in arm.strayed_by)
            yield (
                f"{100 * arm.contamination:.1f} % of the turns of {arm.arm} were made by what is not its own ({parts} "
                "turns): is a bundle refused, or a worker too old? See: spillway status"
            )


def _meanwhile(experiment: Experiment, control: ControlView, now: int) -> Iterator[str]:
    """What was changed for every session while the experiment ran: the control followed it, the arms may not have."""
    until = min(experiment.until, now)
    activated = control.policies(experiment.tenant)
    policies = [policy.policy_fingerprint for policy in activated if _in(policy.effective_at, experiment, until)]
    models = [
        model.fingerprint or f"withdrawal for {task}"
        for task in TASKS
        for tenant in ("", experiment.tenant)
        for model in control.models(task, tenant)
        if _in(model.effective_at, experiment, until)
    ]
    if changed := [*policies, *models]:
        yield f"meanwhile there came into force, for every session without an arm's own: {', '.join(changed)}"


def _in(at: int, experiment: Experiment, until: int) -> bool:
    return experiment.since < at < until
