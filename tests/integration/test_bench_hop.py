"""The benchmark itself: every contender does its work, and the result has what was promised."""

from __future__ import annotations

import json

import pytest

from infra.hop_bench import measure

pytestmark = pytest.mark.broker


def test_the_benchmark_measures_every_contender_and_the_latency(broker: str) -> None:
    """A short run gives all figures; the stage is far faster than Faust. The ratio is not judged here."""
    said: list[str] = []
    result = measure(broker, records=20_000, rounds=1, rate=500, seconds=2, say=said.append)
    figures = json.loads(result.as_json())
    assert {"ratio", "raw_per_s", "stage_per_s", "faust_per_s", "latency_ms"} <= figures.keys()
    assert result.stage_per_s > 2 * result.faust_per_s
    assert 0 < result.latency_ms.p50 <= result.latency_ms.p95 <= result.latency_ms.p99
