"""The vectors that docs/wire-format.md gives to adapters in other languages are what the code does."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import Codec
from schemas.events import Customer, MessageReceived
from schemas.identity import NAMESPACE, message_id, session_key, uuid5
from streams.channels import compose
from streams.channels.compose import Sender
from streams.partitioner import murmur2, partition_of

PAGE = Path(__file__).parents[2] / "docs" / "wire-format.md"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    block = PAGE.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0]
    found: dict[str, Any] = json.loads(block)
    return found


def test_ids_are_uuids_of_the_names_given(vectors: dict[str, Any]) -> None:
    """Python's own uuid5 gives the same ids as the page and the code."""
    assert vectors["namespace"] == str(NAMESPACE)
    for v in vectors["message_ids"]:
        name = f"{v['tenant']}|{v['channel']}|{v['channel_message_id']}"
        assert message_id(v["tenant"], v["channel"], v["channel_message_id"]) == v["id"]
        assert str(uuid.uuid5(NAMESPACE, name)) == v["id"]
    for v in vectors["derived_ids"]:
        assert uuid5(v["name"]) == v["id"]


def test_keys_lie_on_the_partitions_given(vectors: dict[str, Any]) -> None:
    """Key bytes, hash and partition are those of the Java client's partitioner."""
    for v in vectors["keys"]:
        key = session_key(v["tenant"], v["session"])
        assert key.hex() == v["key"]
        assert murmur2(key) == v["murmur2"]
        assert partition_of(key, 12) == v["partition_of_12"]


def test_a_message_has_the_bytes_given(vectors: dict[str, Any]) -> None:
    """The example encodes to the value on the page, and back."""
    m = vectors["message"]
    sender = Sender(m["tenant"], m["session"], m["channel"], (m["deadline_at"] - m["occurred_at"]) / 1e6)
    customer = Customer(**m["customer"])
    event = compose.message(sender, m["text"], m["channel_message_id"], m["occurred_at"], customer, m["entry_path"])
    codec = Codec()
    assert codec.encode(event).hex() == vectors["value"]
    decoded = codec.decode("chat.messages", bytes.fromhex(vectors["value"]))
    assert isinstance(decoded, MessageReceived)
    assert decoded == event
    assert decoded.meta.made_by._asdict() == m["made_by"]
