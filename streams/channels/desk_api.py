"""The human desk over HTTP: who waits, take, answer, return to the bot."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Request

from streams.channels import compose
from streams.channels.compose import Sender
from streams.channels.desk import HandedOff
from streams.channels.keys import Principal
from streams.channels.messages_api import ERRORS, NO_TURN, key_of
from streams.channels.payloads import Accepted, AnswerIn, DeskList, DeskSession, ErrorOut, ReturnIn, TakeIn
from streams.channels.refusals import Refusal
from streams.channels.service import GatewayService

BOARD_WAIT = 2.0
"""Seconds for which the board may lag behind the reply that told of the handoff."""


def routes(service: GatewayService) -> APIRouter:
    """The routes of the human desk."""
    conflict: dict[int | str, dict[str, Any]] = {
        409: {"model": ErrorOut, "description": "The session is not handed off, or another agent has it"}
    }
    router = APIRouter(prefix="/v1/desk", tags=["human desk"], responses={**ERRORS, **conflict})
    _add_list_routes(router, service)
    _add_answer_routes(router, service)
    return router


def _add_list_routes(router: APIRouter, service: GatewayService) -> None:
    @router.get("/sessions", response_model=DeskList, summary="Sessions that wait for people, the longest first")
    async def waiting(request: Request) -> dict[str, Any]:
        agent = service.who(key_of(request), "desk")
        sessions = [_shown(h) for h in service.board.waiting(agent.tenant)]
        return {"complete": service.routes.caught_up, "sessions": sessions}

    @router.get("/sessions/{session}", response_model=DeskSession, summary="One of them")
    async def one(request: Request, session: str) -> dict[str, Any]:
        return _shown(await _handed_off(service, service.who(key_of(request), "desk"), session))

    @router.post("/sessions/{session}/take", response_model=DeskSession, summary="Take a session")
    async def take(request: Request, session: str, body: TakeIn) -> dict[str, Any]:
        """So that two agents do not answer the same customer: 409 where another one has it."""
        agent = service.who(key_of(request), "desk")
        compose.check_name("agent_id", body.agent_id)
        entry = await _handed_off(service, agent, session)
        if not body.force:
            _not_anothers(entry, body.agent_id)
        entry.taken_by = body.agent_id
        return _shown(entry)


def _add_answer_routes(router: APIRouter, service: GatewayService) -> None:
    @router.post(
        "/sessions/{session}/answers",
        status_code=202,
        response_model=Accepted,
        responses=NO_TURN,
        summary="Answer the customer",
    )
    async def answer(request: Request, session: str, body: AnswerIn) -> dict[str, str]:
        agent = service.who(key_of(request), "desk")
        service.admit(agent)
        entry = await _handed_off(service, agent, session, body.turn_id)
        _not_anothers(entry, body.agent_id)
        turn = entry.latest_open() if body.turn_id is None else entry.turns.get(body.turn_id)
        if turn is None:
            raise Refusal(404, "is no turn of this session", "leave it out to answer the latest", "turn_id")
        event = compose.answer(
            Sender(agent.tenant, session, "desk"),
            turn.turn_id,
            turn.started_at,
            body.text,
            body.agent_id,
            _request_id(body.request_id),
            service.clock(),
        )
        await service.publish(event, turn_id=turn.turn_id)
        entry.taken_by = body.agent_id
        return {"id": event.meta.event_id}

    @router.post("/sessions/{session}/return", status_code=202, response_model=Accepted, summary="Back to the bot")
    async def give_back(request: Request, session: str, body: ReturnIn) -> dict[str, str]:
        agent = service.who(key_of(request), "desk")
        service.admit(agent)
        await _handed_off(service, agent, session)
        sender = Sender(agent.tenant, session, "desk")
        event = compose.returned(sender, body.agent_id, _request_id(body.request_id), service.clock())
        await service.publish(event)
        return {"id": event.meta.event_id}


async def _handed_off(service: GatewayService, agent: Principal, session: str, turn_id: str | None = None) -> HandedOff:
    """The board's entry. Raises Refusal with 409 where the bot answers."""
    compose.check_name("session", session)

    def there() -> bool:
        entry = service.board.get(agent.tenant, session)
        return entry is not None and (turn_id is None or turn_id in entry.turns)

    await service.on_board(BOARD_WAIT, there)
    entry = service.board.get(agent.tenant, session)
    if entry is None:
        problem = "is not handed off" if service.routes.caught_up else "is not known to be handed off yet"
        raise Refusal(409, problem, "the bot answers it; see GET /v1/desk/sessions for those that wait", "session")
    return entry


def _not_anothers(entry: HandedOff, agent_id: str) -> None:
    if entry.taken_by not in (None, agent_id):
        raise Refusal(409, "another agent has taken it", "take another session, or take this one with force", "session")


def _shown(entry: HandedOff) -> dict[str, Any]:
    return {
        "session": entry.session,
        "channel": entry.channel,
        "customer_id": entry.customer_id,
        "lang": entry.lang,
        "scenario": entry.scenario,
        "reason": entry.reason,
        "waiting_since": entry.since,
        "taken_by": entry.taken_by,
        "turns": [
            {"turn_id": t.turn_id, "text": t.text, "at": t.at, "answered": t.answered} for t in entry.turns.values()
        ],
    }


def _request_id(given: str | None) -> str:
    return secrets.token_hex(8) if given is None else given
