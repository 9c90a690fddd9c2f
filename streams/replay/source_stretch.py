"""A stretch over any source: what belongs to its window is chosen, decoded once, and given by partition."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Self, TypeVar

from schemas.catalogue import CONTROL, MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.codec import Codec, Undecodable
from schemas.events import LIVE, DialogueChanged, MessageReceived, Record, ScenarioRouted
from schemas.identity import session_key
from streams.log import Place, Unreadable
from streams.replay.choosing import Choice, SessionName, cutoff, session_of
from streams.replay.collector import collector_resting
from streams.replay.extent import Extent
from streams.replay.source import Raw, Source
from streams.replay.stretch import Gap, PartitionStretch, Selection, Window

FORMAT: Final = "spillway.stretch/1"

Read = Record | Unreadable
T = TypeVar("T", Record, Record | Unreadable)


class SourceStretch:
    """A `Stretch`. What is in the log under another run than "live" is not seen."""

    def __init__(self, source: Source, codec: Codec, extent: Extent, choice: Choice, gaps: Sequence[Gap] = ()) -> None:
        self._source, self._codec, self._extent, self._choice = source, codec, extent, choice
        self._gaps = tuple(gaps)
        self._sessions: frozenset[SessionName] | None = None

    @classmethod
    def chosen(
        cls, source: Source, codec: Codec, extent: Extent, selection: Selection, gaps: Sequence[Gap] = ()
    ) -> Self:
        """A stretch as it is made first. Where a number of sessions is asked for, this reads the keys of the window."""
        everyone = cls(source, codec, extent, Choice(selection), gaps)
        if selection.sessions is None:
            return everyone
        return cls(source, codec, extent, Choice(selection, cutoff(selection, everyone._found())), gaps)

    @classmethod
    def described(cls, source: Source, codec: Codec, description: Mapping[str, Any]) -> Self:
        """The stretch that gave this description. Raises StretchGone, ValueError."""
        if description.get("format") != FORMAT:
            raise ValueError(f"this describes no stretch: its format is {description.get('format')!r}, not {FORMAT!r}")
        choice = Choice(Selection(**description["selection"]), description["cutoff"])
        gaps = [Gap(*gap) for gap in description["gaps"]]
        return cls(source, codec, Extent.from_json(description["extent"]), choice, gaps)

    def describe(self) -> Mapping[str, Any]:
        """See Stretch."""
        return {
            "format": FORMAT,
            "source": dict(self._source.describe()),
            "selection": asdict(self._choice.selection),
            "cutoff": self._choice.cutoff,
            "extent": self._extent.as_json(),
            "gaps": [list(gap) for gap in self._gaps],
        }

    @property
    def window(self) -> Window:
        """See Stretch."""
        return self._extent.window

    @property
    def partitions(self) -> tuple[int, ...]:
        """See Stretch."""
        return self._extent.partitions

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """See Stretch."""
        return self._gaps

    def control(self) -> Sequence[Record]:
        """See Stretch."""
        spans = {place: span for place, span in self._extent.spans.items() if place[0] == CONTROL}
        read = (self._live(place, raw) for place, raw in self._source.raws(spans))
        return tuple(each for each in read if isinstance(each, Record))

    def sessions(self) -> frozenset[SessionName] | None:
        """See Stretch. Reads keys (and the routes, where a scenario is asked for), the first time."""
        if self._choice.everything:
            return None
        if self._sessions is None:
            self._sessions = frozenset(self._found())
        return self._sessions

    def read(self, partition: int) -> PartitionStretch:
        """See Stretch. Raises StretchGone where the log no longer has it."""
        if partition not in self.partitions:
            raise ValueError(f"there is no partition {partition}; there are {', '.join(map(str, self.partitions))}")
        with collector_resting():
            found = _Found(self.window, self._messages(partition))
            for read in self._of_sessions(partition, found.keys, (SIGNALS, ROUTES, REPLIES)):
                found.take(read)
        scenario = self._choice.selection.scenario
        return found.stretch(partition, None if scenario is None else found.routed_to(scenario))

    def _found(self) -> set[SessionName]:
        """The sessions of the whole window that are chosen."""
        found: set[SessionName] = set()
        scenario = self._choice.selection.scenario
        for partition in self.partitions:
            if scenario is None:
                place = (MESSAGES, partition)
                keys = {raw.key for _, raw in self._source.raws({place: self._extent.spans[place]})}
                found |= {name for name in map(session_of, keys) if name is not None and self._choice.takes(name)}
            else:
                one = _Found(self.window, self._messages(partition))
                for read in self._of_sessions(partition, one.keys, (ROUTES,)):
                    one.take(read)
                found |= one.routed_to(scenario)
        return found

    def _messages(self, partition: int) -> Iterator[Read]:
        """What lies on chat.messages under the keys of chosen sessions."""
        taken: dict[bytes | None, bool] = {}
        place, takes = (MESSAGES, partition), self._choice.takes
        for _, raw in self._source.raws({place: self._extent.spans[place]}):
            wanted = taken.get(raw.key)
            if wanted is None:
                wanted = taken[raw.key] = takes(session_of(raw.key))
            if wanted and (read := self._live(place, raw)) is not None:
                yield read

    def _of_sessions(self, partition: int, keys: Collection[bytes | None], topics: Iterable[str]) -> Iterator[Read]:
        """What lies on these topics under these keys."""
        spans = {(topic, partition): self._extent.spans[topic, partition] for topic in topics}
        spans[ROUTES, partition] = (self._extent.history[partition], spans[ROUTES, partition][1])
        for place, raw in self._source.raws(spans):
            if raw.key in keys and (read := self._live(place, raw)) is not None:
                yield read

    def _live(self, place: Place, raw: Raw) -> Read | None:
        """What lies there, decoded; None where it belongs to another run."""
        offset, appended_at, key, value, event, _ = raw
        try:
            decoded = self._codec.decode(place[0], value) if event is None else event
        except Undecodable as why:
            return Unreadable(*place, offset, appended_at, key, value, why)
        return Record(*place, offset, appended_at, decoded) if decoded.meta.run_id == LIVE else None


class _Found:
    """What of the log belongs to a window: its messages, and what became of them."""

    def __init__(self, window: Window, messages: Iterable[Read]) -> None:
        self._window = window
        self._messages = list(messages)
        self._signals: list[Read] = []
        self._before: list[Record] = []
        self._routes: list[Record] = []
        self._replies: list[Record] = []
        self._begun: set[SessionName] = set()
        self._ids: set[str] = set()
        self.keys: set[bytes | None] = set()
        for read in self._messages:
            if isinstance(read, Unreadable):
                self.keys.add(read.key)
                continue
            self.keys.add(session_key(*_name(read)))
            self._ids.add(read.event.meta.event_id)
            if type(read.event) is MessageReceived:
                self._ids.add(read.event.meta.turn_id or "")

    def take(self, read: Read) -> None:
        """Something that lies under one of `keys`, in offset order within its topic."""
        if isinstance(read, Unreadable):
            if read.topic == SIGNALS and self._window.start <= read.appended_at < self._window.end:
                self._signals.append(read)
            return
        event = read.event
        if isinstance(event, ScenarioRouted | DialogueChanged):
            self._take_route(read, event)
        elif event.meta.turn_id in self._ids:
            (self._signals if read.topic == SIGNALS else self._replies).append(read)

    def _take_route(self, record: Record, event: ScenarioRouted | DialogueChanged) -> None:
        name = _name(record)
        # A turn before the window may have a message that comes again within it: when it was decided, its state says.
        earlier = isinstance(event, ScenarioRouted) and event.state.last_turn_at < self._window.start
        if event.meta.caused_by in self._ids and not earlier:
            self._begun.add(name)
            self._routes.append(record)
        elif name not in self._begun and event.state.last_turn_at < self._window.start:
            self._before.append(record)

    def routed_to(self, scenario: str) -> set[SessionName]:
        """The sessions with a turn that was routed there."""
        routes = (r for r in self._routes if isinstance(r.event, ScenarioRouted) and r.event.scenario == scenario)
        return {_name(record) for record in routes}

    def stretch(self, partition: int, names: Collection[SessionName] | None) -> PartitionStretch:
        """All of it, or only that of these sessions."""

        def kept(reads: Iterable[T]) -> tuple[T, ...]:
            return tuple(r for r in reads if names is None or _session(r) in names)

        lists = kept(self._before), kept(self._messages), kept(self._signals), kept(self._routes), kept(self._replies)
        return PartitionStretch(partition, *lists)


def _name(record: Record) -> SessionName:
    meta = record.event.meta
    return meta.tenant_id, meta.session_id


def _session(read: Read) -> SessionName | None:
    return session_of(read.key) if isinstance(read, Unreadable) else _name(read)
