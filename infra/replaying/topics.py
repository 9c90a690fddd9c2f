"""Topics of a run's own: what a replay says, for whoever wants to read it as a log. Made by it, and deleted with it.

Each record lies on the partition and has the time of its live counterpart. A partition that is replayed again is
written again: readers take, of one event id, the lowest offset, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.replaying.errors import ReplayDied
from projections.runs import Forbidden, checked_run_id
from projections.runs.facts import NEVER
from schemas.catalogue import MESSAGES, REPLIES, ROUTES, SIGNALS, TOPICS
from schemas.codec import Codec
from schemas.events import Record
from streams.kafka_log import KAFKA_LOG
from streams.sink import event_key, producer_config

PARTS: Final = {SIGNALS: "signals", ROUTES: "routes", REPLIES: "replies"}
PATIENCE: Final = 60.0


class RunTopics:
    """The topics of one run. One thread at a time. Raises WrongRunName for what no replay may be called."""

    def __init__(self, bootstrap: str, run_id: str, codec: Codec) -> None:
        self.run_id = checked_run_id(run_id)
        self.names = {topic: f"replay.{run_id}.{part}" for topic, part in PARTS.items()}
        self._bootstrap, self._codec = bootstrap, codec
        self._producer: Producer | None = None

    def create(self) -> None:
        """Makes what is missing, with as many partitions as chat.messages has. Raises KafkaException."""
        admin = AdminClient({"bootstrap.servers": self._bootstrap}, logger=KAFKA_LOG)
        there = admin.list_topics(timeout=30).topics
        brokers = len(there[MESSAGES].partitions)
        new = [
            NewTopic(name, brokers, -1, config={**_CONFIG, "max.message.bytes": str(TOPICS[topic].max_bytes)})
            for topic, name in self.names.items()
            if name not in there
        ]
        for done in (admin.create_topics(new, operation_timeout=30) if new else {}).values():
            _result_but(done, KafkaError.TOPIC_ALREADY_EXISTS)

    def write(self, records: Iterable[Record]) -> None:
        """Writes what belongs there, and returns when the broker has it; messages and dead letters are left out.

        Raises Forbidden for an event of another run, ReplayDied where the broker does not take it.
        """
        if self._producer is None:
            config = {**producer_config(self._bootstrap), "delivery.report.only.error": True}
            self._producer = Producer(config, logger=KAFKA_LOG)
        failed: list[KafkaError] = []
        for record in records:
            event, name = record.event, self.names.get(record.topic)
            if event.meta.run_id != self.run_id:
                raise Forbidden(f"{type(event).__name__} {event.meta.event_id} is not of the run {self.run_id}")
            if record.topic in NEVER:
                raise Forbidden(f"{type(event).__name__} on {record.topic}: a replay writes conversations alone")
            if name is not None:
                self._produce(name, record, failed)
        left = self._producer.flush(PATIENCE)
        if left or failed:
            why = failed[0].str() if failed else f"{left} records are not acknowledged after {PATIENCE:.0f} s"
            raise ReplayDied(f"the topics of run {self.run_id} could not be written: {why}; start the replay again")

    def _produce(self, name: str, record: Record, failed: list[KafkaError]) -> None:
        assert self._producer is not None
        value, key = self._codec.encode(record.event), event_key(record.event)
        while True:
            try:
                self._producer.produce(
                    name,
                    value,
                    key,
                    record.partition,
                    timestamp=record.appended_at // 1000,
                    on_delivery=lambda error, _: failed.append(error) if error is not None else None,
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def delete(self) -> None:
        """Removes them; nothing where there are none. Raises KafkaException."""
        admin = AdminClient({"bootstrap.servers": self._bootstrap}, logger=KAFKA_LOG)
        there = admin.list_topics(timeout=30).topics
        found = [name for name in self.names.values() if name in there]
        for done in (admin.delete_topics(found, operation_timeout=30) if found else {}).values():
            _result_but(done, KafkaError.UNKNOWN_TOPIC_OR_PART)


_CONFIG: Final = {
    "retention.ms": "-1",
    "cleanup.policy": "delete",
    # The record's own time, whenever that was.
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": str((1 << 63) - 1),
    "message.timestamp.after.max.ms": str((1 << 63) - 1),
}


def _result_but(done: object, fine: int) -> None:
    try:
        done.result(timeout=PATIENCE)  # type: ignore[attr-defined]
    except KafkaException as err:
        if err.args[0].code() != fine:
            raise
