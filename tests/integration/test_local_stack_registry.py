"""The real schema registry, for those who ask for it."""

from __future__ import annotations

import json

import httpx
import pytest

pytestmark = pytest.mark.registry


def test_a_schema_is_registered_and_read_back_by_id(registry: str, unique: str) -> None:
    """The registry answers the Confluent API: what is registered for a subject is found by the id it was given."""
    schema = json.dumps({"type": "record", "name": unique, "fields": [{"name": "a", "type": "string"}]})
    api = f"{registry}/apis/ccompat/v7"
    registered = httpx.post(f"{api}/subjects/{unique}/versions", json={"schema": schema}, timeout=30)
    assert registered.status_code == 200
    found = httpx.get(f"{api}/schemas/ids/{registered.json()['id']}", timeout=30).json()
    assert json.loads(found["schema"]) == json.loads(schema)
