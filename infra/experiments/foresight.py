"""What an experiment of so many sessions could see, by the tenant's conversations of late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clickhouse_connect.driver.client import Client

from infra.comparing.data import read_turns, turns_between
from infra.comparing.mde import plans
from infra.comparing.metrics import METRICS
from infra.comparing.wording import change, phrase
from infra.experiments.gate import Gate
from infra.experiments.planning import Plan
from schemas.events import LIVE

LATELY: Final = 7 * 86_400 * 1_000_000
"""Microseconds that are looked back."""
USUAL: Final = ("handled_automatically", "handoff_rate", "sentiment_mean", "deadline_miss_rate")
"""What is foreseen where the candidate names no metric."""


def foreseen(client: Client, plan: Plan, gate: Gate, now: int) -> Iterator[str]:
    """A sentence for each metric of the gate, or of the usual ones; none without conversations to tell by.

    The difference that four of five such experiments would show, at 5 % shared by the metrics. Arms of unequal shares
    show what a smaller experiment of equal ones would.
    """
    turns = read_turns(client, LIVE, turns_between(plan.tenant, now - LATELY, now), decisions=False)
    share = plan.share / 100
    alike = int(plan.sessions * 4 * share * (1 - share))
    metrics = tuple(dict.fromkeys(rule.metric for rule in gate.rules)) or gate.metrics or USUAL
    for found in plans(turns, alike, metrics) if len(turns) else ():
        if found.unpaired is not None:
            unit = METRICS[found.metric].unit
            seen = change(found.unpaired, unit).lstrip("+")
            yield f"{phrase(found.metric)}: a difference of {seen} would be seen in four of five such experiments"
