"""A stretch of the log on a broker."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.codec import Codec
from streams.log import Place, a_reader, bounds, messages_between
from streams.recovery import HISTORY
from streams.replay.extent import TAIL, extent_of, from_first, gaps_of
from streams.replay.source import Raw, Source, Span, StretchGone
from streams.replay.source_stretch import SourceStretch
from streams.replay.stretch import Selection, Window


class KafkaSource(Source):
    """The log on a broker, as a stretch reads it. Holds no connection between calls; safe to send to other processes.

    Raises KafkaException when the broker does not answer, TimeoutError when it goes silent for `patience` seconds.
    """

    def __init__(self, bootstrap: str, patience: float = 60) -> None:
        self._bootstrap, self._patience = bootstrap, patience

    def spans(self, topics: Collection[str]) -> Mapping[Place, Span]:
        """See Source."""
        with self._reader() as consumer:
            return bounds(consumer, topics, self._patience)

    def offsets_at(self, places: Collection[Place], at: int) -> Mapping[Place, int]:
        """See Source."""
        milliseconds = max(0, -(-at // 1000))  # append times are whole milliseconds
        asked = [TopicPartition(topic, number, milliseconds) for topic, number in places]
        with self._reader() as consumer:
            found = {(p.topic, p.partition): p for p in consumer.offsets_for_times(asked, timeout=self._patience)}
            offsets = {}
            for place, answer in found.items():
                if answer.error is not None:
                    raise KafkaException(answer.error)
                last = answer.offset < 0
                offsets[place] = (
                    consumer.get_watermark_offsets(TopicPartition(*place), timeout=self._patience)[1]
                    if last
                    else answer.offset
                )
        return offsets

    def raws(self, spans: Mapping[Place, Span]) -> Iterator[tuple[Place, Raw]]:
        """See Source."""
        wanted = {place: span for place, span in spans.items() if span[0] < span[1]}
        if not wanted:
            return
        with self._reader() as consumer:
            try:
                for message in messages_between(consumer, wanted, self._patience):
                    place = (message.topic() or "", message.partition() or 0)
                    appended_at = message.timestamp()[1] * 1000
                    headers: Any = tuple(message.headers() or ())
                    yield place, Raw(message.offset() or 0, appended_at, message.key(), message.value(), None, headers)
            except KafkaException as err:
                if err.args[0].code() in (KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET):
                    raise self._gone(consumer, wanted) from err
                raise

    def describe(self) -> Mapping[str, Any]:
        """See Source."""
        return {"kind": "kafka", "bootstrap": self._bootstrap}

    @contextmanager
    def _reader(self) -> Iterator[Consumer]:
        consumer = a_reader(self._bootstrap)
        try:
            yield consumer
        finally:
            consumer.close()

    def _gone(self, consumer: Consumer, spans: Mapping[Place, Span]) -> StretchGone:
        held = bounds(consumer, {topic for topic, _ in spans})
        lost = [
            f"{place[0]}, partition {place[1]}: offsets {first} to {held[place][0] - 1}"
            for place, (first, _) in sorted(spans.items())
            if first < held[place][0]
        ]
        what = "; ".join(lost) or "the offsets that it was made of"
        return StretchGone(
            f"the log no longer has all of this stretch: retention took {what}. Replay what is left in a new run, or "
            "read the stretch from an archive"
        )


class KafkaStretch(SourceStretch):
    """A stretch of the log on a broker."""

    @classmethod
    def of(
        cls,
        bootstrap: str,
        codec: Codec,
        window: Window,
        selection: Selection = Selection(),  # noqa: B008
        tail: float = TAIL,
        history: float = HISTORY,
    ) -> KafkaStretch:
        """The stretch, as the log is now: what is appended later does not belong to it.

        A window that begins at 0 begins with the first message that is left.
        tail: seconds past the window in which signals, routes and replies of its turns are looked for. history: seconds
        before it in which chat.routes is read. Raises ValueError for an empty window or a topic that is not there.
        """
        source = KafkaSource(bootstrap)
        window = from_first(source, window)
        extent = extent_of(source, window, tail, history)
        return cls.chosen(source, codec, extent, selection, gaps_of(source, extent))

    @classmethod
    def from_description(cls, bootstrap: str, codec: Codec, description: Mapping[str, Any]) -> KafkaStretch:
        """The stretch that gave this description, on the same log. `read` raises StretchGone for what has gone since.

        Raises ValueError for what describes no stretch.
        """
        return cls.described(KafkaSource(bootstrap), codec, description)
