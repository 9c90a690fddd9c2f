"""The benchmarks of the whole pipeline do their work: every turn is sent, answered and accounted for. Speeds are not
judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.benches.flow import Plan, measure_flow
from infra.benches.frame import write
from infra.benches.stack import TENANT, BenchStack, bench_stack
from infra.demo import CONVERSATIONS
from infra.local.stack import LocalStack
from infra.recordings import read_recordings

pytestmark = pytest.mark.stack
PROMISED = {
    "turns_per_s", "p50_ms", "p95_ms", "p99_ms", "cpu_us_per_turn", "cpu_us_by_part", "held_seconds", "lag_growth",
    "limit", "machine", "rates_tried", "records", "missing", "unaccounted",
}  # fmt: skip
PARTS = {"kafka", "postgres", "clickhouse", "worker", "generation", "session-state", "analytics", "gateway", "load"}


def test_flow_accounts_for_every_turn_that_it_sent(stack: LocalStack, tmp_path: Path) -> None:
    """At a rate that any machine takes: all figures are there, none is missing, and the stores have every turn."""
    said: list[str] = []
    with bench_stack(stack.folder.path, said.append) as found:
        assert isinstance(found, BenchStack)
        assert not found.own
        plan = Plan(rate=5.0, short=2.0, long=4.0, rounds=1)
        result = measure_flow(found, read_recordings(CONVERSATIONS), plan, said.append)
    write(result, tmp_path / "flow.json", tmp_path / "flow.html")
    figures = json.loads((tmp_path / "flow.json").read_text("utf-8"))
    assert figures.keys() >= PROMISED
    assert figures["cpu_us_by_part"].keys() >= PARTS
    assert figures["turns_per_s"] == 5.0
    assert [t["rate"] for t in figures["rates_tried"]] == [5.0]
    assert (figures["missing"], figures["doubled"], figures["unaccounted"]) == (0, 0, 0)
    assert (figures["not_in_clickhouse"], figures["not_in_postgres"]) == (0, 0)
    assert figures["turns"] > 0
    assert figures["records"] >= 6 * figures["turns"]
    assert set(figures["by_rung"]) <= {"cache", "template", "knowledge"}
    assert "Every rate that was tried" in (tmp_path / "flow.html").read_text("utf-8")
    assert any(f"activating {TENANT}" in line for line in said)
