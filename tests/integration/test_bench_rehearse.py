"""A rehearsal does its work: a stretch of the log is said again, faster, to nobody. Speeds are not judged here."""

from __future__ import annotations

import json
from itertools import cycle, islice
from pathlib import Path

import pytest

from infra.benches.arrivals import steady
from infra.benches.frame import write
from infra.benches.load import Load
from infra.benches.machine import Machine
from infra.benches.recorded_stretch import traffic_of
from infra.benches.rehearse import Plan, rehearse
from infra.benches.stack import BenchStack
from infra.demo import CONVERSATIONS
from infra.local.stack import LocalStack
from infra.recordings import read_recordings
from infra.wiring import build_codec
from schemas.catalogue import MESSAGES
from schemas.codec import Codec
from schemas.events import MessageReceived
from streams.log import Unreadable, read_to_end
from streams.replay.stretch import Window

pytestmark = pytest.mark.stack
MACHINE = Machine(2, 1.0, "Some CPU", 16.0, None, 0.1, "3.11")
TURNS = 24


def test_a_stretch_is_rehearsed_as_a_double_and_nobody_else(stack: LocalStack, unique: str, tmp_path: Path) -> None:
    """What the shop's customers said comes again, each message once a round, all of it answered, under another name."""
    settings, codec = stack.settings(), build_codec(stack.settings())
    talks = list(islice(cycle(read_recordings(CONVERSATIONS)), 6))
    times = list(islice(steady(8.0, 60.0, spacing="even"), TURNS))
    recorded = Load(settings, talks, times, tenant="shop", think=0.5, name=unique).run()
    assert recorded.unconfirmed == ()
    window = Window(round((recorded.began - 1) * 1e6), round((recorded.began + 60) * 1e6))
    traffic = traffic_of(settings.kafka, codec, window, "shop")
    assert sum(len(each.times) for each in traffic) >= TURNS

    said: list[str] = []
    plan = Plan((2.0, 3.0, 4.0), p99_ms=60_000.0, target=10.0, rest_seconds=1.0)
    result = rehearse(BenchStack(settings, stack.folder.path), traffic, plan, said.append, MACHINE)

    name = next(iter(result.tenants.values()))
    assert name == "rehearsal-shop"
    assert [each.turns for each in result.measured] == [len(traffic[0].times)] * 3
    assert [(each.missing, each.unconfirmed, each.doubled) for each in result.measured] == [(0, 0, 0)] * 3
    assert all(set(each.by_rung) <= {"cache", "template", "knowledge", "fallback"} for each in result.measured)
    assert all({"worker", "kafka", "load"} <= each.cores.keys() for each in result.measured)
    assert "rehearsal-shop" in result.wrote
    assert any("this writes" in line for line in said)
    write(result, tmp_path / "rehearse.json", tmp_path / "rehearse.html")
    figures = json.loads((tmp_path / "rehearse.json").read_text("utf-8"))
    assert {"predicted_p99_ms", "measured_p99_ms", "p99_error", "cores_error", "verdict", "limit", "machine"} <= set(
        figures
    )

    written = sessions_of(settings.kafka, codec)
    assert {tenant for tenant, session in written if session.startswith("rehearsal-")} == {name}
    again = traffic_of(settings.kafka, codec, Window(window.start, window.end + 10**12))
    assert name not in {each.tenant for each in again}, "what was rehearsed is not rehearsed again"


def sessions_of(kafka: str, codec: Codec) -> set[tuple[str, str]]:
    """Tenant and session of every message in the log."""
    return {
        (read.event.meta.tenant_id, read.event.meta.session_id)
        for read in read_to_end(kafka, (MESSAGES,), codec)
        if not isinstance(read, Unreadable) and isinstance(read.event, MessageReceived)
    }
