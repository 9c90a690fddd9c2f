"""The control log as a process follows it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from infra.topics import create_topics
from schemas.codec import Codec
from schemas.events import MadeBy, Meta, PolicyActivated
from streams.control import Control
from streams.sink import Sink

pytestmark = pytest.mark.broker


def policy(tenant: str, id_: str) -> PolicyActivated:
    meta = Meta(f"{tenant} {id_}", tenant, "", None, None, "live", None, 0, None, MadeBy("operators", "x"))
    return PolicyActivated(meta, id_ * 1000, f"policy@{id_}", (), "knowledge@1", int(id_))


def soon(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)  # between looks


def test_a_process_has_everything_before_it_begins_and_hears_what_comes(broker: str, unique: str) -> None:
    """The log is read to its end first; an activation afterwards is there within moments."""
    create_topics(broker, partitions=4)
    sink = Sink(broker, Codec())
    sink.send([policy(unique, "1"), policy(unique, "2")])
    control = Control(broker, Codec())
    control.start()
    assert control.wait_until_read(30)
    assert [p.policy_fingerprint for p in control.policies(unique)] == ["policy@1", "policy@2"]
    assert control.fresh(5)
    sink.send([policy(unique, "3")])
    soon(lambda: len(control.policies(unique)) == 3)
    control.close()


def test_a_garbled_record_is_passed_over(broker: str, unique: str) -> None:
    """A record that this version cannot read does not keep what follows from it."""
    create_topics(broker, partitions=4)
    sink = Sink(broker, Codec())
    sink.enqueue_bytes([("chat.control", b"x", b"garbage")])
    sink.deliver()
    sink.send([policy(unique, "1")])
    control = Control(broker, Codec())
    control.start()
    assert control.wait_until_read(30)
    assert len(control.policies(unique)) == 1
    control.close()


def test_without_a_broker_nothing_is_fresh() -> None:
    """A process that cannot reach the log does not take itself for up to date."""
    control = Control("127.0.0.1:1", Codec())
    control.start()
    assert not control.wait_until_read(1)
    assert not control.fresh(3600)
    control.close()
