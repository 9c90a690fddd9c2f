"""Simulates: python -m streams.testing.simulation --seeds 10000 [--from N] [--jobs N] [--seed S] [--json FILE]."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from streams.testing.simulation.product import Product
from streams.testing.simulation.schedule import schedule_of
from streams.testing.simulation.story import story_of
from streams.testing.simulation.trial import Failure, all_failures, tried


def main(arguments: Sequence[str] | None = None) -> int:
    """Tries the seeds, and tells the story of the first that fails. 0: none did; 1: some did."""
    asked = _asked(arguments)
    if asked.seed is not None:
        product = Product()
        print(story_of(asked.seed, product))
        return 1 if tried(schedule_of(asked.seed), product) else 0
    began = time.perf_counter()
    show = None if asked.quiet or not sys.stderr.isatty() else _progress
    failures = all_failures(asked.first, asked.seeds, asked.jobs, progress=show)
    seconds = time.perf_counter() - began
    if asked.json is not None:
        asked.json.write_text(json.dumps(_figures(asked, failures, seconds), indent=2) + "\n", encoding="utf-8")
    took = f"{seconds:.1f} s, {asked.seeds / seconds:.0f} a second"
    print(f"{asked.seeds} schedules from seed {asked.first}: {len(failures)} failed; {took}")
    for failure in failures[:10]:
        print(f"  seed {failure.seed}: {', '.join(sorted({p.kind for p in failure.problems}))}")
    if failures:
        print()
        print(story_of(failures[0].seed, Product()))
    return 1 if failures else 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m streams.testing.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many schedules are tried")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N", help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes that try them")
    parser.add_argument("--seed", type=int, help="tell the story of this seed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    return parser.parse_args(arguments)


def _progress(done: int, failed: int) -> None:
    print(f"\r{done} tried, {failed} failed", end="", file=sys.stderr, flush=True)


def _figures(asked: argparse.Namespace, failures: Sequence[Failure], seconds: float) -> dict[str, object]:
    return {
        "schedules": asked.seeds,
        "first_seed": asked.first,
        "jobs": asked.jobs,
        "failed": len(failures),
        "seconds": round(seconds, 1),
        "schedules_per_s": round(asked.seeds / seconds, 1),
        "failures": [
            {"seed": f.seed, "problems": [p._asdict() for p in f.problems]} for f in failures
        ],
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


if __name__ == "__main__":
    sys.exit(main())
