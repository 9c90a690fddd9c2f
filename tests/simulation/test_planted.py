"""Mistakes that are put in are found; without these, schedules that pass would prove nothing."""

from __future__ import annotations

import pytest

from streams.testing.simulation import failures_among
from tests.simulation.planted import EVERY

ENOUGH = 3_000
"""Seeds within which each must be found: the hardest takes some hundreds."""


@pytest.mark.parametrize("mistake", EVERY)
def test_a_planted_mistake_is_found(mistake: str) -> None:
    """Some schedule shows it."""
    assert next(failures_among(range(ENOUGH), EVERY[mistake]()), None) is not None
