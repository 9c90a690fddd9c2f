"""How much memory processes have, and how much room the session state takes in PostgreSQL."""

from __future__ import annotations

import math
import threading
import time
from typing import Final

import psutil
import psycopg

from infra.benches.lag import LagMeter
from infra.settings import Settings
from projections.session_state.store import SCHEMA

SETTLE_WITHIN: Final = 60.0
_TABLES: Final = """
    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relkind IN ('r', 'm')
"""


def of(pid: int | None) -> float:
    """Resident bytes of a process; nan where there is none."""
    try:
        return math.nan if pid is None else float(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return math.nan


def tables(settings: Settings) -> int:
    """Bytes of all tables of the session state, with their indexes."""
    with psycopg.connect(settings.postgres, autocommit=True) as connection:
        row = connection.execute(_TABLES, (SCHEMA,)).fetchone()
    return int(row[0]) if row else 0


def settle(settings: Settings, seconds: float = SETTLE_WITHIN) -> None:
    """Waits until every reader of the log has read all of it, so long at most."""
    meter, end = LagMeter(settings.kafka), time.monotonic() + seconds
    while meter.read().most and time.monotonic() < end:
        threading.Event().wait(0.5)
