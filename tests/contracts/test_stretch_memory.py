"""A stretch of the log in memory, and one of an archive, are stretches."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.codec import Codec
from tests.contracts.stretch_suite import StretchSuite
from tests.contracts.stretch_worlds import Archived, InMemory


class TestTheBus(StretchSuite):
    """With events as they are, and through their bytes."""

    @pytest.fixture(params=["events", "bytes"])
    def world(self, request: pytest.FixtureRequest) -> InMemory:
        return InMemory(Codec() if request.param == "bytes" else None)


class TestTheArchive(StretchSuite):
    """One of just that window, and one that holds more."""

    @pytest.fixture(params=["exact", "wider"])
    def world(self, request: pytest.FixtureRequest, tmp_path: Path) -> Archived:
        return Archived(tmp_path, wider=request.param == "wider")
