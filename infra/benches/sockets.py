"""A process of customers: holds many WebSockets at gateways, sends over them at a rate, and notes each reply.

`python -m infra.benches.sockets` reads its `Plan` as one line of JSON from its standard input and says a line of JSON
for each thing that happened: `{"held": n}` while it connects and once all are, `{"ready": n}` then; it begins to send
at the line `go`, and says its `Heard` at the end. It ends when its input does.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from infra.benches.arrivals import steady
from infra.open_files import raise_limit
from schemas.identity import message_id

AT_ONCE: Final = 40
"""Handshakes under way."""
TELL_EVERY: Final = 0.5
CONNECT_WITHIN: Final = 60.0
TEXT: Final = Opcode.TEXT


@dataclass(frozen=True)
class Plan:
    """What one process of customers does. seconds, grace: of sending, and of waiting for replies after it.

    gateways: ws://HOST:PORT, in turn. key: the tenant's channel key. sessions: one socket each. address: from which it
    connects: each has ports of its own. texts: what customers say, in turn. rate: messages a second, in all.
    """

    name: str
    tenant: str
    key: str
    gateways: Sequence[str]
    sessions: Sequence[str]
    address: str
    texts: Sequence[str]
    rate: float
    seconds: float
    grace: float
    seed: int


@dataclass
class Heard:
    """What came back. latencies_ms: from when each message was to go until its reply was there, of those answered.

    doubled: replies that came again. misplaced: frames of another session than the socket's. refused: messages that
    were not taken. lost: sockets that were closed. others: replies to messages that were not sent here.
    """

    sent: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    missing: int = 0
    doubled: int = 0
    misplaced: int = 0
    refused: int = 0
    lost: int = 0
    others: int = 0
    late_ms: float = 0.0
    """How late the process itself sent, the worst."""
    cpu_seconds: float = 0.0


class Customers:
    """All sockets of one process. Turns are known by their ids, which follow from the messages' own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.heard = Heard()
        self.held: list[Socket] = []
        self._due: dict[str, tuple[float, str]] = {}
        self._answered: set[str] = set()

    async def connect(self) -> None:
        """Opens every socket. Raises OSError, TimeoutError where one cannot be had."""
        waiting = list(enumerate(self.plan.sessions))[::-1]
        told = 0.0

        async def some() -> None:
            nonlocal told
            while waiting:
                n, session = waiting.pop()
                self.held.append(await self._opened(self.plan.gateways[n % len(self.plan.gateways)], session))
                if time.monotonic() - told > TELL_EVERY:
                    told = time.monotonic()
                    say({"held": len(self.held)})

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    async def _opened(self, gateway: str, session: str) -> Socket:
        held = Socket(self, session, f"{gateway}/v1/sessions/{session}/ws")
        async with asyncio.timeout(CONNECT_WITHIN):
            await asyncio.get_running_loop().create_connection(
                lambda: held, sock=await connected(gateway, self.plan.address)
            )
            await held.greeted
        return held

    async def send(self) -> None:
        """Sends at the plan's rate, whatever comes back; then waits for what is owed."""
        plan, drawn = self.plan, random.Random(self.plan.seed)
        loop = asyncio.get_running_loop()
        began, cpu = loop.time(), time.process_time()
        for number, at in enumerate(steady(plan.rate, plan.seconds, plan.seed)):
            if (wait := began + at - loop.time()) > 0:
                await asyncio.sleep(wait)
            elif number % 20 == 0:
                await asyncio.sleep(0)  # what came in is taken, however far behind it is
            self.heard.late_ms = max(self.heard.late_ms, 1000 * (loop.time() - began - at))
            held = drawn.choice(self.held)
            own = f"{plan.name}/{plan.seed}/{number}"
            self._due[message_id(plan.tenant, "api", own)] = (began + at, held.session)
            held.say(plan.texts[number % len(plan.texts)], own)
            self.heard.sent += 1
        self.heard.cpu_seconds = time.process_time() - cpu
        end = loop.time() + plan.grace
        while len(self._answered) + self.heard.refused < self.heard.sent and loop.time() < end:
            await asyncio.sleep(0.05)
        self.heard.missing = self.heard.sent - len(self._answered) - self.heard.refused

    def take(self, held: Socket, frame: dict[str, Any], now: float) -> None:
        """A frame that came on a socket."""
        kind = frame.get("type")
        if kind == "error":
            self.heard.refused += 1
        elif kind == "reply":
            due = self._due.get(frame["turn_id"])
            if frame["session"] != held.session or (due is not None and due[1] != held.session):
                self.heard.misplaced += 1
            elif due is None:
                self.heard.others += 1
            elif frame["turn_id"] in self._answered:
                self.heard.doubled += 1
            else:
                self._answered.add(frame["turn_id"])
                self.heard.latencies_ms.append(round(1000 * (now - due[0]), 2))

    def close(self) -> None:
        """Closes every socket; what happens to it now is not a loss."""
        for held in self.held:
            held.leave()


class Socket(asyncio.Protocol):
    """One WebSocket, as cheap as can be: the protocol without a task of its own. `greeted`: it may be used."""

    __slots__ = ("_customers", "_leaving", "_protocol", "_transport", "_url", "greeted", "session")

    def __init__(self, customers: Customers, session: str, url: str) -> None:
        self.session = session
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._customers, self._url, self._leaving = customers, url, False
        self._transport: Any = None
        self._protocol: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport, self._protocol = transport, ClientProtocol(parse_uri(self._url))
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {self._customers.plan.key}"
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is TEXT:
                self._take(json.loads(bytes(event.data)), now)
            elif isinstance(event, Response) and event.status_code != 101:
                self._fail(f"the gateway answered {event.status_code}")
        self._flush()

    def connection_lost(self, _why: Exception | None) -> None:
        self._fail("the gateway closed the socket")
        if not self._leaving:
            self._customers.heard.lost += 1

    def say(self, text: str, own: str) -> None:
        """Sends a message under the customer's own id."""
        frame = {"type": "message", "text": text, "channel_message_id": own}
        self._protocol.send_text(json.dumps(frame, ensure_ascii=False).encode())
        self._flush()

    def leave(self) -> None:
        self._leaving = True
        self._transport.close()

    def _take(self, frame: dict[str, Any], now: float) -> None:
        if frame.get("type") == "hello" and not self.greeted.done():
            self.greeted.set_result(None)
        elif not self.greeted.done():
            self._fail(json.dumps(frame))
        else:
            self._customers.take(self, frame, now)

    def _fail(self, why: str) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError(why))

    def _flush(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(self._protocol.data_to_send()))


async def connected(gateway: str, address: str) -> socket.socket:
    """A TCP connection from `address`; its port is chosen while connecting, so that each pair of ends has them all."""
    host, _, port = gateway.removeprefix("ws://").rpartition(":")
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        made.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(made, (host, int(port)))
    except BaseException:
        made.close()
        raise
    return made


def say(what: dict[str, Any]) -> None:
    """A line to whoever started this."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """One process of customers, by its standard input."""
    raise_limit()
    read = asyncio.get_running_loop().run_in_executor
    customers = Customers(Plan(**json.loads(await read(None, sys.stdin.readline))))
    try:
        await customers.connect()
    except (OSError, TimeoutError) as failed:
        say({"failed": f"{type(failed).__name__}: {failed}", "held": len(customers.held)})
        return
    # What is held here is held to the end: looking through it again and again would count as the gateways' latency.
    gc.collect()
    gc.freeze()
    gc.disable()
    say({"ready": len(customers.held)})
    if (await read(None, sys.stdin.readline)).strip() == "go":
        await customers.send()
        say(asdict(customers.heard))
        await read(None, sys.stdin.readline)
    customers.close()


if __name__ == "__main__":
    asyncio.run(main())
