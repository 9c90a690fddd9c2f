"""What the benchmark of one hop found: records a second by contender, ratios within a round, and the page of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from infra.benches import plot
from infra.benches.frame import Spread
from infra.benches.hop_latency import Latency
from infra.benches.machine import Machine

GOAL: Final = 0.80
AVRO_GOAL: Final = 0.50
NAMES: Final = {
    "raw": "librdkafka in a bare loop",
    "stage": "a stage that does nothing",
    "raw_avro": "a bare loop with Avro",
    "stage_avro": "a stage with Avro",
    "faust": "Faust, one event at a time",
    "faust_best": "Faust at its best",
    "quix": "Quix Streams",
}


class Run(NamedTuple):
    """A contender, once. cpu_us: microseconds of its own process for each record."""

    per_s: float
    cpu_us: float


Found = Mapping[str, Sequence[Run]]
"""By contender, its runs, round by round."""


@dataclass(frozen=True)
class Result:
    """Records a second of each contender, and ratios taken within a round, so that a slow minute hits both sides.

    ratio: the stage to the raw loop, on bytes; the goal is 0.80. avro_ratio: the stage that decodes every record to an
    event and encodes it again, to the raw loop that does so with the same codec; the goal of 0.50 is held against it,
    since both do the same. avro_to_bytes_ratio: the same stage to the raw loop on bytes, which does less: what Avro
    costs; whether that reaches 0.50 too is told as well.
    p50_ms, p95_ms, p99_ms: through one stage at `latency_rate_per_s`. faust_per_s: one event at a time.
    quix_per_s: None where Quix Streams was left out; `quix_note` says why.
    """

    ratio: Spread
    avro_ratio: Spread
    avro_to_bytes_ratio: Spread
    raw_per_s: Spread
    stage_per_s: Spread
    raw_avro_per_s: Spread
    stage_avro_per_s: Spread
    faust_per_s: Spread
    faust_best_per_s: Spread
    quix_per_s: Spread | None
    quix_note: str
    p50_ms: float
    p95_ms: float
    p99_ms: float
    latency_rate_per_s: int
    cpu_us_per_record: Mapping[str, float]
    records: int
    record_bytes: Mapping[str, int]
    rounds: int
    machine: Machine
    limit: str

    @property
    def reached(self) -> Mapping[str, bool]:
        """Each goal, and whether the median reaches it."""
        others = [self.faust_per_s, self.faust_best_per_s, *([self.quix_per_s] if self.quix_per_s else [])]
        return {
            f"stage to raw on bytes ≥ {GOAL:.2f}": self.ratio.median >= GOAL,
            f"with Avro, stage to raw loop with Avro ≥ {AVRO_GOAL:.2f}": self.avro_ratio.median >= AVRO_GOAL,
            f"with Avro, stage to raw loop on bytes ≥ {AVRO_GOAL:.2f}": self.avro_to_bytes_ratio.median >= AVRO_GOAL,
            "ahead of every other framework": all(self.stage_per_s.median > other.median for other in others),
        }

    def by_name(self) -> dict[str, Spread]:
        """Records a second, of those that ran."""
        found = {name: getattr(self, f"{name}_per_s") for name in NAMES}
        return {name: spread for name, spread in found.items() if spread is not None}

    def page(self) -> str:
        """The whole HTML file."""
        figures = {
            "on bytes": (self.ratio.shown(2), f"of a bare loop; goal {GOAL:.2f}"),
            "with Avro": (self.avro_ratio.shown(2), f"of a bare loop with Avro; goal {AVRO_GOAL:.2f}"),
            "with Avro, of bytes": (self.avro_to_bytes_ratio.shown(2), "of a bare loop without Avro"),
            "a hop, p99": (f"{self.p99_ms:.1f} ms", f"p50 {self.p50_ms:.1f} ms, at {self.latency_rate_per_s:,}/s"),
        }
        table = plot.rows(
            ("", "records/s", "of raw on bytes", "µs of its processor a record"),
            [
                (
                    NAMES[name],
                    spread.shown(),
                    f"{spread.median / self.raw_per_s.median:.2f}",
                    f"{self.cpu_us_per_record[name]:.1f}",
                )
                for name, spread in self.by_name().items()
            ],
            caption=f"{self.rounds} rounds of {self.records:,} records; median, lowest to highest",
        )
        rounds = {NAMES[name]: list(enumerate(spread.values, 1)) for name, spread in self.by_name().items()}
        headline = f"A stage that does nothing does {self.ratio.median:.2f} of what a bare librdkafka loop does"
        by_round = plot.chart(rounds, "round", "records/s")
        told = [plot.section("Each contender", table), plot.section("Round by round", by_round)]
        return plot.report("One hop", headline, figures, self.machine, self.limit, *told)


def result_of(
    found: Found, late: Latency, rate: int, records: int, sizes: Mapping[str, int], here: Machine, quix_note: str
) -> Result:
    """The result of the rounds in `found`."""
    per_s = {name: Spread.of(round(run.per_s, 1) for run in runs) for name, runs in found.items()}
    cpu = {name: round(Spread.of(run.cpu_us for run in runs).median, 2) for name, runs in found.items()}
    ratio = _ratio(found, "stage", "raw")
    return Result(
        ratio=ratio,
        avro_ratio=_ratio(found, "stage_avro", "raw_avro"),
        avro_to_bytes_ratio=_ratio(found, "stage_avro", "raw"),
        **{f"{name}_per_s": per_s.get(name) for name in NAMES},  # type: ignore[arg-type]
        quix_note=quix_note,
        p50_ms=late.p50,
        p95_ms=late.p95,
        p99_ms=late.p99,
        latency_rate_per_s=rate,
        cpu_us_per_record=cpu,
        records=records,
        record_bytes=sizes,
        rounds=len(found["raw"]),
        machine=here,
        limit=_limit(cpu, ratio),
    )


def _ratio(found: Found, one: str, other: str) -> Spread:
    return Spread.of(round(a.per_s / b.per_s, 3) for a, b in zip(found[one], found[other], strict=True))


def _limit(cpu: Mapping[str, float], ratio: Spread) -> str:
    """What limits, by where a record's time goes."""
    more, avro = cpu["stage"] - cpu["raw"], cpu["stage_avro"] - cpu["stage"]
    return (
        f"librdkafka's own work limits the bytes: {cpu['raw']:.1f} µs a record in the bare loop, {more:+.1f} µs in the "
        f"stage (ratio {ratio.median:.2f}); with Avro, decoding to an event and encoding it do: {avro:+.1f} µs a record"
    )
