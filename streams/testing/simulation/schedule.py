"""A schedule: what customers and operators do, who works on it, and everything that goes wrong meanwhile. Plain data.

Acts name what they do by numbers, which are taken modulo what is there when their turn comes; an act for which there is
nothing to do is passed over. So any part of a schedule is a schedule, and a failing one can be cut down to a story.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import Final, NamedTuple


class Input(NamedTuple):
    """Something from outside. `what`: message, feedback, close, return, policy, model. `session` and `text` are numbers
    among those that there are; `number` is its own, which it keeps when others are cut away."""

    number: int
    what: str
    session: int
    text: int


class Act(NamedTuple):
    """What happens next. `who` and `amount`: whom it concerns and how much, as the act takes them."""

    what: str
    who: int
    amount: int


class Schedule(NamedTuple):
    """`apart`: every stage has workers of its own; else each worker runs all stages. `workers`: of each kind.
    `late`: what sleeps, or is still on its way, comes after everything else was settled. `codec`: events go through
    their bytes. `anew`: when all was mended, every worker begins anew, and each session still has something to say.
    `skews`: milliseconds by which the workers' clocks differ from the log's."""

    seed: int
    partitions: int
    workers: int
    apart: bool
    late: bool
    codec: bool
    anew: bool
    skews: tuple[int, ...]
    deadline: float
    inputs: tuple[Input, ...]
    acts: tuple[Act, ...]


SKEW: Final = 200
"""Milliseconds at most: the product allows for 250 (`MARGIN`)."""
CODEC_EVERY: Final = 25
_ACTS: Final[dict[str, int]] = {
    "work": 40,
    "everyone": 7,
    "arrive": 14,
    "again": 2,
    "time": 8,
    "project": 6,
    "gateway": 3,
    "desk": 1,
    "control": 3,
    "model": 3,
    "late": 2,
    "crash": 3,
    "start": 3,
    "rebalance": 1,
    "move": 2,
    "pause": 3,
    "wake": 3,
    "fail": 2,
    "refuse": 1,
    "store": 1,
}
"""How often each is drawn, by the others."""
ACTS: Final = tuple(_ACTS)
_BOUNDS: Final = tuple(accumulate(_ACTS.values()))
_INPUTS: Final = ("message",) * 7 + ("close", "return", "feedback", "policy", "model")


def schedule_of(seed: int) -> Schedule:
    """The schedule of a seed; always the same."""
    random = Random(seed)
    chance, below = random.random, random.randrange
    sessions, wanted = (1, 1, 2, 3, 4)[below(5)], 3 + below(6)
    inputs: list[Input] = []
    messages = 0
    while messages < wanted:
        what = "message" if not inputs else _INPUTS[below(len(_INPUTS))]
        messages += what == "message"
        inputs.append(Input(len(inputs), what, below(sessions), below(1 << 16)))
    quiet = chance() < 0.15
    names = random.choices(ACTS, cum_weights=_BOUNDS, k=20 + below(80))
    if quiet:
        names = [n for n in names if n in ACTS[:11]]
    bits = random.getrandbits
    acts = tuple(Act(name, bits(12), bits(16)) for name in names)
    skews = tuple(below(2 * SKEW + 1) - SKEW for _ in range(3)) if chance() < 0.5 else (0,)
    return Schedule(
        seed,
        2 + below(2),
        1 + below(3),
        chance() < 0.5,
        chance() < 0.5,
        seed % CODEC_EVERY == 0,
        chance() < 0.4,
        skews,
        (0.6, 2.0, 5.0)[below(3)],
        tuple(inputs),
        acts,
    )
