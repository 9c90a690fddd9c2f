"""Messages, feedback and ends of conversations over HTTP."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse

from schemas.events import MessageReceived
from streams.channels import compose
from streams.channels.compose import ANONYMOUS, Sender
from streams.channels.keys import PAGE_SESSION, Principal
from streams.channels.payloads import Accepted, CloseIn, ErrorOut, FeedbackIn, MessageIn, MessageOut, reply_payload
from streams.channels.refusals import Refusal
from streams.channels.service import GatewayService
from streams.channels.subscription import Reply

MAX_WAIT = 30.0
PAGE_CHANNEL = "web"
MIN_PAGE_SESSION = 24
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
NO_TURN: dict[int | str, dict[str, Any]] = {404: {"model": ErrorOut, "description": "No such turn in the session"}}
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorOut, "description": "The body is no JSON in UTF-8"},
    401: {"model": ErrorOut, "description": "No known key"},
    403: {"model": ErrorOut, "description": "The key's role may not do this"},
    413: {"model": ErrorOut, "description": "The body is larger than 256 KiB"},
    422: {"model": ErrorOut, "description": "A field is wrong; the answer names it and the remedy"},
    429: {"model": ErrorOut, "description": "More requests than the tenant may send; see Retry-After"},
    503: {"model": ErrorOut, "description": "The log did not confirm it: not accepted. Repeat it with the same ids"},
}


def key_of(request: Request) -> str | None:
    """The API key of a request: Authorization: Bearer KEY, or X-Api-Key: KEY."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key")


def check_page(principal: Principal, session: str) -> None:
    """A page's key is public, so it opens only sessions whose name nobody can guess. Raises Refusal."""
    if principal.role == "page" and not (session.startswith(PAGE_SESSION) and len(session) >= MIN_PAGE_SESSION):
        remedy = f"begin it with {PAGE_SESSION!r} and make the rest random, {MIN_PAGE_SESSION} characters in all"
        raise Refusal(403, "is not one that a page may open", remedy, "session")


def sender_of(service: GatewayService, principal: Principal, session: str, channel: str = "api") -> Sender:
    """Of which conversation an event is, checked. Raises Refusal, WrongInput."""
    compose.check_name("session", session)
    compose.check_name("channel", channel)
    check_page(principal, session)
    return Sender(principal.tenant, session, channel, service.deadline_for(principal.tenant, channel))


def message_of(
    service: GatewayService, principal: Principal, body: MessageIn, traceparent: str | None = None
) -> MessageReceived:
    """The event of a message that came in. Raises Refusal, WrongInput."""
    customer = ANONYMOUS if body.customer is None else body.customer.event()
    channel = body.channel
    if principal.role == "page":
        channel = PAGE_CHANNEL
        if customer.verified or customer.tier != "standard":
            raise Refusal(403, "is not for a page to say", "leave out verified and tier", "customer")
    id_ = body.channel_message_id if body.channel_message_id is not None else secrets.token_hex(16)
    sender = sender_of(service, principal, body.session, channel)
    trace = traceparent if traceparent and _TRACEPARENT(traceparent) else None
    return compose.message(sender, body.text, id_, service.clock(), customer, body.entry_path, trace)


def accepted(event: MessageReceived, reply: Reply | None) -> dict[str, Any]:
    """MessageOut as JSON."""
    meta = event.meta
    return {
        "tenant": meta.tenant_id,
        "session": meta.session_id,
        "channel_message_id": event.channel_message_id,
        "turn_id": meta.event_id,
        "accepted_at": meta.occurred_at,
        "deadline_at": meta.deadline_at,
        "reply": None if reply is None else reply_payload(reply),
    }


def routes(service: GatewayService) -> APIRouter:
    """The routes of channels."""
    router = APIRouter(prefix="/v1", tags=["channels"], responses=ERRORS)
    _add_message_route(router, service)
    _add_feedback_routes(router, service)
    return router


def _add_message_route(router: APIRouter, service: GatewayService) -> None:
    @router.post(
        "/messages",
        status_code=202,
        response_model=MessageOut,
        responses={200: {"model": MessageOut, "description": "With the reply"}},
        summary="Send a customer's message",
    )
    async def send(
        request: Request,
        body: MessageIn,
        wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait for the reply")] = 0,
        traceparent: Annotated[str | None, Header()] = None,
    ) -> JSONResponse:
        """Accepted once the log has it: 202 with the ids, or with `wait` and in time, 200 with the reply.

        The same `channel_message_id` again is the same message; once it was answered, it gets the stored reply.
        """
        principal = service.who(key_of(request), "channel", "page")
        service.admit(principal)
        event = message_of(service, principal, body, traceparent)
        turn_id = event.meta.event_id
        reply = service.hub.reply_to(principal.tenant, turn_id)
        if reply is None:
            await service.publish(event, turn_id=turn_id, channel_message_id=event.channel_message_id)
            if wait > 0:
                reply = await service.hub.wait(principal.tenant, turn_id, wait)
        return JSONResponse(accepted(event, reply), 202 if reply is None else 200)


def _add_feedback_routes(router: APIRouter, service: GatewayService) -> None:
    @router.post(
        "/feedback", status_code=202, response_model=Accepted, responses=NO_TURN, summary="Say what a reply was worth"
    )
    async def give_feedback(request: Request, body: FeedbackIn) -> dict[str, str]:
        principal = service.who(key_of(request), "channel", "page")
        service.admit(principal)
        return {"id": await publish_feedback(service, principal, body)}

    @router.post("/sessions/{session}/close", status_code=202, response_model=Accepted, summary="End a conversation")
    async def close(request: Request, session: str, body: CloseIn) -> dict[str, str]:
        principal = service.who(key_of(request), "channel", "page")
        service.admit(principal)
        sender = sender_of(service, principal, session)
        event = compose.closed(sender, body.reason, _request_id(body.request_id), service.clock())
        await service.publish(event)
        return {"id": event.meta.event_id}


async def publish_feedback(service: GatewayService, principal: Principal, body: FeedbackIn) -> str:
    """Publishes what a customer thinks of a reply; returns the event's id. Raises Refusal, WrongInput."""
    sender = sender_of(service, principal, body.session)
    started = body.turn_started_at
    reply = service.hub.reply_to(principal.tenant, body.turn_id)
    if reply is not None:
        if reply.meta.session_id != body.session:
            raise Refusal(404, "is no turn of this session", "give the turn_id as it came with the reply", "turn_id")
        started = reply.meta.turn_started_at
    elif started is None:
        remedy = "give turn_id and turn_started_at as they came with the reply"
        raise Refusal(404, "has no reply of the last minutes", remedy, "turn_id")
    event = compose.feedback(sender, body.turn_id, started, body.score, body.comment, body.request_id, service.clock())
    await service.publish(event)
    return event.meta.event_id


def _request_id(given: str | None, new: Callable[[], str] = lambda: secrets.token_hex(8)) -> str:
    return new() if given is None else given
