"""Experiments as events: what starts one, what stops one, and why one is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from infra.candidates.model import Candidate, TenantChange
from infra.local.errors import StackError
from processors.assignment import EVERY
from processors.policy import Rules
from processors.policy.check import rules_of
from schemas.events import (
    LIVE,
    ArmModel,
    ExperimentArm,
    ExperimentChanged,
    MadeBy,
    Meta,
    PolicyActivated,
)
from schemas.identity import uuid5
from schemas.validation import CONTROL_ARM, wrong_experiment
from streams.control import ControlView
from streams.experiments import ALWAYS, Arm, Experiment, Experiments

CANDIDATE_ARM: Final = "candidate"


class Plan(NamedTuple):
    """What is asked for. `share`: percent of the sessions that get the candidate; `sessions`: how many are planned.

    `excluded`: sessions that take no part; one that ends with `*` is every session that begins so.
    """

    name: str
    tenant: str
    share: float
    sessions: int
    excluded: tuple[str, ...] = ()


def start(
    plan: Plan,
    candidate: Candidate,
    models: Sequence[ArmModel],
    control: ControlView,
    effective_at: int,
    now: int,
    operator: str,
) -> ExperimentChanged:
    """The event that starts an experiment. `models`: the candidate's, as they lie in the model store.

    Raises StackError, with the remedy, where it cannot be: the tenant is not known, has an experiment, or had one of
    that name; the candidate changes nothing of this tenant, or something of another.
    """
    _refuse_a_second(plan, control)
    _refuse_what_only_replays_try(candidate)
    if not 0 < plan.share < 100:
        raise StackError(f"--share {plan.share:g} is not between 0 and 100: percent of the sessions for the candidate")
    live = _live(control, plan.tenant, now)
    if others := sorted(candidate.tenants.keys() - {plan.tenant}):
        raise StackError(
            f"candidate {candidate.name} changes {', '.join(others)}, but an experiment is one tenant's; "
            f"leave the files of others out, or give --tenant {others[0]}"
        )
    arm = _candidate_arm(plan.share, candidate.tenants.get(plan.tenant), live, models)
    id_ = uuid5(f"experiment|{plan.tenant}|{plan.name}|started|{effective_at}")
    meta = _meta(id_, plan.tenant, None, now, candidate.fingerprint)
    arms = (ExperimentArm(CONTROL_ARM, 100.0 - plan.share), arm)
    event = ExperimentChanged(
        meta, plan.name, "started", effective_at, arms, uuid5(f"{id_}|salt"), plan.sessions, plan.excluded,
        candidate.text, operator,
    )  # fmt: skip
    if wrong := wrong_experiment(event):
        raise StackError(f"experiment {plan.name} cannot start: {wrong}")
    _refuse_what_does_not_compile(event)
    return event


def stop(experiment: Experiment, effective_at: int, now: int, operator: str) -> ExperimentChanged:
    """The event that stops an experiment, or calls a planned one off. Raises StackError where it is over."""
    if experiment.until != ALWAYS:
        raise StackError(f"experiment {experiment.name} of {experiment.tenant} is over already")
    at = max(effective_at, experiment.since)
    id_ = uuid5(f"experiment|{experiment.tenant}|{experiment.name}|stopped|{at}")
    meta = _meta(id_, experiment.tenant, experiment.started.meta.event_id, now, "spillway")
    return ExperimentChanged(meta, experiment.name, "stopped", at, operator=operator)


def find(experiments: Experiments, name: str, tenant: str = "") -> Experiment:
    """The experiment of that name. Raises StackError where there is none, or several tenants have one."""
    found = [e for e in experiments if e.name == name and tenant in ("", e.tenant)]
    if len(found) == 1:
        return found[0]
    if found:
        owners = sorted({e.tenant for e in found})
        raise StackError(f"{', '.join(owners)} have an experiment {name}; say which with --tenant")
    known = sorted({f"{e.name} ({e.tenant})" for e in experiments})
    raise StackError(f"there is no experiment {name}; there are: {', '.join(known) or 'none'}")


def excluded_in(file: Path) -> tuple[str, ...]:
    """The sessions named in a file, one a line; empty lines and those that begin with # do not count."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise StackError(f"{file} cannot be read: {err}; write one session a line, as UTF-8") from err
    names = (line.strip() for line in lines)
    found = tuple(dict.fromkeys(name for name in names if name and not name.startswith("#")))
    for number, line in enumerate(lines, 1):
        if line.strip() == EVERY:
            raise StackError(f"{file}:{number}: {EVERY} would exclude every session; write how their names begin")
    return found


def _refuse_a_second(plan: Plan, control: ControlView) -> None:
    before = Experiments.of(control).of_tenant(plan.tenant)
    if any(e.name == plan.name for e in before):
        raise StackError(f"{plan.tenant} has had an experiment {plan.name} already; give this one a name of its own")
    running = next((e for e in before if e.until == ALWAYS), None)
    if running is not None:
        raise StackError(
            f"{plan.tenant} has an experiment already, {running.name}, and two at a time could not be told apart; "
            f"stop it first with: spillway experiment stop {running.name}"
        )


def _refuse_what_only_replays_try(candidate: Candidate) -> None:
    if candidate.prompt is not None:
        raise StackError(
            f"candidate {candidate.name} has a prompt of its own, which only a replay tries by itself: in an "
            "experiment it goes with a policy; put it in prompts/ of a copy of the tenant's folder, and write "
            "tenant: FOLDER"
        )
    if candidate.generation:
        raise StackError(
            f"candidate {candidate.name} has generating models, which an experiment cannot deal to its sessions: "
            "compare them in a replay, and put the better one in place with: spillway models swap"
        )


def _live(control: ControlView, tenant: str, now: int) -> PolicyActivated:
    versions = control.policies(tenant)
    if not versions:
        raise StackError(f"there is no tenant {tenant}; there are: {', '.join(sorted(control.tenants())) or 'none'}")
    return next((v for v in reversed(versions) if v.effective_at <= now), versions[0])


def _candidate_arm(
    share: float, change: TenantChange | None, live: PolicyActivated, models: Sequence[ArmModel]
) -> ExperimentArm:
    if change is None:
        return ExperimentArm(CANDIDATE_ARM, share, models=tuple(models))
    policy = (change.policy, change.policy_fingerprint) if change.policy is not None else live[1:3]
    prompts = change.prompts if change.policy is not None else live.prompts
    articles = (change.articles, change.knowledge_fingerprint) if change.articles is not None else live[3:5]
    return ExperimentArm(CANDIDATE_ARM, share, *policy, *articles, tuple(models), prompts)


def _refuse_what_does_not_compile(event: ExperimentChanged) -> None:
    for arm in event.arms:
        activated = Arm(event, arm).policy
        if activated is not None and not isinstance(rules := rules_of(activated), Rules):
            raise StackError("\n".join(str(problem) for problem in rules))


def _meta(id_: str, tenant: str, caused_by: str | None, now: int, fingerprint: str) -> Meta:
    return Meta(id_, tenant, "", None, None, LIVE, caused_by, now, None, MadeBy("operators", fingerprint))
