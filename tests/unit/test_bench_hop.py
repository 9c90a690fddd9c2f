"""The benchmark of one hop, as far as it is pure: what contenders do to records, ratios, and Quix's environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.benches.copying import RECORD_BYTES, random_records
from infra.benches.frame import as_json
from infra.benches.hop_latency import Latency
from infra.benches.hop_records import events
from infra.benches.hop_result import Run, result_of
from infra.benches.machine import Machine
from infra.benches.quix_env import REMEDY, quix_python
from infra.local.errors import PartMissing
from infra.local.packages import PartsCache
from infra.local.stack import silent
from streams.hop import Change, nothing, through_events
from streams.hop_meter import Meter

HERE = Machine(2, 0.6, "a processor", 8.0, None, 0.0, "3.11")
FOUND = {
    "raw": [Run(100.0, 4.0), Run(50.0, 4.0), Run(10.0, 4.0)],
    "stage": [Run(90.0, 5.0), Run(40.0, 5.0), Run(9.0, 5.0)],
    "raw_avro": [Run(50.0, 20.0)] * 3,
    "stage_avro": [Run(30.0, 25.0)] * 3,
    "faust": [Run(1.0, 400.0)] * 3,
    "faust_best": [Run(8.0, 80.0)] * 3,
}


def test_the_events_are_about_as_large_as_the_random_records() -> None:
    """So what Avro costs is Avro's, not that of more bytes."""
    for _, value in (*events(), *random_records()):
        assert 0.8 * RECORD_BYTES <= len(value) <= 1.2 * RECORD_BYTES


@pytest.mark.parametrize("change", [through_events(), nothing])
def test_every_contender_gives_the_record_it_got(change: Change) -> None:
    """Decoding and encoding again changes no byte."""
    assert [change(value) for _, value in events()[:20]] == [value for _, value in events()[:20]]


def test_the_first_batch_is_not_timed(capsys: pytest.CaptureFixture[str]) -> None:
    """It was gathered before the clock ran; what follows counts until as many as wanted are through."""
    meter = Meter(30)
    assert [meter.done(10) for _ in range(3)] == [False, False, True]
    assert json.loads(capsys.readouterr().out)["records"] == 20


def test_ratios_are_taken_within_a_round() -> None:
    """A slow round hits both sides: the median is of the rounds' own ratios."""
    result = result_of(FOUND, Latency(1, 2, 3), 500, 1000, {"bytes": 300}, HERE, "left out")
    assert result.ratio.values == (0.9, 0.8, 0.9)
    assert result.ratio.median == 0.9
    assert result.avro_ratio.median == 0.6
    assert (result.avro_to_bytes_ratio.low, result.avro_to_bytes_ratio.high) == (0.3, 3.0)
    assert all(result.reached.values())


def test_the_result_says_what_was_left_out_and_why() -> None:
    """Its JSON is flat, and null where a contender did not run."""
    result = result_of(FOUND, Latency(1, 2, 3), 500, 1000, {"bytes": 300}, HERE, "no network")
    figures = json.loads(as_json(result))
    assert figures["quix_per_s"] is None
    assert figures["quix_note"] == "no network"
    assert figures["ratio"] == 0.9
    assert figures["p99_ms"] == 3
    assert "quix" not in result.by_name()
    assert "Faust at its best" in result.page()


def test_the_environment_of_quix_is_made_once(tmp_path: Path) -> None:
    """The second time nothing is installed, and the interpreter is the environment's own."""
    made: list[Path] = []

    def make(folder: Path, _python: Path, _progress: object) -> None:
        made.append(folder)
        (folder / "bin").mkdir(parents=True)

    found = [quix_python(PartsCache(tmp_path), silent, make) for _ in range(2)]
    assert len(made) == 1
    assert found == [made[0] / "bin" / "python3"] * 2


def test_an_environment_that_could_not_be_made_is_tried_again(tmp_path: Path) -> None:
    """Half of one is never taken for whole, and the message says how to go on without."""

    def fail(folder: Path, _python: Path, _progress: object) -> None:
        folder.mkdir(parents=True)
        raise PartMissing(f"no network; {REMEDY}")

    for _ in range(2):
        with pytest.raises(PartMissing, match="--without quix"):
            quix_python(PartsCache(tmp_path), silent, fail)
