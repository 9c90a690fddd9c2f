"""What happens to PostgreSQL and ClickHouse: serving must not notice, and the projections catch up by themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg

from infra.drills.drilling import Drilling
from infra.drills.proxy import Proxy
from infra.drills.result import p99_ms, sent_between
from projections.analytics.schema import client_of

BACK_AFTER_OUTAGE: Final = 30.0
"""Seconds in which a projection has made up for an outage of its store: it looks for it every five."""
PARTS_TABLE: Final = "messages"


def through(proxy: Proxy, url: str) -> str:
    """The address, with the proxy in the server's place."""
    parts = urlsplit(url)
    account = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{account}@{proxy.address}" if account else proxy.address))


def server_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 0


def postgres(it: Drilling) -> None:
    """Restarted, down for a while, and out of connections, in turn."""
    for i in range(it.plan.times):
        it.moment()
        (_restart, _down, _exhausted)[i % 3](it, "postgres")
    _serving_is_unaffected(it)


def clickhouse(it: Drilling) -> None:
    """Down for a while; an insert that is done and whose answer is lost; too many parts, in turn."""
    for i in range(it.plan.times):
        it.moment()
        (_down, _answer_lost, _too_many_parts)[i % 3](it, "clickhouse")
    _serving_is_unaffected(it)


def _serving_is_unaffected(it: Drilling) -> None:
    """Replies need neither store."""
    windows = [(f.began, f.over) for f in it.faults]
    p99 = p99_ms(m for w in windows for m in sent_between(it.load.manifest.messages, *w))
    if p99 is not None:
        it.note(f"p99 while the store was hurt: {p99:.0f} ms")
        if p99 > it.load.manner.deadline * 1000:
            it.slow(f"replies waited for a store: p99 {p99:.0f} ms while it was away")


def _restart(it: Drilling, name: str) -> None:
    with it.fault(f"{name} killed", name, stores=True):
        it.killed(name)


def _down(it: Drilling, name: str) -> None:
    with it.fault(f"{name} down for {it.plan.hold:.0f} s", name, stores=True, within=BACK_AFTER_OUTAGE) as fault:
        it.ground.stop(name)
        it.wait(it.plan.hold)
        it.ground.start(name)
        fault.ends()


def _exhausted(it: Drilling, name: str) -> None:
    """Others hold every connection, and the projection's own are cut, so that it must have new ones."""
    dsn = it.ground.settings.postgres
    with it.fault(f"{name} out of connections", name, stores=True, within=BACK_AFTER_OUTAGE) as fault:
        with _all_connections(dsn) as taken:
            it.wait(it.plan.hold / 2)
        fault.ends()
    it.note(f"{taken} connections were taken by others")


@contextmanager
def _all_connections(dsn: str) -> Iterator[int]:
    """Holds as many as the server gives, the reserved ones included."""
    held: list[psycopg.Connection[object]] = []
    try:
        for _ in range(2):
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    held.append(psycopg.connect(dsn, connect_timeout=2, autocommit=True))
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'spillway%'"
            held[0].execute(others)
        yield len(held)
    finally:
        for connection in held:
            connection.close()


def _answer_lost(it: Drilling, name: str) -> None:
    """The projection's path to the server goes through a proxy that keeps an answer back and then cuts: what was
    inserted is inserted again."""
    url = it.ground.settings.clickhouse
    with Proxy(server_of(url)) as proxy:
        it.ground.restart_with("analytics", {"SPILLWAY_CLICKHOUSE": through(proxy, url)})
        it.moment()
        with it.fault("an insert's answer is lost", "analytics", stores=True, within=BACK_AFTER_OUTAGE) as fault:
            for _ in range(3):
                answers = proxy.answers
                proxy.silence_server()
                it.until(lambda known=answers: proxy.answers > known, "an answer is kept back", 30)  # type: ignore[misc]
                proxy.drop_connections()
                proxy.heal()
                it.wait(1.0)
            fault.ends()
        it.ground.mend()


def _too_many_parts(it: Drilling, name: str) -> None:
    """The server refuses inserts, as it does when merges cannot follow; then it takes them again."""
    url = it.ground.settings.clickhouse
    with it.fault("too many parts", stores=True, within=BACK_AFTER_OUTAGE) as fault:
        with client_of(url) as client:
            client.command(
                f"ALTER TABLE {PARTS_TABLE} MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1"
            )
            it.wait(it.plan.hold / 2)
            client.command(f"ALTER TABLE {PARTS_TABLE} RESET SETTING parts_to_throw_insert, parts_to_delay_insert")
        fault.ends()
