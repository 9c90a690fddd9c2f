"""The arms' turns as columns, and each arm compared with the control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from clickhouse_connect.driver.client import Client

from infra.comparing.arms import compare_arms
from infra.comparing.data import Scope, read_turns
from infra.comparing.result import Comparison, RunInfo
from infra.comparing.table import Turns
from infra.experiments.exposure import SessionRow
from infra.experiments.gate import Gate
from schemas.events import LIVE
from schemas.validation import CONTROL_ARM, MAX_PAST
from streams.experiments import Arm, Experiment


def comparisons_of(
    client: Client, experiment: Experiment, counted: Sequence[SessionRow], gate: Gate, now: int
) -> dict[str, Comparison]:
    """Each arm but the control, against the control, by name. counted: the sessions that are compared. now: µs UTC."""
    turns = read_turns(client, LIVE, turns_of(experiment), decisions=False)
    of_arm = {arm.name: _of(turns, arm.name, counted) for arm in experiment.arms}
    control, *others = experiment.arms
    return {
        arm.name: compare_arms(
            of_arm[CONTROL_ARM],
            of_arm[arm.name],
            gate.rules,
            a_info=_info(experiment, control, of_arm[CONTROL_ARM], now),
            b_info=_info(experiment, arm, of_arm[arm.name], now),
            metrics=gate.metrics,
            seed=gate.seed,
        )
        for arm in others
    }


def turns_of(experiment: Experiment) -> Scope:
    """The live turns of the tenant whose message the log took while the experiment held."""
    return Scope(
        "tenant_id = {tenant:String} AND turn_started_at >= {earliest:UInt32} AND turn_id IN ("
        "SELECT turn_id FROM messages WHERE tenant_id = {tenant:String} AND run_id = {run:String} "
        "AND turn_started_at >= {earliest:UInt32} AND toUnixTimestamp64Micro(appended_at) >= {since:Int64} "
        "AND toUnixTimestamp64Micro(appended_at) < {until:Int64})",
        {
            "tenant": experiment.tenant,
            "earliest": max(0, (experiment.since - MAX_PAST) // 1_000_000),
            "since": experiment.since,
            "until": experiment.until,
        },
    )


def _of(turns: Turns, arm: str, counted: Sequence[SessionRow]) -> Turns:
    keys = np.array([row.key for row in counted if row.arm == arm], dtype=np.uint64)
    return turns.take(np.isin(turns.session, keys))


def _info(experiment: Experiment, arm: Arm, turns: Turns, now: int) -> RunInfo:
    name = f"{experiment.name}/{arm.name}"
    changed = (*(("policy",) if arm.policy is not None else ()), *sorted(arm.models))
    window = (experiment.since, min(experiment.until, now))
    return RunInfo(name, name, "complete", None, len(turns), turns.sessions, changed, window)

