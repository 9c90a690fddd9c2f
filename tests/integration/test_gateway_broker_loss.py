"""A gateway that loses its broker says so, and serves again by itself once the broker is back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from infra.local.stack import LocalStack
from infra.topics import create_topics
from tests.integration.edge import rig, until


@pytest.mark.faults
def test_a_killed_broker_means_503_and_then_service_again(short_folder: Path, tmp_path: Path) -> None:
    """Nothing is acknowledged while the broker is away; the message repeated after it counts once and is answered."""
    with LocalStack(short_folder / "lost broker", only={"kafka"}, usual_ports=False) as stack:
        assert stack.addresses.kafka is not None
        create_topics(stack.addresses.kafka)
        with rig(stack.addresses.kafka, tmp_path) as edge, edge.socket("s") as socket:
            assert edge.send("s", "before", channel_message_id="1").status_code == 200
            stack.kill("kafka", 9)
            began = time.monotonic()
            refused = edge.send("s", "during", channel_message_id="2")
            assert refused.status_code == 503
            assert time.monotonic() - began < 10
            stack.wait_ready("kafka")
            until(lambda: edge.send("s", "during", channel_message_id="2").status_code == 200, "it did not come back")
            until(edge.ready, "it is not ready again")
            seen = [str(socket.recv(10)) for _ in range(3)]
            assert all(text in frame for frame, text in zip(seen, ("hello", "before", "during"), strict=True))
            assert edge.send("s", "after").json()["reply"]["text"] == "re: after"
