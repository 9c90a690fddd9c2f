"""How long a message takes: microseconds by batch size and by the length of the text, features included, one thread.

Each repetition takes other texts of the data, so that neither a short one nor a warm cache decides. The figures are the
median on the clock, the quickest, and the median of what the processor spent: on a machine that does other work, only
the last is the model's own. Two models are measured in turns, so that whatever else happens meets both.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from typing import Final

from infra.evaluation.figures import Latency, Speed
from infra.evaluation.intervals import SEED
from infra.evaluation.scoring import Model

BATCHES: Final = (1, 8, 32, 128)
BANDS: Final = ((1, 20), (21, 60), (61, 200), (201, 2000))
"""Characters, both ends included."""
BAND_BATCH: Final = 32
WARM_UP: Final = 2
FEWEST: Final = 5
MOST: Final = 200
SECONDS: Final = 0.7
"""Spent at most on a batch size once it has been repeated `FEWEST` times."""


def latency(models: Sequence[tuple[Model, str]], texts: Sequence[str]) -> tuple[Latency, ...]:
    """The speed of each (model, head) on the texts, of which there must be one at least."""
    by_batch = [_speeds(models, texts, batch) for batch in BATCHES]
    bands: list[tuple[str, tuple[Speed, ...]]] = []
    for low, high in BANDS:
        fitting = [text for text in texts if low <= len(text) <= high]
        if fitting:
            bands.append((f"{low}–{high}", _speeds(models, fitting, BAND_BATCH)))
    return tuple(
        Latency(head, tuple(speeds[i] for speeds in by_batch), tuple((name, speeds[i]) for name, speeds in bands))
        for i, (_, head) in enumerate(models)
    )


def _speeds(models: Sequence[tuple[Model, str]], texts: Sequence[str], batch: int) -> tuple[Speed, ...]:
    draw = random.Random(SEED)
    for model, head in models:
        for _ in range(WARM_UP):
            model.predict(draw.choices(texts, k=batch), head=head)
    taken: list[list[tuple[float, float]]] = [[] for _ in models]
    spent = 0.0
    while len(taken[0]) < FEWEST or (spent < SECONDS and len(taken[0]) < MOST):
        drawn = draw.choices(texts, k=batch)
        for (model, head), times in zip(models, taken, strict=True):
            times.append(_timed(model, drawn, head))
            spent += times[-1][0] / len(models)
    return tuple(_speed(batch, times) for times in taken)


def _timed(model: Model, texts: Sequence[str], head: str) -> tuple[float, float]:
    """Seconds on the clock, and of the processor."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    model.predict(texts, head=head)
    return time.perf_counter() - begin, time.process_time() - begin_cpu


def _speed(batch: int, times: Sequence[tuple[float, float]]) -> Speed:
    clock, cpu = [a / batch * 1e6 for a, _ in times], [b / batch * 1e6 for _, b in times]
    return Speed(batch, statistics.median(clock), min(clock), statistics.median(cpu), len(times))
