"""What is said of the turns of a drill: in time, generated, how long they took, how fairly the pool was shared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.generation_drills.turns import Turn
from infra.manifest import percentile

WINDOW: Final = 5.0
"""Seconds of turns over which a share is taken that changes with time."""
BACK: Final = 0.05
"""How much below its healthy level a share may be and count as back."""


@dataclass(frozen=True)
class Group:
    """Some turns in figures. Shares of 1; seconds from sending the message until the reply was in the log."""

    turns: int
    in_time: float
    generated: float
    p50: float | None
    p99: float | None


def group(turns: Sequence[Turn]) -> Group:
    """The figures of these turns; shares of none are 0."""
    seconds = sorted(t.seconds for t in turns if t.seconds is not None)
    times = [None if (p := percentile(seconds, s)) is None else round(p, 3) for s in (0.5, 0.99)]
    return Group(len(turns), share(turns, lambda t: t.in_time), share(turns, lambda t: t.made), *times)


def share(turns: Sequence[Turn], wanted: Callable[[Turn], bool]) -> float:
    """The share of the turns that are `wanted`, rounded down to five digits: 1.0 means all of them."""
    return sum(map(wanted, turns)) * 100_000 // len(turns) / 100_000 if turns else 0.0


def by(turns: Iterable[Turn], key: Callable[[Turn], str]) -> dict[str, Group]:
    """The same for each value of `key`, in order."""
    found: dict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        found[key(turn)].append(turn)
    return {name: group(found[name]) for name in sorted(found)}


def reasons(turns: Iterable[Turn]) -> dict[str, int]:
    """Why no model made the turns that none made, the most frequent first."""
    return dict(Counter(t.why for t in turns if not t.made).most_common())


def sent_between(turns: Iterable[Turn], begin: float, end: float) -> list[Turn]:
    """Those whose messages were sent from `begin` until before `end`, seconds UTC."""
    return [t for t in turns if begin <= t.asked.sent_at / 1e6 < end]


def back_after(turns: Sequence[Turn], since: float, healthy: float, until: float) -> float | None:
    """Seconds from `since` until the generated share was back: from there on a window has it at its healthy level.

    A window has the turns sent within five seconds. None where none before `until` has it. Seconds UTC.
    """
    step = 0.5
    for n in range(int(max(0.0, until - since - WINDOW) / step) + 1):
        at = since + n * step
        window = sent_between(turns, at, at + WINDOW)
        if window and share(window, lambda t: t.made) >= healthy - BACK:
            return at - since
    return None


def jain(shares: Sequence[float]) -> float:
    """Jain's index: 1 when all are equal, 1/n when one has everything; 0 of nothing."""
    return sum(shares) ** 2 / (len(shares) * sum(x * x for x in shares)) if any(shares) else 0.0


def entitled(wanted: Mapping[str, float], served: float) -> dict[str, float]:
    """What each would have of all that was served if nobody could have more without another having less, who has less.

    Max-min fairness: whoever wants less than an equal part has what it wants, and the rest is shared by the others.
    """
    found: dict[str, float] = {}
    left, waiting = served, sorted(wanted, key=lambda name: wanted[name])
    while waiting:
        name = waiting.pop(0)
        found[name] = min(wanted[name], left / (len(waiting) + 1))
        left -= found[name]
    return found


def fairness(turns: Sequence[Turn]) -> float:
    """Jain's index of what each tenant was generated, by what it was entitled to. In turns: a tenant's are alike."""
    wanted, made = Counter(t.asked.tenant for t in turns), Counter(t.asked.tenant for t in turns if t.made)
    entitlements = entitled({name: float(n) for name, n in wanted.items()}, float(made.total()))
    return jain([made[name] / part for name, part in entitlements.items() if part > 0])
