"""A stretch of a real broker is a stretch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.topics import create_topics
from tests.contracts.stretch_suite import StretchSuite
from tests.contracts.stretch_worlds import OnBroker


@pytest.mark.broker
class TestTheBroker(StretchSuite):
    """The session's broker; other tests' records may lie in it."""

    @pytest.fixture
    def world(self, broker: str) -> Iterator[OnBroker]:
        create_topics(broker)
        world = OnBroker(broker)
        yield world
        world.close()
