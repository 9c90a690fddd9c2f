"""An event loop whose time passes only where everything waits, and then at once: hours of deadlines in milliseconds.

It has no input and output. What a test lets happen on it depends on nothing but the test.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class _NoWaiting(selectors.BaseSelector):
    """Selects nothing, and lets the time pass that was to be waited."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits, and nothing is due: this would have waited for ever")
        self.now += max(0.0, timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self.register(fileobj, 0)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop. `time` begins at 0."""

    def __init__(self) -> None:
        self._passing = _NoWaiting()
        super().__init__(self._passing)

    def time(self) -> float:
        return self._passing.now
