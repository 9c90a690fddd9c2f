"""Measures one hop: the shipped data plane against a bare librdkafka loop, Faust and Quix Streams, and its latency."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from infra.benches.copying import copied, fill, new_topics, random_records
from infra.benches.frame import Say
from infra.benches.hop_latency import measure_latency
from infra.benches.hop_records import AVRO, BYTES, events
from infra.benches.hop_result import Result, Run, result_of
from infra.benches.machine import Machine, machine
from infra.local.errors import PartMissing

PATIENCE: Final = 180.0
"""Seconds that a contender may take."""
WARM_UP: Final = 0.2
"""Of a round's records, in the round that does not count: the broker's caches and its compiler get warm."""
QUIX: Final = Path(__file__).with_name("quix_hop.py")


class Contender(NamedTuple):
    """copies: which records. share: of a round's records, at least `least`: less for the slow ones."""

    name: str
    copies: str = BYTES
    share: float = 1.0
    least: int = 10_000


CONTENDERS: Final = (
    Contender("raw"),
    Contender("stage"),
    Contender("raw_avro", AVRO),
    Contender("stage_avro", AVRO),
    Contender("faust", share=0.02, least=1000),
    Contender("faust_best", share=0.2),
    Contender("quix", share=0.2),
)


def measure(
    bootstrap: str,
    records: int,
    rounds: int,
    rate: int,
    seconds: float,
    say: Say,
    quix: Callable[[], Path] | None = None,
    on: Callable[[], Machine] = machine,
    warm_up: bool = True,
) -> Result:
    """Runs the contenders in turn, with `warm_up` a round that does not count before, then the latency at `rate`.

    quix: gives the interpreter that has Quix Streams, or raises PartMissing; None: it is left out. on: measures what
    the machine does; how much raw is told from the rounds. Raises BenchError.
    """
    here = on()
    interpreter, note = _interpreter(quix, say)
    contenders = [c for c in CONTENDERS if c.name != "quix" or interpreter is not None]
    found: dict[str, list[Run]] = {c.name: [] for c in contenders}
    with new_topics(bootstrap, BYTES, AVRO, "out") as topics:
        sizes = {}
        for kind, written in ((BYTES, random_records()), (AVRO, events())):
            say(f"writing {records:,} records: {kind}")
            fill(bootstrap, topics[kind], written, records)
            sizes[kind] = round(sum(len(value) for _, value in written) / len(written))
        for number in range(0 if warm_up else 1, rounds + 1):
            of_round = records if number else round(records * WARM_UP)
            shown = f"round {number} of {rounds}" if number else "warm-up"
            for contender in contenders:
                wanted = max(contender.least, round(of_round * contender.share))
                run = _run(contender.name, bootstrap, topics[contender.copies], topics["out"], wanted, interpreter)
                if number:
                    found[contender.name].append(run)
                say(f"{shown}: {contender.name} {run.per_s:,.0f}/s, {run.cpu_us:.1f} µs of its processor a record")
    with new_topics(bootstrap, "in", "out") as topics:
        say(f"latency at {rate}/s for {seconds:.0f} s")
        late = measure_latency(bootstrap, topics["in"], topics["out"], rate, seconds)
    result = result_of(found, late, rate, records, sizes, here, note)
    return replace(result, machine=replace(here, raw_per_s=result.raw_per_s.median))


def _interpreter(quix: Callable[[], Path] | None, say: Say) -> tuple[Path | None, str]:
    """The interpreter of Quix Streams, or why there is none."""
    if quix is None:
        return None, "left out: --without quix"
    try:
        return quix(), ""
    except PartMissing as missing:
        say(f"quix is left out: {missing}")
        return None, str(missing)


def _run(contender: str, bootstrap: str, source: str, target: str, records: int, quix: Path | None) -> Run:
    """One contender, in a process of its own."""
    arguments = [bootstrap, source, target, str(records)]
    if contender == "quix":
        command = [str(quix), str(QUIX), *arguments]
    else:
        command = [sys.executable, "-m", "streams.hop", contender, *arguments]
    result = copied(command, contender, PATIENCE, "ask for fewer records: --records")
    return Run(result["records"] / result["seconds"], result["cpu_seconds"] / result["records"] * 1e6)
