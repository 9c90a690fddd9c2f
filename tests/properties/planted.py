"""Planted mistakes: a property that does not find them would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")
SEARCH = settings(
    max_examples=3000,
    deadline=None,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def is_found(stories: SearchStrategy[T], goes_wrong: Callable[[T], bool]) -> bool:
    """Whether some story shows the mistake; the same stories at every run."""
    try:
        find(stories, goes_wrong, settings=SEARCH)
    except NoSuchExample:
        return False
    return True
