"""The record source against the real log: where it starts, what it refuses, and members that come and go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from streams.membership import Membership
from streams.ownership import Place
from streams.partitions import Batch, OffsetsGone, PartitionedReader
from tests.integration.stage_loop import until, write

pytestmark = pytest.mark.broker

PARTITIONS = 4


@pytest.fixture
def topics(broker: str, unique: str) -> Iterator[tuple[str, str]]:
    """Two new co-partitioned topics with ten records in partition-deciding keys each."""
    names = (f"{unique}.a", f"{unique}.b")
    admin = AdminClient({"bootstrap.servers": broker})
    for done in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        done.result(timeout=30)
    for name in names:
        write(broker, [(name, b"key %d" % n, b"%d" % n) for n in range(10)])
    yield names
    for done in admin.delete_topics(list(names)).values():
        done.result(timeout=30)


def keep(starts: Mapping[int, Mapping[str, int]]) -> Mapping[int, str]:
    return {n: f"state {n}" for n in starts}


class Member:
    """A member that notes what it is handed."""

    def __init__(
        self,
        broker: str,
        group: str,
        topics: tuple[str, ...],
        positions: dict[Place, int] | None = None,
        instance: str | None = None,
    ) -> None:
        sought = None if positions is None else lambda _: positions
        self.reader: PartitionedReader[str] = PartitionedReader(
            broker, group, topics, open_states=keep, close_states=self._lost, positions=sought, instance=instance
        )
        self.reader.start()
        self.values: list[tuple[str, bytes]] = []
        self.owns: set[int] = set()
        self.lost: dict[int, str] = {}

    def _lost(self, states: Mapping[int, str]) -> None:
        self.lost.update(states)

    def step(self) -> Batch:
        """One batch, worked on and committed."""
        batch = self.reader.read(100, 0.02)
        with self.reader.hand(batch) as hand:
            self.owns = set(hand.states)
            mine = [m for m in batch.messages if m.partition() in hand.states]
            self.values += [(m.topic() or "", bytes(m.value() or b"")) for m in mine]
            if mine:
                offsets = {(m.topic() or "", m.partition() or 0): (m.offset() or 0) + 1 for m in mine}
                self.reader.commit(batch, offsets)
        return batch


def test_a_second_member_of_the_same_name_stops_instead_of_waiting(
    broker: str, unique: str, topics: tuple[str, str]
) -> None:
    """While a member holds its instance's name, another that takes it fails, so that its supervisor hears of it."""
    first = Member(broker, unique, topics, instance="only-one")
    until(lambda: len(first.owns) == PARTITIONS, first.step)
    second = Member(broker, unique, topics, instance="only-one")
    with pytest.raises(KafkaException, match="still used"):
        until(lambda: bool(second.owns), second.step)
    second.reader.close()
    first.reader.close()


def test_a_new_group_starts_where_the_log_begins(broker: str, unique: str, topics: tuple[str, str]) -> None:
    """Everything that is in the log is read, of both topics."""
    member = Member(broker, unique, topics)
    until(lambda: len(member.values) >= 20, member.step)
    assert sorted(member.values) == sorted((t, b"%d" % n) for t in topics for n in range(10))
    member.reader.close()


def test_a_known_group_whose_offsets_are_gone_stops(broker: str, unique: str, topics: tuple[str, str]) -> None:
    """It names the place and the remedy, and does not jump; a group that never was starts where the log now begins."""
    member = Member(broker, unique, topics)
    until(lambda: len(member.values) >= 20, member.step)
    member.reader.close()
    for name in topics:
        write(broker, [(name, b"key %d" % n, b"later") for n in range(40)])
    admin = AdminClient({"bootstrap.servers": broker})
    ends = member_ends(broker, topics)
    cut = [TopicPartition(*place, end) for place, end in ends.items()]
    for done in admin.delete_records(cut).values():
        done.result(timeout=30)

    member = Member(broker, unique, topics)
    with pytest.raises(OffsetsGone, match="--reset-offsets"):
        until(lambda: False, member.step)

    fresh = Member(broker, f"{unique}.new", topics)
    until(lambda: fresh.owns == set(range(PARTITIONS)), fresh.step)
    assert fresh.values == []
    fresh.reader.close()


def member_ends(broker: str, topics: tuple[str, str]) -> dict[Place, int]:
    """Where the log ends."""
    reader: PartitionedReader[str] = PartitionedReader(broker, "ends", topics, open_states=keep)
    ends = reader.ends([(topic, n) for topic in topics for n in range(PARTITIONS)], 10)
    reader.close()
    return ends


def test_a_projection_starts_at_its_own_positions(broker: str, unique: str, topics: tuple[str, str]) -> None:
    """What it names is read from there; what it does not name from the beginning; the group's commits do not count."""
    ends = member_ends(broker, topics)
    positions = {place: end for place, end in ends.items() if place[0] == topics[0]}
    for _ in range(2):
        member = Member(broker, unique, topics, positions)
        until(lambda: len(member.values) >= 10, member.step)  # noqa: B023
        assert {topic for topic, _ in member.values} == {topics[1]}
        member.reader.close()


def test_partitions_go_to_a_second_member_whole_and_come_back(
    broker: str, unique: str, topics: tuple[str, str]
) -> None:
    """Partition n of both topics goes together, and who loses it is told; nothing is read by both; who was paused
    meanwhile reads on."""
    first = Member(broker, unique, topics)
    until(lambda: len(first.values) >= 20, first.step)
    first.reader.pause(True)
    second = Member(broker, unique, topics)
    until(lambda: len(second.owns) == PARTITIONS // 2, lambda: (first.step(), second.step()))
    assert first.owns | second.owns == set(range(PARTITIONS))
    assert not first.owns & second.owns
    assert first.lost == {n: f"state {n}" for n in second.owns}
    second.reader.close()
    until(lambda: first.owns == set(range(PARTITIONS)), first.step)
    first.reader.pause(False)
    for name in topics:
        write(broker, [(name, b"key %d" % n, b"later %d" % n) for n in range(10)])
    until(lambda: len(first.values) >= 40, first.step)
    assert len(first.values) + len(second.values) == 40
    first.reader.close()


def test_a_member_without_partitions_counts_as_standing_by(broker: str, unique: str, topics: tuple[str, str]) -> None:
    """More members than partitions: those who have none are ready all the same, once the group knows them."""
    members = [Member(broker, unique, topics) for _ in range(PARTITIONS + 1)]
    membership, readers = Membership(broker), {str(n): member.reader for n, member in enumerate(members)}
    until(lambda: all(membership.of(readers).values()), lambda: [member.step() for member in members])
    assert sum(member.reader.assigned for member in members) >= 1
    for member in members:
        member.reader.close()
