"""The wall clock of this process. Drills set it wrong, as hosts do: `SPILLWAY_CLOCK=+3600@10`.

That clock is 3600 seconds ahead from the tenth second of the process on, so it jumps; `-3600` is behind from the start.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Final

VARIABLE: Final = "SPILLWAY_CLOCK"
_WRITTEN: Final = re.compile(r"([+-]\d+(?:\.\d+)?)(?:@(\d+(?:\.\d+)?))?").fullmatch


class WallClock:
    """Microseconds UTC. Raises ValueError, when made, where the variable is malformed."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        written = environ.get(VARIABLE)
        self._wrong, self._from = 0, 0.0
        if not written:
            return
        found = _WRITTEN(written)
        if found is None:
            raise ValueError(f"{VARIABLE}={written}: write +SECONDS or -SECONDS, or +SECONDS@SECOND of the process")
        self._wrong = round(float(found[1]) * 1e6)
        self._from = time.monotonic() + float(found[2] or 0)

    def now(self) -> int:
        """What the clock shows."""
        at = time.time_ns() // 1000
        return at + self._wrong if self._wrong and time.monotonic() >= self._from else at


_CLOCK: Final = WallClock()
now_micros: Final = _CLOCK.now
"""Microseconds UTC by this process's clock."""
