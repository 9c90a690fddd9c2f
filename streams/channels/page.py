"""The chat page: three static files, and which tenants it may talk to. Nothing comes from anywhere else."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from streams.channels.keys import Keys

FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/chat.css": ("chat.css", "text/css; charset=utf-8"),
    "/chat.js": ("chat.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def routes(keys: Keys) -> APIRouter:
    """The page's files, and the keys that it is served with."""
    router = APIRouter(include_in_schema=False)
    for path, (name, kind) in FILES.items():
        _add_file(router, path, files("streams.channels").joinpath("web", name).read_bytes(), kind)

    @router.get("/page/tenants")
    async def tenants() -> JSONResponse:
        found = [{"tenant": tenant, "key": key} for tenant, key in keys.page_keys().items()]
        return JSONResponse({"tenants": found}, headers={"Cache-Control": "no-store"})

    return router


def _add_file(router: APIRouter, path: str, content: bytes, kind: str) -> None:
    @router.get(path)
    async def file() -> Response:
        return Response(content, media_type=kind, headers=HEADERS)
