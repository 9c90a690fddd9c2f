"""Sockets over several gateway processes, held by a process of customers as the benchmark has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.benches.customers import address_of, customers, dealt, together
from infra.benches.gateways import gateways
from infra.benches.sockets import Plan
from infra.settings import Settings
from infra.topics import create_topics
from streams.channels.keys import ensure_keys, load_keys
from tests.integration.edge import Responder

pytestmark = pytest.mark.broker
SESSIONS = 12


def test_each_reply_comes_once_at_its_own_socket(broker: str, tmp_path: Path, unique: str) -> None:
    """Two gateways both read every reply; a customer sees only those of their own session, each of them once."""
    create_topics(broker)
    file = ensure_keys(tmp_path, [unique])
    key = load_keys(file).clear_key(unique, "channel") or ""
    settings = Settings(broker, "postgres://nobody@127.0.0.1:1/none", "http://127.0.0.1:1", data_dir=tmp_path)
    held_at: list[int] = []
    with Responder(broker, unique), gateways(settings, 2, file, per_second=1000) as served:
        urls = [gateway.url.replace("http", "ws", 1) for gateway in served]
        assert len({gateway.pid for gateway in served}) == 2
        plans = [
            Plan(unique, unique, key, urls, sessions, address_of(n), ["hello", "你好"], 20, 2, 20, seed=n)
            for n, sessions in enumerate(dealt([f"customer {n}".replace(" ", "-") for n in range(SESSIONS)], 2))
        ]
        with customers(plans, held_at.append, every=0.05) as processes:
            assert sum(each.held for each in processes) == SESSIONS
            for each in processes:
                each.go()
            heard = together([each.heard() for each in processes])
    assert heard.sent > 20
    assert len(heard.latencies_ms) == heard.sent
    assert (heard.missing, heard.doubled, heard.misplaced, heard.refused, heard.lost) == (0, 0, 0, 0, 0)
    assert held_at == sorted(held_at)
