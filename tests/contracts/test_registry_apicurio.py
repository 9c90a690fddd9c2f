"""A real Apicurio registry holds our schemas, and serves standard serialisers with them."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from schemas.codec import Ids
from schemas.registry import ids_of, import_into
from tests.contracts.registry_suite import RegistrySuite

pytestmark = pytest.mark.registry


@pytest.fixture(scope="module")
def holding(registry: str) -> str:
    """The Confluent API of a registry that others use too, into which the schemas have been imported, twice."""
    url = f"{registry}/apis/ccompat/v7"
    for name in ("first", "second"):
        schema = json.dumps({"type": "record", "name": name, "fields": []})
        answer = httpx.post(f"{url}/subjects/{name}-value/versions", json={"schema": schema}, timeout=60)
        answer.raise_for_status()
    assert import_into(url) == import_into(url)
    return url


class TestApicurio(RegistrySuite):
    """A registry with whatever ids it chose."""

    @pytest.fixture
    def url(self, holding: str) -> str:
        return holding

    @pytest.fixture
    def ids(self, holding: str, tmp_path: Path) -> Ids:
        return ids_of(holding, tmp_path / "ids.json")


def test_its_ids_are_found_and_remembered(holding: str, tmp_path: Path) -> None:
    """They are not the pinned ones; what was looked up once is used when the registry is gone."""
    kept = tmp_path / "ids.json"
    found = ids_of(holding, kept)
    assert set(found.ids) == set(Ids.pinned().ids)
    assert found.ids != Ids.pinned().ids
    assert ids_of("http://127.0.0.1:1", kept).ids == found.ids
