"""`python -m streams.testing.fuzzing`: mutated records through the codec and every stage."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from streams.testing.fuzzing.running import Finding, fuzz
from streams.testing.fuzzing.world import quietly


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 where everything held, 1 where a record did harm, which is shown with how to see it again."""
    parser = argparse.ArgumentParser(
        prog="python -m streams.testing.fuzzing",
        description="Push mutated records through the codec and every stage, in memory, among real neighbours.",
    )
    parser.add_argument("--records", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="what they are made from (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the counts as JSON")
    chosen = parser.parse_args(arguments)
    quietly()
    try:
        result = fuzz(chosen.records, chosen.seed, chosen.first)
    except Finding as found:
        print(found, file=sys.stderr)
        return 1
    counts = {**result.as_json(), "measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    text = json.dumps(counts, indent=2)
    if chosen.json is not None:
        chosen.json.write_text(text + "\n", encoding="utf-8")
    print(text)
    print(f"{result.records:,} records and {result.neighbours:,} neighbours in {result.cpu_seconds:.1f} s of computing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
