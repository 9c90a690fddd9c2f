"""One schedule tried: what was wrong with it, and its story; and many of them, side by side."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, NamedTuple

from streams.testing.simulation.audit import problems_of
from streams.testing.simulation.problem import Problem
from streams.testing.simulation.product import Product
from streams.testing.simulation.schedule import Schedule, schedule_of
from streams.testing.simulation.simulating import Simulation

SHARE: Final = 250
"""Seeds that a process is given at once."""
COLLECT_EVERY: Final = 40
"""Schedules after which garbage is collected; in between there is none worth the search."""
MakeProduct = Callable[[], Product]


class Failure(NamedTuple):
    """A seed, and what was wrong."""

    seed: int
    problems: tuple[Problem, ...]


def tried(schedule: Schedule, product: Product) -> list[Problem]:
    """What is wrong with the schedule when it is played; nothing, if every promise was kept."""
    run = Simulation(schedule, product)
    run.play()
    return problems_of(run)


def failures_among(seeds: Iterable[int], product: Product) -> Iterator[Failure]:
    """The seeds that fail, in their order."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        for count, seed in enumerate(seeds, 1):
            if problems := tried(schedule_of(seed), product):
                yield Failure(seed, tuple(problems))
            if count % COLLECT_EVERY == 0:
                gc.collect()
    finally:
        if was_on:
            gc.enable()


def all_failures(
    first: int,
    count: int,
    jobs: int = 1,
    make: MakeProduct = Product,
    progress: Callable[[int, int], None] | None = None,
) -> list[Failure]:
    """The failures among so many seeds, in their order. make: importable by its name, where there are several jobs.

    progress: called now and then with the seeds tried and those that failed.
    """
    shares = [range(at, min(at + SHARE, first + count)) for at in range(first, first + count, SHARE)]
    found: list[Failure] = []
    done = 0
    if jobs == 1:
        product = make()
        results: Iterator[list[Failure]] = (list(failures_among(share, product)) for share in shares)
        for share, failures in zip(shares, results, strict=True):
            found, done = [*found, *failures], done + len(share)
            if progress is not None:
                progress(done, len(found))
        return found
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        waiting = pool.map(_share, [(share, make) for share in shares])
        for share, failures in zip(shares, waiting, strict=True):
            found, done = [*found, *failures], done + len(share)
            if progress is not None:
                progress(done, len(found))
    return found


def _share(given: tuple[range, MakeProduct]) -> list[Failure]:
    seeds, make = given
    return list(failures_among(seeds, make()))
