"""What a log must do for the stages, whether it lies in memory or on a broker."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Protocol

import pytest

from processors.outcomes import Emit
from processors.stage import Context
from schemas.catalogue import DEFAULT_PARTITIONS, MESSAGES, ROUTES, SIGNALS, TOPICS
from schemas.events import Event, Record
from schemas.identity import session_key
from streams.log import Place, Unreadable
from streams.partitioner import partition_of
from streams.testing import ScriptedIntents, a_feedback, a_message
from streams.understanding import Understanding


class Refused(Exception):
    """The log does not take this record."""


class Log(Protocol):
    """The log as the suite sees it."""

    def append(self, events: Sequence[Event]) -> None:
        """Appends events in this order; they are there when it returns."""
        ...

    def append_bytes(self, topic: str, key: bytes, value: bytes) -> None:
        """Appends anything. Raises Refused."""
        ...

    def read(self, topic: str) -> list[Record | Unreadable]:
        """All of a topic, each partition in the order of its offsets."""
        ...

    def commit(self, group: str, place: Place, offset: int) -> None: ...
    def committed(self, group: str, place: Place) -> int | None:
        """None or 0 where nothing was committed."""
        ...


class LogSuite:
    """Subclasses give `log`, with the catalogue's topics of twelve partitions, perhaps with others' records in it."""

    def mine(self, log: Log, topic: str, tenant: str) -> list[Record]:
        """The records of one tenant."""
        return [r for r in log.read(topic) if isinstance(r, Record) and r.event.meta.tenant_id == tenant]

    def test_a_sessions_records_keep_their_order(self, log: Log, unique: str) -> None:
        """What was appended first has the lower offset, in one partition."""
        events = [a_message(str(n), tenant=unique, session=f"s-{n % 5}") for n in range(100)]
        log.append(events)
        records = self.mine(log, MESSAGES, unique)
        for session in {f"s-{n}" for n in range(5)}:
            of_session = [r for r in records if r.event.meta.session_id == session]
            assert [r.event for r in of_session] == [e for e in events if e.meta.session_id == session]
            assert len({r.partition for r in of_session}) == 1
            assert all(a.offset < b.offset for a, b in pairwise(of_session))

    def test_offsets_have_no_gaps(self, log: Log, unique: str) -> None:
        """The next record of a partition has the next offset, beginning with 0."""
        log.append([a_message(tenant=unique, session=f"s-{n}") for n in range(50)])
        places: dict[int, list[int]] = {}
        for record in log.read(MESSAGES):
            places.setdefault(record.partition, []).append(record.offset)
        assert all(offsets == list(range(len(offsets))) for offsets in places.values())

    def test_a_key_has_the_partition_that_java_gives_it(self, log: Log, unique: str) -> None:
        """Adapters in any language, and our own partitioner, agree."""
        sessions = [f"session {n} 会话 {'x' * (n % 7)}" for n in range(200)]
        log.append([a_feedback(tenant=unique, session=s) for s in sessions])
        found = {r.event.meta.session_id: r.partition for r in self.mine(log, MESSAGES, unique)}
        assert found == {s: partition_of(session_key(unique, s), DEFAULT_PARTITIONS) for s in sessions}

    def test_a_session_has_one_partition_number_in_every_topic(self, log: Log, unique: str) -> None:
        """Joins depend on it."""
        messages = [a_message(tenant=unique, session=f"s-{n}") for n in range(30)]
        log.append(messages)
        signals = _signals(self.mine(log, MESSAGES, unique))
        log.append(signals)
        number = {r.event.meta.session_id: r.partition for r in self.mine(log, MESSAGES, unique)}
        assert {r.event.meta.session_id: r.partition for r in self.mine(log, SIGNALS, unique)} == number

    def test_append_times_are_the_logs_and_do_not_go_back(self, log: Log, unique: str) -> None:
        """They are microseconds with the resolution of milliseconds, whatever the event says of itself."""
        log.append([a_message(tenant=unique, session="s", at=n) for n in range(20)])
        times = [r.appended_at for r in self.mine(log, MESSAGES, unique)]
        assert all(a <= b for a, b in pairwise(times))
        assert all(t % 1000 == 0 and t > 1_700_000_000_000_000 for t in times)

    def test_bytes_that_are_no_event_stay_where_they_are(self, log: Log, unique: str) -> None:
        """They are read with key, value and reason, and their neighbours as usual."""
        key = session_key(unique, "s")
        log.append([a_message("before", tenant=unique, session="s")])
        log.append_bytes(MESSAGES, key, b"\x00\x00\x00\xff\xffjunk")
        log.append([a_message("after", tenant=unique, session="s")])
        around = [r for r in log.read(MESSAGES) if r.partition == partition_of(key, DEFAULT_PARTITIONS)][-3:]
        assert [type(r) for r in around] == [Record, Unreadable, Record]
        bad = around[1]
        assert isinstance(bad, Unreadable)
        assert (bad.key, bad.value, bad.why.reason) == (key, b"\x00\x00\x00\xff\xffjunk", "unknown_schema")

    def test_a_record_beyond_the_limit_is_refused(self, log: Log, unique: str) -> None:
        """The limit is the catalogue's, and those around it are taken."""
        key = session_key(unique, "s")
        log.append([a_message("before", tenant=unique, session="s")])
        with pytest.raises(Refused):
            # Noise, since a broker measures what compression leaves.
            log.append_bytes(MESSAGES, key, Random(1).randbytes(TOPICS[MESSAGES].max_bytes + 1))
        log.append([a_message("after", tenant=unique, session="s")])
        assert len(self.mine(log, MESSAGES, unique)) == 2

    def test_a_group_finds_what_it_has_committed(self, log: Log, unique: str) -> None:
        """By topic and partition; the last commit counts, also when it is lower; groups know nothing of each other."""
        assert not log.committed(unique, (ROUTES, 3))
        log.commit(unique, (ROUTES, 3), 7)
        log.commit(unique, (ROUTES, 4), 1)
        assert log.committed(unique, (ROUTES, 3)) == 7
        log.commit(unique, (ROUTES, 3), 5)
        assert log.committed(unique, (ROUTES, 3)) == 5
        assert not log.committed(f"{unique}-other", (ROUTES, 3))


def _signals(records: Sequence[Record]) -> list[Event]:
    outcomes = Understanding.intent(ScriptedIntents({})).process(records, Context(0))
    return [e for o in outcomes if isinstance(o, Emit) for e in o.events]
