"""How long a replay took on the wall, and how many processes worked at it at once: told by what its parts took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

TOUCHING: Final = 0.05
"""Seconds by which one piece of a process may seem to begin before the piece before it ended."""


class Took(NamedTuple):
    """seconds: on the wall, from the first start to the last part, without pauses between a stop and a resume, and
    without work that was lost. processes: the most that worked at once.
    """

    seconds: float
    processes: int


def took(parts: Iterable[tuple[int, float]]) -> Took:
    """Of the parts of a run: when each was done (microseconds UTC), and how long its process had been at it (seconds).

    Hosts' clocks are taken to agree. Parts that are done again count as the last time.
    """
    spans = sorted((done_at / 1e6 - seconds, done_at / 1e6) for done_at, seconds in parts)
    seconds, until = 0.0, float("-inf")
    for start, end in spans:
        seconds += max(0.0, end - max(start, until))
        until = max(until, end)
    steps = sorted([(min(end, start + TOUCHING), 1) for start, end in spans] + [(end, -1) for _, end in spans])
    at_once = most = 0
    for _, step in steps:
        at_once += step
        most = max(most, at_once)
    return Took(round(seconds, 3), most)
