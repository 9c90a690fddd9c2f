"""How a play reaches the pipeline: straight to Kafka as a channel adapter does, or through the gateway as apps do."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import httpx

from infra.settings import Settings
from schemas.codec import Codec
from schemas.events import AgentReplied, MessageReceived
from schemas.identity import SEPARATOR
from streams.channels.client import ChannelClient, NotDelivered
from streams.channels.keys import Keys, Role

Report = Callable[[str | None], None]


class Answer(NamedTuple):
    """A reply as it comes back, or what a human agent wrote. `at`: when it was read, microseconds UTC."""

    id: str
    turn_id: str
    rung: str
    scenario: str | None
    handoff: bool
    by_agent: bool
    at: int


class Link(Protocol):
    """Where a play's messages go and its answers come from. One thread uses it."""

    def begin(self, stored: bool) -> None:
        """Gets ready. `stored`: answers of an earlier play of the same id come first."""
        ...

    @property
    def caught_up(self) -> bool:
        """Whether those have all come."""
        ...

    def send(self, event: MessageReceived, with_human: bool, report: Report) -> None:
        """Sends a customer's message; `report` follows from `take`."""
        ...

    def answer(self, event: AgentReplied, request: str, report: Report) -> None:
        """Posts what the desk says."""
        ...

    def take(self, seconds: float) -> list[Answer]:
        """The answers that came, waiting up to `seconds` for the first."""
        ...

    def close(self) -> None: ...


class KafkaLink:
    """Publishes with the channel client and reads replies in order; those of an earlier play up to a day back."""

    def __init__(
        self, bootstrap: str, play_id: str, patience: float, clock: Callable[[], int], codec: Codec | None = None
    ) -> None:
        self._bootstrap = bootstrap
        self._marker = f"{SEPARATOR}{play_id}.".encode()
        self._patience = patience
        self._clock = clock
        self._codec = codec
        self._client: ChannelClient | None = None

    def begin(self, stored: bool) -> None:
        since = self._clock() - 86_400_000_000 if stored else None
        marker = self._marker
        self._client = ChannelClient(
            self._bootstrap,
            "any",
            "play",
            patience=self._patience,
            replies_since=since,
            wanted=lambda key: marker in key,
            clock=self._clock,
            codec=self._codec,
        )
        self._client.open()

    @property
    def caught_up(self) -> bool:
        return self._client is not None and self._client.caught_up

    def send(self, event: MessageReceived, with_human: bool, report: Report) -> None:
        self._post(event, report)

    def answer(self, event: AgentReplied, request: str, report: Report) -> None:
        self._post(event, report)

    def _post(self, event: MessageReceived | AgentReplied, report: Report) -> None:
        assert self._client is not None, "begin() comes first"
        end = time.monotonic() + self._patience
        while True:
            try:
                self._client.post(event, report)
                return
            except NotDelivered as why:
                # Its queue is full: the broker is away or slow. What is in it is given up after `patience`, too.
                self._client.poll(0.05)
                if time.monotonic() > end:
                    report(str(why))
                    return

    def take(self, seconds: float) -> list[Answer]:
        assert self._client is not None, "begin() comes first"
        self._client.poll(0)
        found = []
        for read in self._client.ready_replies(seconds):
            e = read.event
            by_agent = isinstance(e, AgentReplied)
            rung, scenario, handoff = ("human", None, False) if by_agent else (e.rung, e.scenario, e.handoff)
            turn_id = e.meta.turn_id or ""
            found.append(Answer(e.meta.event_id, turn_id, rung, scenario, handoff, by_agent, self._clock()))
        return found

    def close(self) -> None:
        if self._client is not None:
            self._client.close(self._patience)


class GatewayLink:
    """Sends over HTTP, many requests at a time, and waits there for the replies."""

    def __init__(self, settings: Settings, keys: Keys, clock: Callable[[], int], at_once: int = 64) -> None:
        self._url = settings.gateway_url
        self._keys = keys
        self._clock = clock
        self._at_once = at_once
        self._done: queue.SimpleQueue[tuple[Report, str | None, Answer | None]] = queue.SimpleQueue()

    def begin(self, stored: bool) -> None:
        limits = httpx.Limits(max_connections=self._at_once, max_keepalive_connections=self._at_once)
        self._http = httpx.Client(base_url=self._url, timeout=45, limits=limits, trust_env=False)
        self._pool = ThreadPoolExecutor(self._at_once, "play")

    @property
    def caught_up(self) -> bool:
        return True  # the gateway keeps them, and gives them to whoever sends the message again

    def send(self, event: MessageReceived, with_human: bool, report: Report) -> None:
        body = {
            "session": event.meta.session_id,
            "text": event.text,
            "channel": event.channel,
            "channel_message_id": event.channel_message_id,
            "customer": event.customer._asdict(),
            "entry_path": event.entry_path,
        }
        wait = {} if with_human else {"wait": "30"}
        self._pool.submit(self._request, "/v1/messages", wait, self._key(event.meta.tenant_id, "channel"), body, report)

    def answer(self, event: AgentReplied, request: str, report: Report) -> None:
        meta = event.meta
        path = f"/v1/desk/sessions/{quote(meta.session_id, safe='')}/answers"
        body = {"agent_id": event.agent_id, "text": event.text, "turn_id": meta.turn_id, "request_id": request}
        by_agent = Answer(meta.event_id, meta.turn_id or "", "human", None, False, True, 0)
        key = self._key(meta.tenant_id, "desk")
        self._pool.submit(self._request, path, {}, key, body, report, by_agent)

    def _key(self, tenant: str, role: Role) -> str:
        return self._keys.clear_key(tenant, role) or ""

    def _request(
        self,
        path: str,
        params: Mapping[str, str],
        key: str,
        body: Mapping[str, Any],
        report: Report,
        answer: Answer | None = None,
    ) -> None:
        try:
            headers = {"Authorization": f"Bearer {key}"}
            response = self._http.post(path, params=dict(params), json=body, headers=headers)
        except httpx.HTTPError as err:
            self._done.put((report, f"{type(err).__name__}: {err}", None))
            return
        if response.is_error:
            self._done.put((report, f"{response.status_code}: {response.text[:200]}", None))
            return
        if answer is None and (reply := response.json().get("reply")) is not None:
            by_agent = reply["agent_id"] is not None
            facts = (reply["rung"], reply["scenario"], reply["handoff"], by_agent)
            answer = Answer(reply["id"], reply["turn_id"], *facts, 0)
        self._done.put((report, None, answer._replace(at=self._clock()) if answer else None))

    def take(self, seconds: float) -> list[Answer]:
        found = []
        try:
            done = self._done.get(timeout=max(0.0, seconds))
            while True:
                report, why, answer = done
                report(why)
                if answer is not None:
                    found.append(answer)
                done = self._done.get_nowait()
        except queue.Empty:
            return found

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()
