"""How often a comparison cries wolf, and how often it misses one: trials with made-up or recorded conversations.

    python -m infra.comparing.power [--trials 200] [--sessions 5000] [--seed 7] [--run RUN] [--json FILE]

A/A: both sides have the same faults as often, and decide otherwise in many turns, so that there is something to
mistake. Paired, it is a candidate with symmetric noise against another; unpaired, the two disjoint halves of the
sessions. Planted: one side is worse by what ought to be found. All of it goes through `evaluate` and `compare_arms`,
which real comparisons go through. Exit code 1 where a bar is missed.

A false alarm is a verdict "worse", which is what a pipeline acts upon. That any effect at all is significant, for
better or for worse, is what the correction promises to happen in 5 % of A/A comparisons at most: it is held to that
too, as far as so many trials can tell.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from infra.comparing.arms import compare_arms
from infra.comparing.compare import evaluate
from infra.comparing.population import FAULTS, Fault, World, from_run, halves, played, simulated
from infra.comparing.result import Effect, Verdict
from infra.comparing.table import Pairs
from infra.comparing.verdict import worsened
from infra.evaluation.intervals import wilson

Way = Literal["paired", "halves"]
FALSE_ALARMS: Final = 0.05
FOUND: Final = 0.95
RESAMPLES: Final = 499
"""Of the intervals, which in trials serve the usual gate alone."""
_SEEN_BY: Final[dict[Fault, tuple[str, ...]]] = {
    "misrouted": ("label_agreement",),
    "slower": ("decision_p50", "decision_p95", "model_seconds"),
    "handoff": ("handoff_rate",),
}
_ABOUT: Final = {
    None: "nothing planted",
    "misrouted": "2 % of turns misrouted, judged by labels",
    "slower": "30 % slower",
    "handoff": "2 points more handoff",
}


class Trial(NamedTuple):
    """What is tried: a seed of its own, a way, and a fault or none."""

    seed: int
    number: int
    way: Way
    fault: Fault | None
    sessions: int


class Outcome(NamedTuple):
    """What came of it. named: the fault was seen in its own metric. any: some effect was significant, either way."""

    trial: Trial
    verdict: Verdict
    named: bool
    any: bool


@dataclass(frozen=True)
class Figure:
    """A share of trials with its Wilson interval at 95 %, and the bar, if it has one."""

    about: str
    count: int
    trials: int
    share: float
    low: float
    high: float
    bar: str
    kept: bool


_world: World | None = None


def tried(trial: Trial) -> Outcome:
    """One trial. The same trial comes out the same."""
    rng = np.random.default_rng([trial.seed, trial.number, len(_ABOUT[trial.fault]), trial.way == "halves"])
    world = simulated(trial.sessions, rng) if _world is None else _some_of(_world, trial.sessions, rng)
    return outcome_of(trial, *(_paired if trial.way == "paired" else _halves)(world, trial, rng))


def outcome_of(trial: Trial, effects: Sequence[Effect], verdict: Verdict) -> Outcome:
    """What a comparison's effects and verdict mean for a trial."""
    seen = {e.metric for e in worsened(effects, of_customers=trial.way == "halves") if e.scenario is None}
    named = trial.fault is not None and bool(seen & set(_SEEN_BY[trial.fault]))
    return Outcome(trial, verdict, named, any(e.significant for e in effects))


def _paired(world: World, trial: Trial, rng: np.random.Generator) -> tuple[Sequence[Effect], Verdict]:
    a, b = played(world, rng), played(world, rng, trial.fault)
    found = evaluate(Pairs(a, b, 0, 0), world.given, (), trial.seed + trial.number, resamples=RESAMPLES)
    return found.effects, found.verdict


def _halves(world: World, trial: Trial, rng: np.random.Generator) -> tuple[Sequence[Effect], Verdict]:
    sides = [world.some(half) for half in halves(world.sessions, rng)]
    a, b = played(sides[0], rng), played(sides[1], rng, trial.fault)
    given = sides[0].given, sides[1].given
    found = compare_arms(a, b, given=given, seed=trial.seed + trial.number, resamples=RESAMPLES)
    return found.effects, found.verdict


def _some_of(world: World, sessions: int, rng: np.random.Generator) -> World:
    """So many sessions of a run, drawn with replacement where it has fewer."""
    return world.some(rng.choice(world.sessions, sessions, replace=world.sessions < sessions))


def trials_of(trials: int, sessions: int, seed: int) -> list[Trial]:
    """All trials: A/A in both ways, each fault paired, and some of it unpaired, on as many sessions for each arm."""
    planned: list[tuple[Way, Fault | None, int, int]] = [("paired", None, trials, sessions)]
    planned += [("halves", None, trials, sessions)]
    planned += [("paired", fault, trials, sessions) for fault in FAULTS]
    planned += [("halves", fault, max(1, trials // 8), 2 * sessions) for fault in FAULTS]
    return [Trial(seed, n, way, fault, size) for way, fault, count, size in planned for n in range(count)]


def figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    """The figures, in the order of the trials."""
    found = []
    for way, fault in dict.fromkeys((o.trial.way, o.trial.fault) for o in outcomes):
        here = [o for o in outcomes if (o.trial.way, o.trial.fault) == (way, fault)]
        size = here[0].trial.sessions
        how = f"{size} sessions, paired" if way == "paired" else f"{size} sessions, in disjoint halves"
        if fault is None:
            worse = sum(o.verdict == "worse" for o in here)
            found.append(_figure(f"A/A, {how}: verdict worse", worse, len(here), most=FALSE_ALARMS))
            some = sum(o.any for o in here)
            found.append(_figure(f"A/A, {how}: any effect significant", some, len(here), nominal=FALSE_ALARMS))
        else:
            caught = sum(o.verdict == "worse" and o.named for o in here)
            least = FOUND if way == "paired" else None
            found.append(_figure(f"{_ABOUT[fault]}, {how}: found", caught, len(here), least=least))
    return found


def _figure(
    about: str,
    count: int,
    of: int,
    most: float | None = None,
    least: float | None = None,
    nominal: float | None = None,
) -> Figure:
    """most, least: bars for the share itself. nominal: what it is by design, so that it lies above as often as below;
    missed where even the low end of its interval is above.
    """
    estimate = wilson(count, of)
    assert estimate is not None
    bars = {"at most": (most, estimate.value), "at most, but for chance,": (nominal, estimate.low)}
    above = [f"{words} {bar:.0%}" for words, (bar, _) in bars.items() if bar is not None]
    kept = all(value <= bar for bar, value in bars.values() if bar is not None)
    if least is not None:
        above, kept = [f"at least {least:.0%}"], kept and estimate.value >= least
    return Figure(about, count, of, estimate.value, estimate.low, estimate.high, " and ".join(above), kept)


def _begin(world: World | None) -> None:
    global _world
    _world = world
    gc.freeze()  # the correction collects garbage each time, which takes longer than the correction


def run_all(trials: Sequence[Trial], world: World | None, workers: int) -> Iterator[Outcome]:
    """Every trial's outcome, as they come."""
    if workers <= 1:
        _begin(world)
        yield from map(tried, trials)
        return
    with multiprocessing.get_context("spawn").Pool(workers, _begin, (world,)) as pool:
        yield from pool.imap_unordered(tried, trials, chunksize=4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it and prints the figures. Returns the exit code."""
    asked = _parser().parse_args(arguments)
    # One thread a worker: the workers are the parallelism. Set before the workers load numpy.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    world = _recorded(asked.run, asked.data) if asked.run else None
    trials = trials_of(asked.trials, asked.sessions, asked.seed)
    begun = time.monotonic()
    outcomes = []
    for outcome in run_all(trials, world, asked.workers):
        outcomes.append(outcome)
        if sys.stderr.isatty() or len(outcomes) % 50 == 0:
            print(f"\r{len(outcomes)} of {len(trials)} trials", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    order = {trial: n for n, trial in enumerate(trials)}
    found = figures(sorted(outcomes, key=lambda o: order[o.trial]))
    took = time.monotonic() - begun
    for figure in found:
        verdict = "" if not figure.bar else f"  {'kept' if figure.kept else 'MISSED'}: {figure.bar}"
        interval = f"{figure.low:6.1%} to {figure.high:6.1%}"
        print(f"{figure.about:84} {figure.count:4} of {figure.trials:4}  {figure.share:6.1%} ({interval}){verdict}")
    print(f"{len(trials)} trials in {took:.0f} s with {asked.workers} workers")
    if asked.json:
        document: dict[str, Any] = {"seed": asked.seed, "run": asked.run, "figures": [asdict(f) for f in found]}
        asked.json.write_text(json.dumps({**document, "seconds": round(took, 1)}, indent=2) + "\n", "utf-8")
    return 0 if all(figure.kept for figure in found) else 1


def _recorded(run: str, data: Path | None) -> World:
    """The sessions of a run of this installation."""
    from infra.comparing.data import read_turns
    from infra.settings import DEFAULT_DATA, Settings
    from projections.analytics.schema import client_of

    with client_of(Settings.find(data or DEFAULT_DATA).clickhouse) as client:
        world = from_run(read_turns(client, run, decisions=False))
    if not world.sessions:
        raise SystemExit(f"the run {run!r} has no turns; see: spillway runs list")
    return world


def _parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    about = argparse.ArgumentParser(prog="python -m infra.comparing.power", description=__doc__.split("\n")[0])
    about.add_argument("--trials", type=int, default=200, help="of each A/A, and of each planted fault")
    about.add_argument("--sessions", type=int, default=5_000, help="in each comparison")
    about.add_argument("--seed", type=int, default=7)
    about.add_argument("--run", help="take the sessions of this run instead of making them up")
    about.add_argument("--data", type=Path, help="the installation's data folder, for --run")
    about.add_argument("--json", type=Path, help="write the figures to this file")
    about.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    return about


if __name__ == "__main__":
    sys.exit(main())
