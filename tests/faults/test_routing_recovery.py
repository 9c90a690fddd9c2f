"""Routing that comes back with a long history: every session goes on where it was, in good time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.app_parts import AppPart
from infra.local.stack import LocalStack
from infra.wiring import prepare
from schemas.catalogue import ROUTES
from schemas.codec import Codec
from schemas.events import Customer, MessageReceived, Meta, ScenarioRouted
from schemas.examples import event
from schemas.identity import derived_id, message_id
from streams.channels.compose import Sender, message
from streams.log import Unreadable, read_to_end
from streams.sink import Sink
from tests.faults.drill import until

SESSIONS = 2_000
TURNS = 50
BACK_WITHIN = 15.0
ROUTING = AppPart("worker", ("worker", "--stages", "routing"))


def history(now: int) -> Iterator[ScenarioRouted]:
    """The routes of every session's turns, as routing would have written them."""
    pattern = event("ScenarioRouted.zh")
    assert isinstance(pattern, ScenarioRouted)
    for turn in range(1, TURNS + 1):
        for number in range(SESSIONS):
            session, first = f"s{number}", message_id("shop", "web", f"{number}/1")
            turn_id = message_id("shop", "web", f"{number}/{turn}")
            meta: Meta = pattern.meta._replace(
                event_id=derived_id("live", "routing", turn_id),
                tenant_id="shop",
                session_id=session,
                turn_id=turn_id,
                caused_by=turn_id,
                turn_started_at=now,
                occurred_at=now,
                deadline_at=now + 10_000_000,
            )
            state = pattern.state._replace(
                seq=turn, episode_id=first, episode_started_at=now, turn_seq=turn, handed_off=False, last_turn_at=now
            )
            yield pattern._replace(meta=meta, state=state)


@pytest.mark.faults
@pytest.mark.stack
def test_routing_is_back_within_15_s_with_100_000_turns_and_goes_on_where_it_was(short_folder: Path) -> None:
    """A worker that starts on 100,000 routed turns recovers them all first, and numbers the next turn after them."""
    codec, now = Codec(), time.time_ns() // 1000
    with LocalStack(short_folder / "recovery", app=[ROUTING], prepare=prepare, usual_ports=False) as stack:
        settings = stack.settings()
        sink, routes = Sink(settings.kafka, codec), list(history(now))
        for at in range(0, len(routes), 10_000):
            sink.send(routes[at : at + 10_000])
        began = time.monotonic()
        stack.restart("worker")
        seconds = time.monotonic() - began
        sender = Sender("shop", "s7", "web", 10.0)
        said = message(sender, "我的快递到哪了", "next", time.time_ns() // 1000, Customer("c7"), "")
        assert isinstance(said, MessageReceived)
        sink.send([said])
        found: list[ScenarioRouted] = []

        def routed() -> bool:
            records = read_to_end(settings.kafka, [ROUTES], codec)
            found[:] = [
                r.event
                for r in records
                if not isinstance(r, Unreadable)
                and isinstance(r.event, ScenarioRouted)
                and r.event.meta.turn_id == said.meta.event_id
            ]
            return bool(found)

        until(routed, "the next turn is routed")
    assert [(r.state.turn_seq, r.state.seq, r.state.episode_id) for r in found] == [
        (TURNS + 1, TURNS + 1, message_id("shop", "web", "7/1"))
    ]
    assert seconds < BACK_WITHIN
