"""What `spillway send` and `spillway chat` share: a tenant's conversation through the gateway of the running stack."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from infra.cli.gateway import keys_path
from infra.local.errors import StackError
from infra.settings import Settings
from streams.channels.keys import Keys, KeysError, load_keys

WAIT = 30.0
DEFAULT_TENANT = "shop"


class NotAnswered(StackError):
    """The gateway refused, or could not be reached; the message says what to do."""


@dataclass(frozen=True)
class Exchange:
    """One message and what came of it. `seconds`: from sending to the answer of the gateway."""

    tenant: str
    session: str
    body: dict[str, Any]
    seconds: float

    @property
    def reply(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.body.get("reply")
        return found


@dataclass
class Conversation:
    """A customer's end of a session."""

    url: str
    key: str
    tenant: str
    session: str
    customer: dict[str, Any] = field(default_factory=dict)
    channel: str = "terminal"

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        self._closed = threading.Event()
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=WAIT + 10, trust_env=False)

    def send(self, text: str, wait: float = WAIT, channel_message_id: str | None = None) -> Exchange:
        """Sends a message and waits for its reply. Raises NotAnswered."""
        body: dict[str, Any] = {"session": self.session, "text": text, "channel": self.channel}
        if self.customer:
            body["customer"] = self.customer
        if channel_message_id:
            body["channel_message_id"] = channel_message_id
        began = time.monotonic()
        answer = self._answered("POST", "/v1/messages", params={"wait": min(wait, WAIT)}, json=body)
        return Exchange(self.tenant, self.session, answer, time.monotonic() - began)

    def _answered(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **how)
        except httpx.HTTPError as err:
            raise NotAnswered(f"the gateway at {self.url} does not answer ({err}); see: spillway status") from err
        body: dict[str, Any] = response.json()
        if response.is_error:
            error = body["error"]
            field_ = f"{error['field']} " if error.get("field") else ""
            raise NotAnswered(f"{field_}{error['problem']}: {error['remedy']}")
        return body

    def follow(self, show: Callable[[dict[str, Any]], None]) -> None:
        """Gives what the session's stream has, replies and pieces of them, as it comes: frames with a `type`.

        From a thread that ends with the conversation; reconnects where it breaks.
        """
        threading.Thread(target=self._followed, args=(show,), name="stream", daemon=True).start()

    def _followed(self, show: Callable[[dict[str, Any]], None]) -> None:
        last = ""
        path = f"/v1/sessions/{quote(self.session, safe='')}/events"
        with httpx.Client(base_url=self.url, headers=self._http.headers, timeout=WAIT, trust_env=False) as http:
            while not self._closed.is_set():
                try:
                    with http.stream("GET", path, headers={"Last-Event-ID": last} if last else {}) as r:
                        for line in r.iter_lines():
                            if line.startswith("data: "):
                                frame = json.loads(line.removeprefix("data: "))
                                last = frame.get("id", last)
                                show(frame)
                except httpx.HTTPError:
                    self._closed.wait(1)

    def close(self) -> None:
        self._closed.set()
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def stack_keys(settings: Settings) -> Keys:
    """The keys of the running stack. Raises StackError."""
    try:
        return load_keys(keys_path(settings))
    except KeysError as err:
        raise StackError(str(err)) from err


def tenant_of(keys: Keys, tenant: str | None, path: Path) -> str:
    """The tenant that was asked for, or the example shop, or the first there is. Raises StackError naming them."""
    if tenant is None:
        if not keys.tenants:
            raise StackError(f"{path} has no tenant yet; start the stack with: spillway up")
        return DEFAULT_TENANT if DEFAULT_TENANT in keys.tenants else keys.tenants[0]
    if tenant not in keys.tenants:
        raise StackError(f"--tenant: {tenant!r} is not known; there are: {', '.join(keys.tenants)}")
    return tenant


def conversation(
    data: Path, tenant: str | None, session: str, tier: str = "standard", verified: bool = False, lang: str = ""
) -> Conversation:
    """A conversation with the stack that runs on `data`. Raises StackError."""
    settings = Settings.find(data)
    keys = stack_keys(settings)
    name = tenant_of(keys, tenant, keys_path(settings))
    key = keys.clear_key(name, "channel")
    if key is None:
        raise StackError(f"{keys_path(settings)} holds no channel key of {name} in clear; add one to talk from here")
    customer: dict[str, Any] = {"id": f"customer of {session}", "tier": tier, "verified": verified}
    if lang:
        customer["attributes"] = {"lang": lang}
    return Conversation(settings.gateway_url, key, name, session, customer)


def shown(reply: dict[str, Any] | None) -> str:
    """A reply's text, with what it stands on."""
    if reply is None:
        return "(no reply yet: a human agent has the conversation, or the turn is still open)"
    return f"{reply['text']}{cited(reply)}"


def cited(reply: dict[str, Any]) -> str:
    """What a reply stands on, a line each."""
    return "".join(f"\n  [{c['title']}]" for c in reply["citations"])


def how(reply: dict[str, Any] | None, seconds: float) -> str:
    """How a reply was made, in a few words."""
    if reply is None:
        return f"{seconds * 1000:.0f} ms"
    facts = [reply["rung"], reply["scenario"], "handed to a human" if reply["handoff"] else None]
    return " · ".join([f for f in facts if f] + [f"{seconds * 1000:.0f} ms"])
