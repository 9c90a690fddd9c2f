"""The demonstration's live view: rate, latency, rungs, scenarios, and how far each stage is behind."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from infra.local.inspection import group_lags
from infra.manifest import percentile
from infra.play import PlayProgress
from infra.settings import Settings

LOOK_EVERY = 1.0
RATE_OVER = 3.0


class DemoView:
    """What a play looks like while it runs. A context manager: it asks for the lags in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._progress: PlayProgress | None = None
        self._marks: deque[tuple[float, int]] = deque(maxlen=200)
        self._lags: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="lags", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def update(self, progress: PlayProgress) -> None:
        """The play's latest figures."""
        self._progress = progress
        self._marks.append((time.monotonic(), progress.replies))

    def __rich__(self) -> RenderableType:
        p = self._progress
        if p is None:
            return "…"
        table = Table.grid(padding=(0, 2))
        table.add_row("messages", f"{p.sent} of {p.total}", ProgressBar(total=p.total, completed=p.sent, width=40))
        table.add_row("replies", str(p.replies), f"{self._rate():.0f}/s")
        table.add_row("latency", *_latency(sorted(p.latencies)))
        table.add_row("rungs", "", _counts(p.by_rung))
        table.add_row("scenarios", "", _counts(p.by_scenario))
        table.add_row("behind", "", _counts({n.removeprefix("spillway."): v for n, v in self._lags.items()}))
        return Group(table)

    def _rate(self) -> float:
        if not self._marks:
            return 0.0
        now, replies = self._marks[-1]
        then, before = next((m for m in self._marks if now - m[0] <= RATE_OVER), self._marks[0])
        return (replies - before) / (now - then) if now > then else 0.0

    def _look(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            try:
                self._lags = group_lags(self._settings.kafka)
            except KafkaException:
                self._lags = {}  # the broker is away: nothing is known


def _latency(ordered: list[float]) -> tuple[str, str]:
    p50, p95 = percentile(ordered, 0.5), percentile(ordered, 0.95)
    if p50 is None or p95 is None:
        return "", ""
    return f"p50 {p50 * 1000:.0f} ms", f"p95 {p95 * 1000:.0f} ms"


def _counts(counts: Mapping[str, int]) -> str:
    return "  ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))
