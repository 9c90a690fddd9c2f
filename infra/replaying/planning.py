"""Before a replay: how small a difference its sessions can show in what its gate asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clickhouse_connect.driver.client import Client

from infra.comparing.data import Scope, read_turns
from infra.comparing.mde import Plan, plans
from infra.comparing.metrics import METRICS
from infra.replaying.definition import Asked
from schemas.events import LIVE

_BETWEEN: Final = (
    "turn_started_at >= fromUnixTimestamp64Micro({start:Int64}, 'UTC') AND "
    "turn_started_at < fromUnixTimestamp64Micro({end:Int64}, 'UTC') AND ({tenant:String} = '' OR "
    "tenant_id = {tenant:String})"
)


def plan(client: Client, asked: Asked) -> list[str]:
    """A line for each metric of the gate that can be planned for; none where there is no gate."""
    metrics = list(dict.fromkeys(rule.metric for rule in asked.candidate.gate))
    if not metrics:
        return []
    tenant = asked.selection.tenant or ""
    given = {"start": asked.window.start, "end": asked.window.end, "tenant": tenant}
    turns = read_turns(client, LIVE, Scope(_BETWEEN, given), decisions=False)
    sessions = min(asked.selection.sessions or turns.sessions, turns.sessions)
    if not sessions:
        return [f"the analytics has no sessions of this stretch yet: nothing can be said of {', '.join(metrics)}"]
    found = plans(turns, sessions, metrics, tests=len(metrics))
    unknown = [name for name in metrics if name not in {p.metric for p in found}]
    return [f"before the run, by {sessions} sessions:", *map(_line, found), *_unknown(unknown)]


def _line(found: Plan) -> str:
    paired = [(of, least) for of, least in found.paired if least is not None]
    shares = [f"{_amount(found.metric, least)} if it changes {100 * of:.0f} % of sessions" for of, least in paired]
    if not shares and found.unpaired is not None:
        shares = [f"{_amount(found.metric, found.unpaired)} between halves of them; paired by turn, less"]
    can = ", ".join(shares) if shares else "not known before the run"
    return f"  {found.metric}: {_amount(found.metric, found.now)} now; found with 80 %: {can}"


def _unknown(metrics: Sequence[str]) -> list[str]:
    return [f"  {name}: has no figure before the run" for name in metrics]


def _amount(metric: str, value: float) -> str:
    if METRICS[metric].unit == "share":
        return f"{100 * value:.2f} points"
    return f"{value:.3g} {METRICS[metric].unit}"
