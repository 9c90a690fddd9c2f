"""Texts a second that a classifier's bundle does on a device, by how many it is given at once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.demo import CONVERSATIONS
from infra.recordings import read_recordings
from streams.models.bundle import load_bundle
from streams.models.runner import Runners

WARM_UP: Final = 3


@dataclass(frozen=True)
class Rate:
    """`texts_per_s`: words, features, encoder and head, all of it, as a worker does it in one thread."""

    at_once: int
    texts_per_s: float
    batch_seconds: float


@dataclass(frozen=True)
class Classified:
    """What ran where. `runtime`: cpu, cuda, or a Triton's address."""

    bundle: str
    runtime: str
    rates: list[Rate]


def measure_classifiers(
    folder: Path, runtime: str, where: Runners, at_once: Sequence[int], seconds: float
) -> Classified:
    """For `seconds` at each size, on what customers of the demo say. Raises BundleRefused, CannotRun."""
    bundle = load_bundle(folder, runners=where)
    head = next(iter(bundle.heads))
    said = [t.text for r in read_recordings(CONVERSATIONS) for t in r.turns if t.speaker == "customer"]
    rates = []
    for size in at_once:
        texts = itertools.cycle(said)
        for _ in range(WARM_UP):
            bundle.predict(list(itertools.islice(texts, size)), head=head)
        done, began = 0, time.monotonic()
        while (spent := time.monotonic() - began) < seconds or not done:
            bundle.predict(list(itertools.islice(texts, size)), head=head)
            done += 1
        rates.append(Rate(size, round(done * size / spent, 1), round(spent / done, 5)))
    return Classified(str(bundle.fingerprint), runtime, rates)
