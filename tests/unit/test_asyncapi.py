"""The AsyncAPI document is that of the catalogue, and is an AsyncAPI document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli.schemas import asyncapi_yaml
from schemas import examples
from schemas.asyncapi import document
from schemas.catalogue import CATALOGUE, RECORDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = document()


def test_the_written_document_is_current() -> None:
    """docs/asyncapi.yaml is what the schemas say now; if not: spillway schemas asyncapi --write."""
    assert (ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8") == asyncapi_yaml()


def test_it_reads_back_as_it_was() -> None:
    """YAML keeps every value, bytes in examples included."""
    assert yaml.safe_load(asyncapi_yaml()) == DOCUMENT


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [r for v in node.values() for r in _references(v)]
    return [r for v in node for r in _references(v)] if isinstance(node, list) else []


@pytest.mark.parametrize("reference", sorted(set(_references(DOCUMENT))))
def test_every_reference_leads_somewhere(reference: str) -> None:
    """A reader can follow each $ref from the root."""
    assert reference.startswith("#/")
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    assert node


def test_it_has_what_asyncapi_3_requires() -> None:
    """Version, title, addresses, actions and messages are where the specification wants them."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["title"]
    assert DOCUMENT["info"]["version"]
    allowed = {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"}
    assert set(DOCUMENT) <= allowed
    for channel in DOCUMENT["channels"].values():
        assert set(channel) <= {"address", "description", "servers", "messages", "bindings"}
        assert channel["messages"]
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].startswith("#/channels/")
    for server in DOCUMENT["servers"].values():
        assert {"host", "protocol"} <= set(server)


def test_it_holds_the_whole_catalogue() -> None:
    """Every topic, record and example is in it."""
    assert set(DOCUMENT["channels"]) == {t.name for t in CATALOGUE}
    messages = DOCUMENT["components"]["messages"]
    assert set(messages) == set(RECORDS)
    shown = {f"{record}.{e['name']}" for record, m in messages.items() for e in m["examples"]}
    assert shown == set(examples.names())
