"""What became of a load's turns, by everyone who could have lost one: the log, both stores, and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from infra.benches.frame import BenchError
from infra.benches.load import Loaded
from infra.settings import Settings
from infra.summary import NotAtRest, come_to_rest
from projections.analytics.schema import client_of
from projections.ledger import ledger
from projections.progress import spans_of
from projections.session_state.store import SCHEMA, connect

_IN_CLICKHOUSE = (
    "SELECT uniqExact(session_id, turn_id) FROM (SELECT session_id, turn_id, groupBitOr(parts) AS has FROM turn_parts "
    "WHERE tenant_id = {tenant:String} AND run_id = 'live' AND startsWith(session_id, {name:String}) "
    "GROUP BY session_id, turn_id) WHERE bitAnd(has, 7) = 7"
)
_IN_POSTGRES = (
    "SELECT count(*) FROM turns WHERE tenant_id = %s AND run_id = 'live' AND session_id >= %s AND session_id < %s "
    "AND message IS NOT NULL AND route IS NOT NULL AND reply IS NOT NULL"
)


@dataclass(frozen=True)
class Accounts:
    """Of all loads. turns: that the log took. missing: turns without a reply. doubled: with replies of several ids.
    not_in_clickhouse, not_in_postgres: turns that are not there whole, with message, route and reply. unaccounted: by
    the ledger, of these tenants. problems: what else the ledger finds, in words.
    """

    turns: int
    missing: int
    doubled: int
    not_in_clickhouse: int
    not_in_postgres: int
    unaccounted: int
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        wrong = (self.missing, self.doubled, self.not_in_clickhouse, self.not_in_postgres, self.unaccounted)
        return not any(wrong) and not self.problems

    def shown(self) -> str:
        """A line for people."""
        told = (
            f"{self.turns:,} turns: {self.missing} without a reply, {self.doubled} answered twice, "
            f"{self.not_in_clickhouse} not whole in ClickHouse, {self.not_in_postgres} in PostgreSQL, "
            f"{self.unaccounted} unaccounted for"
        )
        return "; ".join([told, *self.problems])


def accounts(settings: Settings, loads: Sequence[Loaded], patience: float = 300.0) -> Accounts:
    """The same, once everything rests. Raises BenchError where it does not come to rest in time."""
    try:
        come_to_rest(settings, patience)
    except NotAtRest as why:
        raise BenchError(f"the stack does not come to rest after the load: {why}") from why
    found = ledger(settings.kafka, settings.clickhouse)
    tenants = {load.tenant for load in loads}
    turns = sum(load.sent - len(load.unconfirmed) for load in loads)
    return Accounts(
        turns=turns,
        missing=sum(load.missing for load in loads),
        doubled=sum(load.doubled for load in loads),
        not_in_clickhouse=turns - _in_clickhouse(settings, loads),
        not_in_postgres=turns - _in_postgres(settings, loads),
        unaccounted=sum(line.unaccounted for line in found.lines if line.tenant in tenants),
        problems=tuple(found.problems),
    )


def _in_clickhouse(settings: Settings, loads: Sequence[Loaded]) -> int:
    with client_of(settings.clickhouse) as client:
        counts = [
            client.query(_IN_CLICKHOUSE, {"tenant": load.tenant, "name": f"{load.name}."}).result_rows[0][0]
            for load in loads
        ]
    return sum(map(int, counts))


def _in_postgres(settings: Settings, loads: Sequence[Loaded]) -> int:
    with connect(settings.postgres, SCHEMA) as connection:
        query = sql.SQL(_IN_POSTGRES)
        rows = [
            connection.execute(query, [load.tenant, f"{load.name}.", f"{load.name}/"]).fetchone() for load in loads
        ]  # "/" follows "." in the order of bytes
    return sum(int(row[0]) for row in rows if row is not None)


def records_of(settings: Settings) -> int:
    """Records of all topics that the projections read, as the log ends now."""
    return sum(high for _, high in spans_of(settings.kafka, "analytics").values())
