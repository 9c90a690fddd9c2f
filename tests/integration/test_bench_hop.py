"""The benchmark itself: every contender does its work, and the result has what was promised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.benches.frame import as_json
from infra.benches.hop import measure
from infra.local.errors import PartMissing

pytestmark = pytest.mark.broker


def no_quix() -> Path:
    """An installation that cannot have Quix Streams."""
    raise PartMissing("the packages of quix could not be installed; check the network")


def test_the_benchmark_measures_every_contender_and_the_latency(broker: str) -> None:
    """A short run gives all figures, with Quix Streams told as missing; the ratios are not judged here."""
    said: list[str] = []
    result = measure(broker, 10_000, rounds=1, rate=500, seconds=2, say=said.append, quix=no_quix, warm_up=False)
    figures = json.loads(as_json(result))
    for name in ("ratio", "avro_ratio", "avro_to_bytes_ratio", "raw_per_s", "stage_per_s", "faust_best_per_s"):
        assert figures[name] > 0
    assert figures["quix_per_s"] is None
    assert "could not be installed" in figures["quix_note"]
    assert any("quix is left out" in line for line in said)
    assert result.stage_per_s.median > 2 * result.faust_per_s.median
    assert 0 < result.p50_ms <= result.p95_ms <= result.p99_ms
    assert "<html" in result.page()
