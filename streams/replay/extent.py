"""Which offsets belong to a window of time, fixed once: whoever reads them later reads the same records."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from schemas.catalogue import CONTROL, MESSAGES, REPLIES, ROUTES, SIGNALS
from streams.log import Place
from streams.recovery import HISTORY
from streams.replay.source import Source, Span
from streams.replay.stretch import Gap, Window

SECOND: Final = 1_000_000
SKEW: Final = 10 * SECOND
"""How far the append times of two partitions' leaders may lie apart."""
TAIL: Final = 3600.0
"""Seconds past the window in which signals, routes and replies of its turns are looked for."""
FOLLOWING: Final = (SIGNALS, ROUTES, REPLIES)
"""The topics that hold what became of the messages."""


@dataclass(frozen=True)
class Extent:
    """spans: what is read of each place. history: of each partition, where chat.routes is read from to learn what had
    been before the window. left_unread: of each topic, how many records lie past the tail, and were not looked at.
    tail and history_seconds: seconds.
    """

    window: Window
    spans: Mapping[Place, Span]
    history: Mapping[int, int]
    tail: float = TAIL
    history_seconds: float = HISTORY
    left_unread: Mapping[str, int] = field(default_factory=dict)

    @property
    def partitions(self) -> tuple[int, ...]:
        return tuple(sorted(n for topic, n in self.spans if topic == MESSAGES))

    def as_json(self) -> dict[str, Any]:
        """Fit for JSON, and for `from_json`."""
        offsets: dict[str, dict[str, list[int]]] = {}
        for (topic, number), span in sorted(self.spans.items()):
            offsets.setdefault(topic, {})[str(number)] = list(span)
        return {
            "window": list(self.window),
            "offsets": offsets,
            "history": {str(n): offset for n, offset in sorted(self.history.items())},
            "tail_seconds": self.tail,
            "history_seconds": self.history_seconds,
            "left_unread": dict(self.left_unread),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Extent:
        """What `as_json` gave. Raises KeyError, TypeError, ValueError where it is something else."""
        spans = {
            (topic, int(number)): (int(first), int(end))
            for topic, partitions in given["offsets"].items()
            for number, (first, end) in partitions.items()
        }
        return cls(
            Window(*given["window"]),
            spans,
            {int(number): int(offset) for number, offset in given["history"].items()},
            float(given["tail_seconds"]),
            float(given["history_seconds"]),
            dict(given["left_unread"]),
        )


def extent_of(
    source: Source,
    window: Window,
    tail: float = TAIL,
    history: float = HISTORY,
    following: Collection[str] = FOLLOWING,
) -> Extent:
    """What belongs to a window, as the log is now. Raises ValueError for a window that ends before it begins."""
    if window.start >= window.end:
        raise ValueError(f"a window from {shown(window.start)} to {shown(window.end)} holds nothing")
    held = source.spans((MESSAGES, *following, CONTROL))
    late = [place for place in held if place[0] in following]
    first = dict(source.offsets_at([p for p in held if p[0] == MESSAGES], window.start))
    first |= source.offsets_at(late, window.start - SKEW)
    goal = dict(source.offsets_at([p for p in held if p[0] == MESSAGES], window.end))
    goal |= source.offsets_at(late, window.end + round(tail * SECOND))
    spans = {}
    for place, (low, high) in held.items():
        begin, end = (low, high) if place[0] == CONTROL else (first[place], goal[place])
        spans[place] = (max(low, min(begin, high)), min(end, high))
    routes = [p for p in held if p[0] == ROUTES]
    since = source.offsets_at(routes, window.start - round(history * SECOND))
    before = {p[1]: min(max(held[p][0], since[p]), spans[p][0]) for p in routes}
    unread = {topic: sum(held[p][1] - spans[p][1] for p in late if p[0] == topic) for topic in following}
    return Extent(window, spans, before, tail, history, unread)


def from_first(source: Source, window: Window) -> Window:
    """The window itself, or where it begins at 0, one that begins with the first message that is left."""
    if window.start > 0:
        return window
    times = _first_times(source, source.spans((MESSAGES,))).values()
    return window._replace(start=min([window.end - 1, *times]))


def gaps_of(source: Source, extent: Extent) -> tuple[Gap, ...]:
    """What retention took of it."""
    held = source.spans((MESSAGES, *FOLLOWING))
    gone = {place: span for place, span in held.items() if span[0] > 0}
    times = _first_times(source, gone)
    gaps = []
    for place, (low, _) in sorted(gone.items()):
        topic, number = place
        left = times.get(place)
        start, end = extent.window
        if topic == ROUTES:
            start -= round(extent.history_seconds * SECOND)
        if left is not None and left <= start:
            continue
        until = end if left is None else min(left, end)
        what = f"the offsets before {low} are gone"
        rest = "nothing is left" if left is None else f"the first that is left was appended at {shown(left)}"
        loss = ""
        if topic == ROUTES and until <= extent.window.start:
            loss = "; conversations that began earlier are taken up without what was decided then"
        gaps.append(Gap(topic, number, start, until, f"{what}; {rest}{loss}"))
    return tuple(gaps)


def _first_times(source: Source, spans: Mapping[Place, Span]) -> dict[Place, int]:
    """When the first record of each place was appended, where it has one."""
    first = source.raws({p: (low, low + 1) for p, (low, high) in spans.items() if low < high})
    return {place: raw.appended_at for place, raw in first}


def shown(at: int) -> str:
    """A time as a person reads it."""
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
