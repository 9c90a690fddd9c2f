"""Pieces of replies under way, to the log: shown at once or never, so nothing is ever waited for.

They are a courtesy. Where the broker is slow they are dropped and counted, and with one piece the rest of its attempt,
since a reader shows no text with a hole. The reply itself comes by the stage's own road.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from types import TracebackType
from typing import Final, Self

from schemas.codec import Codec
from schemas.events import ReplyPartial
from streams import metrics
from streams.channels.publisher import NotDelivered, Publisher

PATIENCE: Final = 2.0
"""Seconds until a piece that the broker has not confirmed is given up: by then it would be old."""
PENDING: Final = 2_000
"""Pieces that may be unconfirmed at once; a broker that keeps up has a few dozen."""
BROKEN: Final = 10_000
"""Attempts that are remembered as broken."""


class Partials:
    """Call it with each piece, from any thread or loop: it never blocks, and never raises for a broker's sake.

    `close` gives what is under way a bounded time. Raises NotLive for a piece of a replay.
    """

    def __init__(
        self, bootstrap: str, codec: Codec | None = None, patience: float = PATIENCE, pending: int = PENDING
    ) -> None:
        self._publisher = Publisher(bootstrap, codec or Codec(), patience)
        self._limit = pending
        self._lock = threading.Lock()
        self._pending = 0
        self._broken: OrderedDict[str, None] = OrderedDict()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="partials", daemon=True)
        self._thread.start()
        self.written = 0
        self.dropped = 0

    def __call__(self, partial: ReplyPartial) -> None:
        """Puts a piece on its way, or drops it."""
        attempt = partial.attempt
        with self._lock:
            if self._stop.is_set() or attempt in self._broken or self._pending >= self._limit:
                self._drop(attempt)
                return
        try:
            self._publisher.publish(partial, lambda why: self._reported(attempt, why))
        except NotDelivered:
            with self._lock:
                self._drop(attempt)
            return
        with self._lock:
            self._pending += 1  # below zero for a moment where the report was faster

    def close(self, seconds: float = 2.0) -> int:
        """Takes no more, and waits up to `seconds` for what is under way. Returns how many pieces were given up.

        Closing again does nothing.
        """
        if self._stop.is_set():
            return 0
        self._stop.set()
        self._thread.join()
        left = self._publisher.flush(seconds)
        with self._lock:
            self.dropped += left
        if left:
            metrics.PARTIALS.labels("dropped").inc(left)
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _reported(self, attempt: str, why: str | None) -> None:
        with self._lock:
            self._pending -= 1
            if why is None:
                self.written += 1
                metrics.PARTIALS.labels("written").inc()
            else:
                self._drop(attempt)

    def _drop(self, attempt: str) -> None:
        self.dropped += 1
        self._broken[attempt] = None
        if len(self._broken) > BROKEN:
            self._broken.popitem(last=False)
        metrics.PARTIALS.labels("dropped").inc()

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._publisher.poll(0.1)
