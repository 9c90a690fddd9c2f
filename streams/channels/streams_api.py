"""Replies as they come, and as they are made: over a WebSocket, which also takes messages and feedback, and as
server-sent events."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Header, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from streams.channels import compose
from streams.channels.compose import WrongInput
from streams.channels.keys import Principal
from streams.channels.messages_api import ERRORS, accepted, check_page, key_of, message_of, publish_feedback
from streams.channels.payloads import FeedbackIn, MessageIn, stream_payload
from streams.channels.refusals import Refusal, wrong_input
from streams.channels.service import GatewayService
from streams.channels.subscription import Piece, Subscription

M = TypeVar("M", MessageIn, FeedbackIn)

HEARTBEAT: Final = 15.0
"""Seconds after which an idle stream says that it is there."""
COME_BACK: Final = 1012
REFUSED: Final = 4000
"""Plus the HTTP status: the close code of a socket that is not served."""
_SOCKET: Final = re.compile(r"/v1/sessions/([^/]+)/ws").fullmatch


def routes(service: GatewayService) -> APIRouter:
    """The routes on which replies stream, but for `Sockets`."""
    router = APIRouter(prefix="/v1/sessions", tags=["channels"])
    _add_events_route(router, service)
    return router


def _page_key(service: GatewayService, key: str | None) -> str | None:
    """A key in the address, where browsers have no other place for it: a page's only, since addresses get logged."""
    principal = service.keys.who(key) if key else None
    return key if principal is not None and principal.role == "page" else None


def _admitted(service: GatewayService, key: str | None, session: str) -> Principal:
    principal = service.who(key, "channel", "page")
    compose.check_name("session", session)
    check_page(principal, session)
    return principal


def _line(payload: dict[str, Any]) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _add_events_route(router: APIRouter, service: GatewayService) -> None:
    @router.get(
        "/{session}/events",
        response_class=StreamingResponse,
        responses={**ERRORS, 200: {"content": {"text/event-stream": {}}}},
        summary="The session's replies as server-sent events",
        description="Events `reply`, and `partial` with the next piece of a reply that is being made: its reply will "
        "replace it all. Another `attempt` than the last makes what was shown of the turn void.",
    )
    async def events(
        request: Request,
        session: str,
        key: Annotated[str | None, Query(description="A page's key; others go into the header")] = None,
        after: Annotated[str | None, Query(description="Id of the last reply seen: later ones come first")] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> StreamingResponse:
        principal = _admitted(service, key_of(request) or _page_key(service, key), session)
        subscription = service.hub.subscribe(principal.tenant, session, last_event_id or after)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(service, subscription), media_type="text/event-stream", headers=headers)


async def _events(service: GatewayService, subscription: Subscription) -> AsyncIterator[str]:
    try:
        yield "retry: 1000\n: connected\n\n"
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    found = await subscription.get()
            except TimeoutError:
                yield ": here\n\n"
                continue
            if found is None:
                return
            # Without an id: a reader that comes back asks for what follows its last reply.
            name = "event: partial" if isinstance(found, Piece) else f"id: {found.meta.event_id}\nevent: reply"
            yield f"{name}\ndata: {_line(stream_payload(found))}\n\n"
    finally:
        service.hub.unsubscribe(subscription)


class Sockets:
    """Serves the WebSockets of sessions, and leaves everything else to `app`.

    It stands before the routes: whatever lies around a route stays for as long as its socket is open, and of sockets
    there are thousands.
    """

    def __init__(self, app: ASGIApp, service: GatewayService) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _SOCKET(scope["path"]) if scope["type"] == "websocket" else None
        if found is None:
            await self._app(scope, receive, send)
        else:
            await _serve(self._service, WebSocket(scope, receive, send), found[1])


async def _serve(service: GatewayService, websocket: WebSocket, session: str) -> None:
    """One WebSocket, to its end; one that may not be served is told why, and closed."""
    asked = websocket.query_params
    scheme, _, given = websocket.headers.get("authorization", "").partition(" ")
    header = given.strip() if scheme.lower() == "bearer" else websocket.headers.get("x-api-key")
    await websocket.accept()
    try:
        principal = _admitted(service, header or _page_key(service, asked.get("key")), session)
    except (Refusal, WrongInput) as err:
        refusal = wrong_input(err) if isinstance(err, WrongInput) else err
        await websocket.send_text(_line({"type": "error", "status": refusal.status, **refusal.body}))
        await websocket.close(REFUSED + refusal.status)
        return
    await _Conversation(service, websocket, principal, session).run(asked.get("after"))


class _Conversation:
    """One WebSocket: what the client sends is taken in order; replies go out as they come."""

    def __init__(self, service: GatewayService, websocket: WebSocket, principal: Principal, session: str) -> None:
        self._service = service
        self._websocket = websocket
        self._principal = principal
        self._session = session
        self._sending = asyncio.Lock()

    async def run(self, after: str | None) -> None:
        subscription = self._service.hub.subscribe(self._principal.tenant, self._session, after)
        pump = asyncio.create_task(self._pump(subscription))
        try:
            await self._send({"type": "hello", "tenant": self._principal.tenant, "session": self._session})
            while True:
                await self._taken(await self._websocket.receive_text())
        except (WebSocketDisconnect, KeyError, RuntimeError):
            # Gone, or closed by the pump; a binary frame has no text and ends it too.
            pass
        finally:
            self._service.hub.unsubscribe(subscription)
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _pump(self, subscription: Subscription) -> None:
        while (found := await subscription.get()) is not None:
            await self._send(stream_payload(found))
        await self._websocket.close(COME_BACK, "come back")

    async def _send(self, payload: dict[str, Any]) -> None:
        async with self._sending:
            await self._websocket.send_text(_line(payload))

    async def _taken(self, text: str) -> None:
        ref: object = None
        try:
            frame = _frame(text)
            ref = frame.pop("ref", None)
            ref = ref if isinstance(ref, str | int) and len(str(ref)) <= 64 else None
            answer = await self._answer(frame.pop("type", None), frame)
        except WrongInput as err:
            refusal = wrong_input(err)
            answer = {"type": "error", "status": refusal.status, **refusal.body}
        except Refusal as err:
            answer = {"type": "error", "status": err.status, **err.body}
        await self._send({**answer, "ref": ref})

    async def _answer(self, kind: object, frame: dict[str, Any]) -> dict[str, Any]:
        if kind == "ping":
            return {"type": "pong"}
        if kind == "message":
            return await self._message(_valid(MessageIn, {**frame, "session": self._session}))
        if kind == "feedback":
            self._service.admit(self._principal)
            body = _valid(FeedbackIn, {**frame, "session": self._session})
            return {"type": "thanks", "id": await publish_feedback(self._service, self._principal, body)}
        raise Refusal(422, "is not known", "send one of message, feedback, ping", "type")

    async def _message(self, body: MessageIn) -> dict[str, Any]:
        self._service.admit(self._principal)
        event = message_of(self._service, self._principal, body)
        turn_id = event.meta.event_id
        reply = self._service.hub.reply_to(self._principal.tenant, turn_id)
        if reply is None:
            await self._service.publish(event, turn_id=turn_id, channel_message_id=event.channel_message_id)
        return {**accepted(event, reply), "type": "accepted"}


def _frame(text: str) -> dict[str, Any]:
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        frame = None
    if not isinstance(frame, dict):
        raise Refusal(422, "the frame is no JSON object", 'send such as {"type": "message", "text": "hello"}')
    return frame


def _valid(model: type[M], values: dict[str, Any]) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as err:
        first = err.errors(include_input=False, include_context=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"]))[:200].encode("utf-8", "replace").decode()
        raise Refusal(422, first["msg"].lower(), "see /docs for the fields", field) from err
