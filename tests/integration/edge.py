"""A pipeline that says what it is told to, and a gateway on a port of its own: for tests of the edge alone."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from websockets.sync.client import ClientConnection, connect

from schemas.catalogue import MESSAGES
from schemas.codec import Codec
from schemas.events import (
    Citation,
    DialogueState,
    Event,
    MessageReceived,
    ReplyProduced,
    ScenarioRouted,
    SessionReturned,
    SignalsUsed,
)
from schemas.identity import follow, follow_as_reply
from streams.channels.client import wall_clock
from streams.channels.gateway import Mounted, listen, server
from streams.channels.keys import Keys, Role, ensure_keys, load_keys
from streams.channels.publisher import Publisher
from streams.channels.service import GatewayOptions, GatewayService
from streams.channels.tail import Tail

PATIENCE = 20.0
OPTIONS = GatewayOptions(patience=3, grace=1)
Answer = Callable[[MessageReceived, int], list[Event]]


def reply_event(message: MessageReceived, seq: int, text: str = "", **changes: object) -> ReplyProduced:
    """The reply that a pipeline would make."""
    meta = follow_as_reply(message.meta, "reply", "scripted@1", wall_clock())
    reply = ReplyProduced(
        meta,
        text or f"re: {message.text}",
        "template",
        (),
        (Citation("a1", "An article"),),
        "en",
        "order_query",
        "t",
        "p@1",
        "k@1",
        f"episode of {message.meta.session_id}",
        seq,
        None,
        False,
        0.01,
    )
    return reply._replace(**changes)  # type: ignore[arg-type]


def route_event(message: MessageReceived, seq: int, owner: str, handoff: bool) -> ScenarioRouted:
    """The decision that a pipeline would make, in a session that is handed off with it or was."""
    meta = follow(message.meta, "routing", "scripted@1", wall_clock())
    at = message.meta.occurred_at
    state = DialogueState(
        seq, meta.event_id, at, seq, "human_handoff", "", 0, True, at if handoff else None, 0.0, at, None, ()
    )
    return ScenarioRouted(
        meta,
        message.text,
        "en",
        message.channel,
        message.customer.id,
        "human_handoff",
        "",
        "keyword",
        owner,
        handoff,
        "asked for" if handoff else None,
        ("human",),
        None,
        None,
        (),
        "k@1",
        "p@1",
        SignalsUsed(),
        {},
        None,
        None,
        state,
    )


def ordinary(message: MessageReceived, seq: int) -> list[Event]:
    """Answers everything, but for texts that begin with "silence"; hands over at "human" and is then silent."""
    if message.text.startswith("silence"):
        return []
    if message.text == "human":
        notice = reply_event(message, seq, "A colleague takes over.", rung="human", handoff=True)
        return [route_event(message, seq, "reply", True), notice]
    return [reply_event(message, seq)]


class Responder:
    """Reads chat.messages of one tenant and answers as `answer` says; in a handed-off session it routes to people."""

    def __init__(self, bootstrap: str, tenant: str, answer: Answer = ordinary) -> None:
        prefix = f"{tenant}\x1f".encode()
        self._answer = answer
        self._publisher = Publisher(bootstrap, Codec())
        self._tail = Tail(bootstrap, (MESSAGES,), Codec(), wanted=lambda key: key.startswith(prefix))
        self._tail.open()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="responder")
        self.seen: list[Event] = []

    def _work(self) -> None:
        seqs: dict[str, int] = {}
        known: set[str] = set()
        handed: set[str] = set()
        while not self._stop.is_set():
            for read in self._tail.read(0.05):
                event = read.event
                self.seen.append(event)
                session = event.meta.session_id
                if isinstance(event, SessionReturned):
                    handed.discard(session)
                if not isinstance(event, MessageReceived) or event.meta.event_id in known:
                    continue
                known.add(event.meta.event_id)
                seqs[session] = seqs.get(session, 0) + 1
                silent = session in handed
                out = [route_event(event, seqs[session], "human", False)] if silent else None
                for e in out or self._answer(event, seqs[session]):
                    self._publisher.publish(e, lambda _: None)
                if event.text == "human":
                    handed.add(session)
            self._publisher.poll(0)
        self._publisher.flush(5)
        self._tail.close()

    def __enter__(self) -> Responder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)


def until(there: Callable[[], bool], what: str) -> None:
    """Polls until it is so; fails with `what` when it is not in time."""
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, what
        time.sleep(0.02)


class Rig:
    """A gateway, a tenant's keys, and the responder behind it."""

    def __init__(self, url: str, tenant: str, keys: Keys, responder: Responder) -> None:
        self.url = url
        self.tenant = tenant
        self.keys = keys
        self.responder = responder
        self.channel = self.client("channel")
        self.desk = self.client("desk")

    def key(self, role: Role) -> str:
        return self.keys.clear_key(self.tenant, role) or ""

    def client(self, role: Role) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key(role)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False)

    def ready(self) -> bool:
        return self.channel.get("/ready").status_code == 200

    def send(self, session: str, text: str, wait: float = 10, **more: object) -> httpx.Response:
        body = {"session": session, "text": text, **more}
        return self.channel.post("/v1/messages", params={"wait": wait}, json=body)

    def socket(self, session: str, query: str = "") -> ClientConnection:
        url = self.url.replace("http", "ws", 1)
        headers = {"Authorization": f"Bearer {self.key('channel')}"}
        return connect(f"{url}/v1/sessions/{session}/ws{query}", additional_headers=headers, proxy=None)


@contextmanager
def rig(broker: str, folder: Path, answer: Answer = ordinary, more: Sequence[Mounted] = ()) -> Iterator[Rig]:
    """A gateway for a new tenant, ready, with a responder behind it. `more`: what else it serves."""
    tenant = f"t{uuid.uuid4().hex[:12]}"
    keys = load_keys(ensure_keys(folder, [tenant]))
    with (
        Responder(broker, tenant, answer) as responder,
        running_gateway(GatewayService(broker, keys, options=OPTIONS), more) as url,
    ):
        made = Rig(url, tenant, keys, responder)
        with made.channel, made.desk:
            until(made.ready, "the gateway did not become ready")
            yield made


@contextmanager
def running_gateway(service: GatewayService, more: Sequence[Mounted] = ()) -> Iterator[str]:
    """The address of a gateway that serves in a thread, ready."""
    listener = listen("127.0.0.1", 0)
    served = server(service, more)
    thread = threading.Thread(target=lambda: asyncio.run(served.serve([listener])), name="gateway")
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        served.should_exit = True
        thread.join(PATIENCE)
        listener.close()
        assert not thread.is_alive(), "the gateway did not stop"
