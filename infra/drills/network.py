"""What happens to the network: cut, deaf in one direction, slow; between a worker and brokers, projections and stores.

After healing everything goes on by itself: nobody holds a connection that is dead for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from infra.drills.drilling import Drilling
from infra.drills.proxy import Proxy
from infra.drills.stores import server_of, through

LATENCY: Final = 5.0
HEALED_WITHIN: Final = 60.0
"""Seconds after healing: a client must first see that what it waits for will not come."""
WAYS: Final = ("cut", "the server is silent", "the clients are silent", f"{LATENCY:.0f} s of latency")
LINKS: Final = ("worker and brokers", "session state and PostgreSQL", "analytics and ClickHouse")


def network(it: Drilling) -> None:
    """Each kind of partition, on each link in turn."""
    cluster = it.ground.cluster
    assert cluster is not None, "the drill stands on a cluster"
    settings = it.ground.settings
    with ExitStack() as open_:
        postgres = open_.enter_context(Proxy(server_of(settings.postgres)))
        clickhouse = open_.enter_context(Proxy(server_of(settings.clickhouse)))
        worker = it.ground.last_worker
        it.ground.restart_with(worker, {"SPILLWAY_KAFKA": cluster.through_proxies})
        it.ground.restart_with("session-state", {"SPILLWAY_POSTGRES": through(postgres, settings.postgres)})
        it.ground.restart_with("analytics", {"SPILLWAY_CLICKHOUSE": through(clickhouse, settings.clickhouse)})
        behind = (tuple(cluster.proxies.values()), (postgres,), (clickhouse,))
        parts = (worker, "session-state", "analytics")
        pairs = [(way, link) for way in range(len(WAYS)) for link in range(len(LINKS))]
        it.chance.shuffle(pairs)
        for i in range(max(it.plan.times, 1)):
            way, link = pairs[i % len(pairs)]
            it.moment()
            _partition(it, WAYS[way], LINKS[link], behind[link], parts[link])
        it.ground.mend()


def _partition(it: Drilling, way: str, link: str, proxies: tuple[Proxy, ...], part: str) -> None:
    what = f"{link}: {way} for {it.plan.hold:.0f} s"
    done: dict[str, Callable[[Proxy], None]] = {
        WAYS[0]: Proxy.cut,
        WAYS[1]: Proxy.silence_server,
        WAYS[2]: Proxy.silence_clients,
        WAYS[3]: lambda proxy: proxy.slow(LATENCY),
    }
    with it.fault(what, part, stores=not part.startswith("worker"), within=HEALED_WITHIN) as fault:
        for proxy in proxies:
            done[way](proxy)
        it.wait(it.plan.hold)
        for proxy in proxies:
            proxy.heal()
        fault.ends()
