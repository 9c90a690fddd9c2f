"""The conservation ledger: what became of every message that the log took, by tenant and minute. None may be missing.

Each turn has one disposition. What has none is in flight until its deadline and a grace time have passed; then it is
unaccounted for. What was received is reconciled with the log's own offsets: every record of chat.messages between a
partition's first and last offset is a message, a repeat of one, another event, or one that was refused and has a dead
letter.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from clickhouse_connect.driver.client import Client

from projections.analytics.schema import DATABASE, client_of
from projections.analytics.store import positions
from projections.progress import missing, spans_of
from schemas.catalogue import MESSAGES
from schemas.events import LIVE

GRACE: Final = 60.0
"""Seconds past its deadline after which a turn without a disposition is unaccounted for."""
By = Literal["tenant", "minute"]


@dataclass
class Line:
    """Turns of a tenant, or of one minute of `turn_started_at` of it (UTC). The first seven count turns."""

    tenant: str
    minute: datetime | None
    received: int = 0
    replied: int = 0
    answered_by_human: int = 0
    handed_off: int = 0
    dead_lettered: int = 0
    in_flight: int = 0
    unaccounted: int = 0
    duplicates: int = 0
    """Messages that came again under the same id."""
    undecodable: int = 0
    """Records of chat.messages that could not be decoded, by when the log took them."""

    def add(self, other: Line) -> None:
        """Adds another line's counts to this one's."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


COUNTS: Final = tuple(name for name in Line.__dataclass_fields__ if name not in ("tenant", "minute"))


@dataclass
class Ledger:
    """The ledger of a run, and what it was reconciled with."""

    lines: list[Line]
    total: Line
    behind: int
    """Records of the log that analytics does not have yet: while there are any, nothing is said to balance."""
    log_records: int
    """Records of chat.messages by the partitions' own offsets."""
    listed_records: int
    """Those that analytics lists."""
    messages: int
    """Accepted messages by the index of the log, repeats left out."""
    turns_with_message: int
    """Turns that have their message: as many, or something was lost between the two."""
    refused_without_dead_letter: int
    """Refused records, older than the grace time, of which there is no dead letter."""
    problems: list[str] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        return not self.problems

    @property
    def totals(self) -> dict[str, int | bool]:
        """What `spillway ledger --json` prints of the whole."""
        counts = {name: getattr(self.total, name) for name in COUNTS}
        return {**counts, "behind": self.behind, "balanced": self.balanced}

    def as_json(self) -> dict[str, Any]:
        """Totals, what they were reconciled with, and the lines."""
        lines = [asdict(line) | {"minute": line.minute and line.minute.isoformat()} for line in self.lines]
        names = ("log_records", "listed_records", "messages", "turns_with_message", "refused_without_dead_letter")
        reconciled = {name: getattr(self, name) for name in names}
        return {**self.totals, "reconciled": reconciled, "problems": self.problems, "lines": lines}


def ledger(
    bootstrap: str, url: str, database: str = DATABASE, *, by: By = "tenant", now: int | None = None, run_id: str = LIVE
) -> Ledger:
    """The ledger as of `now` (microseconds UTC).

    Raises KafkaException where the broker, one of projections.analytics.store.AWAY where ClickHouse does not answer.
    """
    now = time.time_ns() // 1000 if now is None else now
    spans = spans_of(bootstrap, "analytics")
    firsts = {place: low for place, (low, _) in spans.items() if place[0] == MESSAGES}
    with client_of(url, database) as client:
        behind = missing(spans, positions(client))
        lines = _lines(client, now, run_id)
        listed = _listed(client, firsts)
        messages, with_message = _messages(client, run_id)
        without = _refused_without_dead_letter(client, now)
    total = Line("", None)
    for line in lines:
        total.add(line)
    found = Ledger(
        lines=lines if by == "minute" else _by_tenant(lines),
        total=total,
        behind=behind,
        log_records=sum(high - low for (topic, _), (low, high) in spans.items() if topic == MESSAGES),
        listed_records=listed,
        messages=messages,
        turns_with_message=with_message,
        refused_without_dead_letter=without,
    )
    found.problems = list(_problems(found))
    return found


def _problems(found: Ledger) -> Iterable[str]:
    total = found.total
    if found.behind:
        yield f"analytics is {found.behind} records behind the log: ask again when it has caught up"
    if total.unaccounted:
        yield f"{total.unaccounted} turns have no disposition {GRACE:.0f} s past their deadline"
    if found.refused_without_dead_letter:
        yield f"{found.refused_without_dead_letter} refused records of {MESSAGES} have no dead letter"
    if found.behind == 0 and found.log_records != found.listed_records:
        yield f"{MESSAGES} has {found.log_records} records, analytics lists {found.listed_records}"
    if found.behind == 0 and found.messages != found.turns_with_message:
        yield f"{found.messages} messages were accepted, {found.turns_with_message} turns have theirs"


def _by_tenant(lines: Iterable[Line]) -> list[Line]:
    found: dict[str, Line] = {}
    for line in lines:
        found.setdefault(line.tenant, Line(line.tenant, None)).add(line)
    return list(found.values())


_DISPOSITIONS: Final = """
SELECT
    tenant_id,
    toUnixTimestamp(toStartOfMinute(turn_started_at)) AS minute,
    count(),
    countIf(disposition = 'replied'),
    countIf(disposition = 'answered_by_human'),
    countIf(disposition = 'handed_off'),
    countIf(disposition = 'dead_lettered'),
    countIf(disposition = 'open' AND due >= {now:Int64}),
    countIf(disposition = 'open' AND due < {now:Int64})
FROM (
    SELECT
        tenant_id,
        turn_started_at,
        disposition,
        toUnixTimestamp64Micro(coalesce(deadline_at, turn_started_at)) + {grace:Int64} AS due
    FROM turns
    WHERE received AND run_id = {run:String}
)
GROUP BY tenant_id, minute
"""
_DUPLICATES: Final = """
SELECT tenant_id, toUnixTimestamp(toStartOfMinute(at)) AS minute, sum(repeats)
FROM (
    SELECT tenant_id, argMin(turn_started_at, offset) AS at, uniqExact(partition, offset) - 1 AS repeats
    FROM log_index
    WHERE topic = {topic:String} AND record = 'MessageReceived' AND status = 'decoded' AND run_id = {run:String}
    GROUP BY tenant_id, session_id, event_id
    HAVING repeats > 0
)
GROUP BY tenant_id, minute
"""
_UNDECODABLE: Final = """
SELECT tenant_id, toUnixTimestamp(toStartOfMinute(appended_at)) AS minute, uniqExact(partition, offset)
FROM log_index
WHERE topic = {topic:String} AND status = 'undecodable'
GROUP BY tenant_id, minute
"""


def _lines(client: Client, now: int, run_id: str) -> list[Line]:
    found: dict[tuple[str, int], Line] = {}

    def line(tenant: str, minute: int) -> Line:
        return found.setdefault((tenant, minute), Line(tenant, datetime.fromtimestamp(minute, UTC)))

    given = {"now": now, "grace": int(GRACE * 1e6), "run": run_id, "topic": MESSAGES}
    for tenant, minute, *counts in client.query(_DISPOSITIONS, given).result_rows:
        for name, count in zip(COUNTS[:7], counts, strict=True):
            setattr(line(tenant, minute), name, count)
    for tenant, minute, count in client.query(_DUPLICATES, given).result_rows:
        line(tenant, minute).duplicates = count
    if run_id == LIVE:
        for tenant, minute, count in client.query(_UNDECODABLE, given).result_rows:
            line(tenant, minute).undecodable = count
    return [found[key] for key in sorted(found)]


def _one(client: Client, query: str, given: dict[str, Any]) -> list[int]:
    return [int(value) for value in client.query(query, given).result_rows[0]]


def _listed(client: Client, firsts: dict[tuple[str, int], int]) -> int:
    """Records of chat.messages that analytics lists, of those that the log still has."""
    query = (
        "SELECT partition, uniqExact(offset) FROM log_index WHERE topic = {topic:String} AND "
        "offset >= transform(partition, {partitions:Array(UInt16)}, {firsts:Array(UInt64)}, toUInt64(0)) "
        "GROUP BY partition"
    )
    given = {"topic": MESSAGES, "partitions": [n for _, n in firsts], "firsts": list(firsts.values())}
    return sum(int(count) for _, count in client.query(query, given).result_rows)


def _messages(client: Client, run_id: str) -> tuple[int, int]:
    given = {"topic": MESSAGES, "run": run_id}
    (accepted,) = _one(
        client,
        "SELECT uniqExact(tenant_id, session_id, event_id) FROM log_index WHERE topic = {topic:String} AND "
        "record = 'MessageReceived' AND status = 'decoded' AND run_id = {run:String}",
        given,
    )
    (turns,) = _one(
        client,
        "SELECT uniqExact(tenant_id, session_id, turn_id) FROM turn_parts WHERE bitAnd(parts, 1) AND "
        "run_id = {run:String}",
        given,
    )
    return accepted, turns


def _refused_without_dead_letter(client: Client, now: int) -> int:
    query = (
        "SELECT uniqExact(partition, offset) FROM log_index WHERE topic = {topic:String} AND status != 'decoded' "
        "AND toUnixTimestamp64Micro(appended_at) + {grace:Int64} < {now:Int64} AND (partition, offset) NOT IN "
        "(SELECT origin_partition, origin_offset FROM dead_letters "
        "WHERE origin_topic = {topic:String} AND run_id = {live:String})"
    )
    return _one(client, query, {"topic": MESSAGES, "grace": int(GRACE * 1e6), "now": now, "live": LIVE})[0]
