"""What processes keep as time goes by: memory, file handles and threads, read every few seconds, a life at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from infra.benches.growth import Points, Slope, Word, slope, thinned, word

KINDS: Final = ("private_mb", "handles", "threads")
"""What is judged; `rss_mb` is told beside it. Private memory leaves out files that are mapped, such as the broker's
indexes, and shared buffers: these fill up with what is read, whatever runs."""
MB: Final = 1e6
LEAST_POINTS: Final = 3


@dataclass(frozen=True)
class Sample:
    """A process and its children at `at`, seconds from the start."""

    at: float
    private_mb: float
    rss_mb: float
    handles: int
    threads: int


@dataclass
class Life:
    """A process from its start to its end, or to now. began: seconds from the start of the measurement."""

    pid: int
    began: float
    samples: list[Sample] = field(default_factory=list)

    def points(self, kind: str, warm: float) -> list[tuple[float, float]]:
        """What it kept, without the first `warm` seconds of its life."""
        return [(s.at, float(getattr(s, kind))) for s in self.samples if s.at - self.began >= warm]


@dataclass(frozen=True)
class Kept:
    """Of one part and kind: what it began and ended with (medians of the first and last tenth), and its growth an hour.

    slope: None where its lives were too short to say anything, which `word` then calls unclear.
    """

    part: str
    kind: str
    lives: int
    first: float
    last: float
    most: float
    slope: Slope | None
    word: Word


class Upkeep:
    """Reads parts from a thread of its own. pids: of each part its process, as of now; a new pid is a new life."""

    def __init__(self, pids: Callable[[], Mapping[str, int]], every: float = 5.0) -> None:
        self._pids, self._every = pids, every
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._work, name="upkeep", daemon=True)
        self._began = time.monotonic()
        self.lives: dict[str, list[Life]] = {}

    def __enter__(self) -> Upkeep:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """One reading of every part."""
        at = time.monotonic() - self._began
        for part, pid in self._pids().items():
            lives = self.lives.setdefault(part, [])
            sample = sample_of(pid, at)
            if sample is None:
                continue
            if not lives or lives[-1].pid != pid:
                lives.append(Life(pid, at))
            lives[-1].samples.append(sample)

    def _work(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every)


def sample_of(pid: int, at: float) -> Sample | None:
    """Of a process with its children; None where it has ended."""
    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return None
    private = rss = 0.0
    handles = threads = 0
    for each in tree:
        try:
            with each.oneshot():
                rss += each.memory_info().rss / MB
                private += private_bytes(each.pid) / MB
                handles += each.num_fds()
                threads += each.num_threads()
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, ProcessLookupError):
            continue
    return Sample(at, round(private, 3), round(rss, 3), handles, threads)


def private_bytes(pid: int) -> int:
    """What a process holds that is in no file and shared with nobody. Raises FileNotFoundError when it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def judged(lives: Mapping[str, Sequence[Life]], most: Mapping[str, float], warm: float, stretch: float) -> list[Kept]:
    """Of every part and kind whether it grows by more than `most` an hour.

    warm: seconds of each life that do not count. stretch: samples of so many seconds are put together.
    """
    found = []
    for part, of_part in sorted(lives.items()):
        for kind in KINDS:
            points = [thinned(life.points(kind, warm), stretch) for life in of_part]
            found.append(_kept(part, kind, len(of_part), [p for p in points if len(p) >= LEAST_POINTS], most[kind]))
    return found


def _kept(part: str, kind: str, lives: int, points: Sequence[Points], most: float) -> Kept:
    values = [value for life in points for _, value in life]
    tenth = max(1, len(values) // 10)
    found = slope(points)
    first, last = (sorted(some)[len(some) // 2] if some else 0.0 for some in (values[:tenth], values[-tenth:]))
    said: Word = "unclear" if found is None else word(found, most)
    return Kept(part, kind, lives, round(first, 2), round(last, 2), round(max(values, default=0.0), 2), found, said)
