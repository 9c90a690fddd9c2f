"""Three brokers as three processes on this machine: KRaft, each broker and controller, every topic on all of them.

Each has a second listener whose advertised address is a proxy of ours, so that the path from a client to the brokers
can be cut or slowed while the brokers among themselves, and other clients, go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from confluent_kafka.admin import AdminClient

from infra.drills.proxy import Proxy
from infra.local import kafka
from infra.local.packages import PartsCache, Progress
from infra.local.ports import Ports
from infra.local.supervisor import Supervisor

MIN_ISR: Final = 2
_MORE: Final = """\
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxied},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
default.replication.factor={replication}
min.insync.replicas={min_isr}
offsets.topic.replication.factor={replication}
transaction.state.log.replication.factor={replication}
transaction.state.log.min.isr={min_isr}
share.coordinator.state.topic.replication.factor={replication}
share.coordinator.state.topic.min.isr={min_isr}
replica.lag.time.max.ms=5000
unclean.leader.election.enable=false
"""
"""A replica that is gone leaves the in-sync set soon; by default acknowledgements would wait half a minute for it."""


class Cluster:
    """Brokers kafka-1, kafka-2, … in a folder; `running` starts and stops them."""

    def __init__(self, folder: Path, brokers: int = 3) -> None:
        self._folder, self._count = folder, brokers
        self.names = tuple(f"kafka-{n}" for n in range(1, brokers + 1))
        self.proxies: dict[str, Proxy] = {}
        self._addresses: dict[str, str] = {}
        self._supervisor: Supervisor | None = None

    @property
    def supervisor(self) -> Supervisor:
        assert self._supervisor is not None, "the cluster runs"
        return self._supervisor

    @property
    def bootstrap(self) -> str:
        """The brokers' own addresses."""
        return ",".join(self._addresses.values())

    @property
    def through_proxies(self) -> str:
        """The same brokers by their other listener."""
        return ",".join(proxy.address for proxy in self.proxies.values())

    @contextmanager
    def running(self, progress: Progress) -> Iterator[Self]:
        """Starts all brokers; returns once each answers. Raises StackError."""
        with ExitStack() as undo:
            self._supervisor = Supervisor(lambda _parts: None)
            undo.callback(self._supervisor.close)
            ports = Ports(self._folder / "cluster-ports.json", usual=False)
            nodes = range(1, self._count + 1)
            controllers = {n: ports.take(f"controller {n}") for n in nodes}
            voters = ",".join(f"{n}@127.0.0.1:{port}" for n, port in controllers.items())
            cluster = kafka.cluster_id()
            for n in nodes:
                name, port, proxied = f"kafka-{n}", ports.take(f"broker {n}"), ports.take(f"proxied {n}")
                proxy = self.proxies[name] = undo.enter_context(Proxy(("127.0.0.1", proxied)))
                more = _MORE.format(
                    node=n, voters=voters, port=port, proxied=proxied, controller=controllers[n], proxy=proxy.port,
                    replication=min(3, self._count), min_isr=min(MIN_ISR, self._count),
                )  # fmt: skip
                spec = kafka.part(
                    self._folder / name, self._folder / "logs" / f"{name}.log", port=port,
                    controller_port=controllers[n], cache=PartsCache(), progress=progress,
                    name=name, more=more, cluster=cluster,
                )  # fmt: skip
                self._addresses[name] = spec.address or ""
                self._supervisor.start(spec)
            for name in self.names:
                taken = self._supervisor.wait_ready(name)
                progress(f"{name}: ready at {self._addresses[name]} after {taken:.1f} s")
            yield self

    def controller(self) -> str:
        """The name of the broker that leads the controllers now. Raises KafkaException."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        found = admin.describe_cluster(request_timeout=10).result().controller
        return f"kafka-{found.id}"

    def leader(self, topic: str, partition: int) -> str:
        """The name of the broker that leads a partition. Raises KafkaException."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return f"kafka-{admin.list_topics(topic, timeout=10).topics[topic].partitions[partition].leader}"
