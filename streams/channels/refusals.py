"""How the gateway says no: a status, and which field is wrong, how, and what mends it. Never what the client sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.channels.compose import WrongInput
from streams.channels.publisher import NotDelivered

MAX_BODY: Final = 256 * 1024
MAX_DRAINED: Final = 16 * 1024 * 1024
"""How much of a body that is too large is read and thrown away, so that its sender gets to see the answer."""


class Refusal(Exception):
    """A request that is not served. `headers` go with the answer."""

    def __init__(
        self,
        status: int,
        problem: str,
        remedy: str,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(problem)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"error": {"field": field, "problem": problem, "remedy": remedy, **more}}


def too_fast(seconds: float) -> Refusal:
    """The tenant's bucket is empty for so long."""
    whole = max(1, -int(-seconds // 1))
    remedy = f"wait {whole} s and send it again with the same channel_message_id"
    return Refusal(429, "more requests than the tenant may send", remedy, headers={"Retry-After": str(whole)})


def not_delivered(why: NotDelivered, **ids: str) -> Refusal:
    """The log did not confirm it. The ids go with it, so that the client can repeat the very same message."""
    remedy = "send it again with the same channel_message_id; it will count once"
    return Refusal(503, f"not accepted: {why}", remedy, headers={"Retry-After": "1"}, **ids)


def wrong_input(wrong: WrongInput) -> Refusal:
    """A rule of the wire format is broken."""
    return Refusal(422, wrong.problem, wrong.remedy, wrong.field)


def install(app: FastAPI) -> None:
    """Answers every refusal, and every error of the framework, in the same shape."""

    @app.exception_handler(Refusal)
    async def _refused(_: Request, err: Refusal) -> JSONResponse:
        return JSONResponse(err.body, err.status, err.headers)

    @app.exception_handler(WrongInput)
    async def _wrong(request: Request, err: WrongInput) -> JSONResponse:
        return await _refused(request, wrong_input(err))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, err: RequestValidationError) -> JSONResponse:
        first = err.errors()[0]
        field = ".".join(str(p) for p in first["loc"] if p not in ("body", "query", "path", "header")) or None
        field = field.encode("utf-8", "replace").decode()[:200] if field else None
        remedy = "see /docs for the fields"
        if first["type"] == "extra_forbidden":
            remedy = "remove the field; the tenant comes from the key"
        elif first["type"] == "json_invalid":
            field, remedy = None, "send a JSON object in UTF-8"
        elif first["type"] == "string_unicode":
            remedy = "send whole characters, in valid UTF-8"
        return await _refused(request, Refusal(422, str(first["msg"]).lower(), remedy, field))

    @app.exception_handler(HTTPException)
    async def _framework(request: Request, err: HTTPException) -> JSONResponse:
        remedy = "see /docs for what there is" if err.status_code in (404, 405) else "send a JSON object in UTF-8"
        return await _refused(request, Refusal(err.status_code, str(err.detail), remedy, headers=err.headers))


class BodyLimit:
    """Refuses bodies beyond MAX_BODY with 413, whether they say their length or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            chunk = message.get("body", b"")
            size += len(chunk)
            more = message.get("more_body", False)
            if size <= MAX_BODY:
                chunks.append(chunk)
            elif size > MAX_DRAINED:
                break
        if size > MAX_BODY:
            remedy = "a message has at most 16,384 characters; split longer ones"
            refusal = Refusal(413, f"the body is larger than {MAX_BODY} bytes", remedy, headers={"Connection": "close"})
            await JSONResponse(refusal.body, refusal.status, refusal.headers)(scope, receive, send)
            return
        await self._app(scope, _once(b"".join(chunks), receive), send)


def _once(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, then whatever else comes, which is the client's going away."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
