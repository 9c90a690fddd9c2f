"""The benchmark of rebuilds does its work: the log is written, folded into both stores, and found equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.benches.machine import Machine
from infra.benches.rebuild import STORES, measured
from infra.settings import Settings
from tests.integration.projecting import own_parts

pytestmark = [pytest.mark.broker, pytest.mark.postgres, pytest.mark.clickhouse]


def test_a_log_is_folded_into_fresh_tables_and_compared(short_folder: Path) -> None:
    """Every event is folded in every round, no session differs, and each part's time is told."""
    said: list[str] = []
    machine = Machine(2, 0.6, "some processor", 8.0, None, 0.0, "3")
    with own_parts(short_folder / "bench-rebuild") as parts:
        settings = Settings(parts.kafka, parts.postgres, parts.clickhouse)
        pids = {name: pid for name in STORES if (pid := parts.stack.part(name).pid) is not None}
        found = measured(settings, pids, 3000, 2, machine, said.append)
    assert found.session_state_equal
    assert found.analytics_equal
    assert found.sessions >= 107
    assert len(found.session_state_s.values) == len(found.analytics_s.values) == 2
    assert found.session_state_cpu_us_per_event.keys() == {"projection", *STORES}
    assert found.lines["analytics"][-1][1] == 3000
    assert "session_state: round 2 of 2" in said
