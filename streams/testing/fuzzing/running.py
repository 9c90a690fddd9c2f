"""Many worlds, one after another, each within a bound of computing time; and the record that does harm, found."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from types import FrameType
from typing import Any, Final

from streams.testing.fuzzing.mutants import Mutant, mutant
from streams.testing.fuzzing.world import World, alone, decodes

ROUND: Final = 500
"""Records in a world."""
BOUND: Final = 60.0
"""Seconds of computing that a world may take; usually it is a fifth of one. What takes longer would stall a stage."""
SHOWN: Final = 4000
"""Characters of hexadecimal bytes that a finding shows; the seed and number make the rest."""


class TookTooLong(RuntimeError):
    """A world took more computing time than it may."""


class Finding(AssertionError):
    """A record did harm. The message says which, what it did, and how to see it again."""

    def __init__(self, seed: int, harm: BaseException, found: Mutant | None, first: int, last: int) -> None:
        self.seed, self.harm, self.mutant = seed, harm, found
        what = f"{type(harm).__name__}: {harm}"
        command = f"python -m streams.testing.fuzzing --seed {seed}"
        if found is None:
            again = f"{command} --first {first} --records {last - first}"
            super().__init__(f"{what}\nby no record alone, but by {first} to {last - 1} together; again: {again}")
            return
        value = "none" if found.value is None else found.value.hex()
        cut = f"… ({len(value) // 2} bytes)" if len(value) > SHOWN else ""
        super().__init__(
            f"{what}\nrecord {found.number} of seed {seed}: {found.record}, {found.how}, on {found.topic}\n"
            f"key: {'none' if found.key is None else found.key[:200].hex()}\nvalue: {value[:SHOWN]}{cut}\n"
            f"again: {command} --first {found.number} --records 1"
        )


@dataclass
class Fuzzed:
    """What was pushed through. outcomes: of the mutants, `read` or why not. cpu_seconds: of this process, in all."""

    seed: int
    first: int
    records: int = 0
    neighbours: int = 0
    cpu_seconds: float = 0.0
    slowest_round: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    by_record: Counter[str] = field(default_factory=Counter)
    by_way: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Flat, but for the counts."""
        return {
            "records": self.records,
            "neighbours": self.neighbours,
            "seed": self.seed,
            "first": self.first,
            "cpu_seconds": round(self.cpu_seconds, 1),
            "slowest_round_s": round(self.slowest_round, 2),
            "outcomes": dict(sorted(self.outcomes.items())),
            "by_record": dict(sorted(self.by_record.items())),
            "by_way": dict(sorted(self.by_way.items())),
        }


def fuzz(
    records: int, seed: int = 0, first: int = 0, look: Callable[[World], None] = lambda _: None, bound: float = BOUND
) -> Fuzzed:
    """Pushes records `first` to `first + records` of a seed through worlds of 500. look: sees each world afterwards.

    Raises Finding for the first world in which anything does not hold.
    """
    result, began = Fuzzed(seed, first), time.process_time()
    numbers = iter(range(first, first + records))
    while chosen := [mutant(seed, n) for n in islice(numbers, ROUND)]:
        start, world = time.process_time(), World()
        try:
            with _within(bound):
                for each in chosen:
                    decodes(each)
                world.play(chosen)
                look(world)
        except Exception as harm:  # whatever it is, it is what is looked for
            culprit = next(alone(chosen), None)
            one, does = culprit if culprit is not None else (_named(chosen, harm), harm)
            raise Finding(seed, does, one, chosen[0].number, chosen[-1].number + 1) from harm
        result.records += len(chosen)
        result.neighbours += len(world.neighbours)
        result.outcomes += world.outcomes()
        result.by_record.update(each.record for each in chosen)
        result.by_way.update(each.how.partition(" ")[0] for each in chosen)
        result.slowest_round = max(result.slowest_round, time.process_time() - start)
    result.cpu_seconds = time.process_time() - began
    return result


def _named(chosen: list[Mutant], harm: BaseException) -> Mutant | None:
    number = getattr(harm, "number", None)
    return next((each for each in chosen if each.number == number), None)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raises TookTooLong in this thread after so much computing time, whatever else the machine does."""

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise TookTooLong(f"more than {seconds:g} s of computing time")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
