"""Drills and measurements of generation, each on a stack of its own: what `spillway bench generation` runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from infra.generation_drills.burst_drill import BurstPlan, BurstReport, burst_drill
from infra.generation_drills.fault_drill import FaultReport, Plan, a_load, drill
from infra.generation_drills.faults import NAMES
from infra.generation_drills.overhead import Overhead, measure_overhead
from infra.generation_drills.server import MODEL, Server
from infra.generation_drills.stack import a_stack, set_pool
from infra.generation_drills.swap_drill import SwapPlan, SwapReport, swap_drill
from infra.generation_drills.tenants import names
from infra.generation_drills.turns import read_turns
from infra.local.errors import StackError
from infra.local.stack import LocalStack
from infra.summary import come_to_rest
from infra.wiring import build_codec

BIG_SHARE: Final = 0.2
"""Of the usual load: the tenant that bursts."""
LONG: Final = 60.0
"""Seconds for a turn where only speed is measured."""
CAPACITY_SECONDS: Final = 15.0
PROMPT_AND_REPLY: Final = 430
"""Tokens that a turn of the drills reserves: prompt and reply."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """rate: turns a second of all tenants; None: half of what the pool makes, measured first. slots: turns that the
    pool makes at once. token_ms: of the healthy model, whose first token takes ten times as long. seconds: of a burst,
    and of a round of the overhead. wanted: the faults. generator: what makes the model's text; one that only
    quotes is as fast as it is told (docs/adr/0129)."""

    tenants: int = 12
    rate: float | None = None
    deadline: float = 8.0
    token_ms: float = 15.0
    slots: int = 16
    seconds: float = 60.0
    rounds: int = 3
    swaps: int = 2
    at_once: Sequence[int] = (16,)
    wanted: Sequence[str] = NAMES
    seed: int = 1
    data: Path | None = None
    generator: str = "extractive"

    @property
    def knobs(self) -> dict[str, str]:
        """Of the model: its speed is set, so that a drill says the same of every machine that is fast enough."""
        times = {"token_ms": f"{self.token_ms:g}", "first_token_ms": f"{self.token_ms * 10:g}"}
        return {"generator": self.generator, "slots": str(self.most), **times}

    @property
    def most(self) -> int:
        """Requests that the server takes at once: more than any pool here has."""
        return max(self.slots, *self.at_once, 64)


def pool(turns: int, model: str = MODEL) -> dict[str, Any]:
    """The stage's settings for so many turns at once of a model."""
    everything = turns * PROMPT_AND_REPLY
    tenant, replay = max(PROMPT_AND_REPLY, everything * 2 // 5), max(1, everything // 5)
    return {
        "small_model": {"name": model},
        "caps": {"everything": everything, "tenant": tenant, "turns": turns, "replay": replay},
        "queue": {"everything": everything * 8, "tenant": everything * 4, "wait": 6.0, "quantum": PROMPT_AND_REPLY},
    }


@contextmanager
def running(how: How, say: Say, deadline: float | None = None) -> Iterator[tuple[LocalStack, Server]]:
    """A stack with the tenants of the drills, its model as `how` says."""
    tenants = names(how.tenants)
    with a_stack(tenants, deadline or how.deadline, pool(how.slots), how.data, say) as stack:
        server = Server(stack, how.knobs)
        server.set_knobs()
        yield stack, server


def half_of_capacity(stack: LocalStack, how: How, say: Say) -> float:
    """Turns a second: half of what the pool makes when all of its places are taken, by how long a turn takes one."""
    if how.rate is not None:
        return how.rate
    settings = stack.settings()
    rates = dict.fromkeys(names(how.tenants), 0.0)
    with a_load(settings, rates, LONG, at_once=max(1, how.slots // 2)) as load:
        time.sleep(CAPACITY_SECONDS)
        asked = load.finish()
    come_to_rest(settings, patience=120)
    turns = read_turns(settings.kafka, asked, build_codec(settings))
    taken = [t.generated.seconds for t in turns if t.made and t.generated is not None]
    if not taken:
        raise StackError("models make no replies on this stack; see the logs of generation and triton (--data DIR)")
    capacity = how.slots / statistics.mean(taken)
    say(f"a turn takes {statistics.mean(taken):.2f} s: the pool makes {capacity:.1f} a second, half of it is the load")
    return capacity / 2


def even(how: How, rate: float) -> dict[str, float]:
    """The rate dealt among the tenants."""
    return dict.fromkeys(names(how.tenants), rate / how.tenants)


def uneven(how: How, rate: float) -> dict[str, float]:
    """The same, the first tenant having a fifth of it."""
    first, *rest = names(how.tenants)
    return {first: rate * BIG_SHARE, **dict.fromkeys(rest, rate * (1 - BIG_SHARE) / len(rest))}


def run_faults(stack: LocalStack, server: Server, how: How, rate: float, say: Say) -> FaultReport:
    """The drill of faults, at this rate."""
    plan = Plan(even(how, rate), how.deadline, how.token_ms, wanted=how.wanted, seed=how.seed)
    return drill(stack, server, plan, say)


def run_swaps(stack: LocalStack, how: How, rate: float, say: Say) -> SwapReport:
    """Swaps under this load."""
    return swap_drill(stack, SwapPlan(even(how, rate), how.deadline, how.knobs, how.swaps, seed=how.seed + 1), say)


def run_burst(stack: LocalStack, how: How, rate: float, say: Say) -> BurstReport:
    """The burst of one tenant on top of this load."""
    rates = uneven(how, rate)
    first = names(how.tenants)[0]
    plan = BurstPlan(rates, first, how.deadline, how.seconds, rounds=how.rounds, seed=how.seed + 2)
    return burst_drill(stack, plan, say)


def run_overhead(how: How, say: Say, model: str = MODEL, triton: str = "") -> list[Overhead]:
    """Straight and through, at each concurrency, on a stack whose turns have time.

    triton: a server elsewhere, HOST:PORT, that serves `model`; "": the stack's own. Only its own `small` gets a speed.
    """
    found, tenants = [], names(how.tenants)
    with a_stack(tenants, LONG, pool(how.slots, model), how.data, say, triton) as stack:
        url = stack.settings().triton or ""
        if model == MODEL and not triton:
            Server(stack, how.knobs).set_knobs()
        for at_once in how.at_once:
            set_pool(stack, pool(at_once, model))
            found.append(measure_overhead(stack, url, model, tenants, LONG, at_once, how.rounds, how.seconds, say))
    return found


def as_plain(found: Any) -> Any:
    """A report, or a list of them, as values for JSON."""
    return [asdict(each) for each in found] if isinstance(found, list) else asdict(found)
