"""The log, with someone who watches what is committed: nothing may be, before what follows from it lies in the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from schemas.catalogue import MESSAGES, ROUTES, SIGNALS
from schemas.codec import Codec
from schemas.events import (
    DeadLettered,
    EntitiesExtracted,
    Event,
    IntentDetected,
    MessageReceived,
    Record,
    ReplyProduced,
    ScenarioRouted,
    SentimentScored,
)
from schemas.validation import wrong_event
from streams.bus import Bus
from streams.log import Place

SIGNAL_OF = {"intent": IntentDetected, "sentiment": SentimentScored, "entities": EntitiesExtracted}



class WatchedBus(Bus):
    """The log. `kept`: its records as events, by place. `too_early`: what was committed that should not have been."""

    def __init__(self, now: Callable[[], int], partitions: int, codec: Codec | None = None) -> None:
        super().__init__(now, partitions, codec)
        self.kept: defaultdict[Place, list[Record]] = defaultdict(list)
        self.refused: set[str] = set()
        """Messages that validation refuses, by id."""
        self.too_early: list[str] = []
        self._signals: set[tuple[type[Event], str]] = set()
        self._routed: set[str] = set()
        self._replied: set[str] = set()
        self._dead: set[tuple[str, int, int]] = set()

    def append(self, event: Event) -> Record:
        record = super().append(event)
        self.kept[record.topic, record.partition].append(record)
        turn = event.meta.turn_id or ""
        match event:
            case MessageReceived():
                if wrong_event(event, record.appended_at) is not None:
                    self.refused.add(event.meta.event_id)
            case IntentDetected() | SentimentScored() | EntitiesExtracted():
                self._signals.add((type(event), turn))
            case ScenarioRouted():
                self._routed.add(turn)
            case ReplyProduced():
                self._replied.add(turn)
            case DeadLettered():
                self._dead.add((event.topic, event.partition, event.offset))
            case _:
                pass
        return record

    def commit(self, group: str, place: Place, offset: int) -> None:
        stage = group.removeprefix("spillway.")
        for record in self.kept[place][self.committed(group, place) : offset]:
            if (missing := self._missing(stage, record)) is not None:
                topic, n = place
                self.too_early.append(
                    f"{stage} committed {topic}[{n}] {offset}, and offset {record.offset} has no {missing} yet"
                )
        super().commit(group, place, offset)

    def _missing(self, stage: str, record: Record) -> str | None:
        """What should follow from a record that the stage has committed, and is not there."""
        event, turn = record.event, record.event.meta.turn_id or ""
        if record.topic == MESSAGES and isinstance(event, MessageReceived):
            if stage in SIGNAL_OF and event.meta.event_id in self.refused:
                return None if record[:3] in self._dead else "dead letter"
            if stage in SIGNAL_OF:
                return None if (SIGNAL_OF[stage], turn) in self._signals else "signal"
            return "route" if stage == "routing" and turn not in self._routed else None
        if record.topic == SIGNALS and turn not in self._routed:
            return "route"
        if record.topic == ROUTES and isinstance(event, ScenarioRouted) and turn not in self._replied:
            owners = {"reply": ("reply", "generation"), "generation": ("generation",)}.get(stage, ())
            return "reply" if event.owner in owners else None
        return None
