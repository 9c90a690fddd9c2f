"""The gateway: messages in over HTTP and WebSocket, replies out, a human desk, and a chat page."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams import metrics
from streams.channels import desk_api, messages_api, page, refusals, streams_api
from streams.channels.service import GatewayService

Mounted = tuple[str, APIRouter]
"""A prefix, and the routes below it."""
MAX_SOCKET_FRAME = refusals.MAX_BODY
DESCRIPTION = """Send a customer's message, and get the reply: at once (`wait`), as server-sent events, or on a
WebSocket at `/v1/sessions/{session}/ws`. The tenant comes from the key: `Authorization: Bearer KEY`."""


def create_app(service: GatewayService, more: Sequence[Mounted] = ()) -> FastAPI:
    """The application around a service, which it starts and stops with itself. `more`: routers to serve beside it."""

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(title="Spillway gateway", version=version("spillway"), description=DESCRIPTION, lifespan=running)
    app.add_middleware(refusals.BodyLimit)
    app.add_middleware(streams_api.Sockets, service=service)
    app.add_middleware(_Measured)
    refusals.install(app)
    app.include_router(messages_api.routes(service))
    app.include_router(streams_api.routes(service))
    app.include_router(desk_api.routes(service))
    app.include_router(page.routes(service.keys))
    for prefix, router in more:
        app.include_router(router, prefix=prefix)
    _add_probes(app, service)
    return app


def _add_probes(app: FastAPI, service: GatewayService) -> None:
    @app.get("/health", tags=["operation"], summary="Whether the process answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    not_ready: dict[int | str, dict[str, Any]] = {503: {"description": "Something is missing; the answer says what"}}

    @app.get(
        "/ready",
        tags=["operation"],
        responses=not_ready,
        summary="Whether it can serve: 200, or 503 with what is missing",
    )
    async def ready() -> JSONResponse:
        missing = await service.ready()
        return JSONResponse({"ready": missing is None, "missing": missing}, 200 if missing is None else 503)

    @app.get("/metrics", tags=["operation"], response_class=PlainTextResponse, summary="Metrics for Prometheus")
    async def shown_metrics() -> Response:
        return Response(generate_latest(service.registry or REGISTRY), media_type=CONTENT_TYPE_LATEST)


class _Measured:
    """Counts and times requests by route, and open streams by kind."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            with metrics.GATEWAY_STREAMS.labels("websocket").track_inprogress():
                await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].endswith("/events"):
            with metrics.GATEWAY_STREAMS.labels("events").track_inprogress():
                await self._app(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            metrics.GATEWAY_REQUESTS.labels(route, str(status)).inc()
            metrics.GATEWAY_SECONDS.labels(route).observe(time.perf_counter() - began)


class _Server(uvicorn.Server):
    """Ends open streams and, after the grace time, waiting requests, so that a stop is bounded."""

    def __init__(self, config: uvicorn.Config, service: GatewayService) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self.servers:
            listener.close()
        self._service.hub.end_streams()
        ending = asyncio.get_running_loop().call_later(self._service.options.grace, self._service.hub.end_waits)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off on what is accepted: 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def server(service: GatewayService, more: Sequence[Mounted] = ()) -> uvicorn.Server:
    """A uvicorn server. Its `should_exit` stops it, as SIGTERM and SIGINT do."""
    config = uvicorn.Config(
        create_app(service, more),
        log_level="warning",
        access_log=False,
        ws_max_size=MAX_SOCKET_FRAME,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        # Messages are short, and the compressor of a socket takes more than all else of it.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=round(service.options.grace + 4),
        server_header=False,
    )
    return _Server(config, service)


def run(service: GatewayService, listeners: Sequence[socket.socket], more: Sequence[Mounted] = ()) -> None:
    """Serves on these sockets until SIGTERM or SIGINT, then finishes the waiting requests, within the grace time."""
    asyncio.run(server(service, more).serve(list(listeners)))
