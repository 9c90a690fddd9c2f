"""Kafka as a part: one KRaft process, broker and controller together, on the loopback interface."""

from __future__ import annotations

import base64
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.local.errors import PartFailed
from infra.local.java import java
from infra.local.packages import PartsCache, Progress
from infra.local.process import PartSpec

LARGEST_MESSAGE_BYTES = 10 * 1024 * 1024
HEAP = ["-Xms96m", "-Xmx320m"]
JVM = [
    *HEAP,
    "-XX:+UseSerialGC",  # the smallest in memory, and as fast as any on two cores
    "-XX:MaxMetaspaceSize=128m",
    "-XX:ReservedCodeCacheSize=64m",
    "-XX:MaxDirectMemorySize=384m",
    "-Xss512k",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
]

# A broker that was killed is let back in only when the session of its former self is over: hence the short one.
# The voters are static, so that the controller's port may change from one start to the next.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
message.max.bytes={largest}
replica.fetch.max.bytes={largest}
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.consumer.session.timeout.ms=10000
group.consumer.min.session.timeout.ms=6000
group.consumer.heartbeat.interval.ms=3000
group.consumer.min.heartbeat.interval.ms=1000
group.coordinator.append.linger.ms=2
group.coordinator.threads=1
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
log.segment.bytes=268435456
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.io.buffer.size=131072
log.index.size.max.bytes=2097152
socket.request.max.bytes=104857600
metadata.log.segment.bytes=8388608
"""


def answers(bootstrap: str) -> bool:
    """Whether the broker answers a metadata request."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": 2000})
    try:
        return bool(client.list_topics(timeout=1.0).brokers)
    except KafkaException:
        return False


def part(
    folder: Path,
    log: Path,
    *,
    port: int,
    controller_port: int,
    cache: PartsCache,
    progress: Progress,
    name: str = "kafka",
    more: str = "",
    cluster: str = "",
) -> PartSpec:
    """Prepare `folder` and describe the broker. Its data is formatted once, and kept from then on.

    more: properties that override the usual ones, as of one broker among several. cluster: the id that all of these
    are formatted with; "": one of its own.

    Raises:
        PartMissing, PartCorrupt: its jars could not be had.
        PartFailed: the folder could not be formatted.
    """
    pinned, jars = cache.files("kafka", progress)
    runtime = str(java())
    classpath = ":".join(str(jar) for jar in jars)
    folder.mkdir(parents=True, exist_ok=True)
    scratch, logs = folder / "tmp", folder / "log"
    scratch.mkdir(exist_ok=True)
    properties = folder / "server.properties"
    properties.write_text(
        _PROPERTIES.format(
            port=port, controller_port=controller_port, logs=logs.resolve(), largest=LARGEST_MESSAGE_BYTES
        )
        + more,
        encoding="utf-8",
    )
    options = [*JVM, f"-Djava.io.tmpdir={scratch.resolve()}", "-cp", classpath]
    if not (logs / "meta.properties").exists():
        progress(f"kafka {pinned.version}: formatting")
        _format([runtime, *options], properties, cluster or cluster_id())
    bootstrap = f"127.0.0.1:{port}"
    return PartSpec(
        name=name,
        argv=[runtime, *options, "kafka.Kafka", str(properties.resolve())],
        cwd=folder,
        log=log,
        ready=lambda: answers(bootstrap),
        version=pinned.version,
        port=port,
        address=bootstrap,
        env={"LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"},
        start_timeout=120.0,
        stop_grace=30.0,
    )


def cluster_id() -> str:
    """A new one, as brokers that belong together are formatted with."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return "A" + cluster[1:] if cluster.startswith("-") else cluster


def _format(command: list[str], properties: Path, cluster: str) -> None:
    arguments = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
    quick = [*command[:1], "-XX:TieredStopAtLevel=1", *command[1:]]
    done = subprocess.run([*quick, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PartFailed(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")
