"""The pinned schemas over the Confluent registry API, read only: for adapters in other languages, without a registry.

A serialiser may look up ids or "register" what is pinned already; anything new is refused, since ids are pinned in the
repository (`spillway schemas pin`).
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from fastavro.schema import SchemaParseException, UnknownType

from processors.documents import json_value
from schemas.codec import Ids
from schemas.registry import CONTENT_TYPE, Version, same_bytes, versions_of

UNKNOWN_SUBJECT = (40401, "Subject not found.")
UNKNOWN_VERSION = (40402, "Version not found.")
UNKNOWN_SCHEMA = (40403, "Schema not found.")


_REFUSALS: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such subject, version or schema"},
    413: {"description": "The body is too large"},
    422: {"description": "No schema, or one that is not pinned"},
}


class _Answer(JSONResponse):
    media_type = CONTENT_TYPE


def _answer(content: Any, status: int = 200) -> JSONResponse:
    return _Answer(content, status)


def _error(error: tuple[int, str], status: int = 404) -> JSONResponse:
    return _answer({"error_code": error[0], "message": error[1]}, status)


def _described(v: Version) -> dict[str, Any]:
    schema = json.dumps(v.schema)
    return {"subject": v.subject, "version": v.version, "id": v.id, "schemaType": "AVRO", "schema": schema}


class Pinned:
    """The pinned versions, by subject and by id."""

    def __init__(self, ids: Ids | None = None) -> None:
        self.by_subject: dict[str, list[Version]] = {}
        self.by_id: dict[int, Version] = {}
        for v in versions_of(ids or Ids.pinned()):
            self.by_subject.setdefault(v.subject, []).append(v)
            self.by_id[v.id] = v

    def version(self, subject: str, version: str) -> Version | None:
        """By number, or `latest`, or -1."""
        versions = self.by_subject[subject]
        if version in ("latest", "-1"):
            return versions[-1]
        return next((v for v in versions if str(v.version) == version), None)

    def holding(self, subject: str, schema: str) -> Version | None:
        """The newest version that writes the same bytes as this schema. Raises ValueError where it is no schema."""
        try:
            wanted = same_bytes(json_value(schema))
        except (TypeError, KeyError, AttributeError, SchemaParseException, UnknownType, RecursionError) as err:
            raise ValueError(str(err)[:200]) from err
        return next((v for v in reversed(self.by_subject[subject]) if same_bytes(v.schema) == wanted), None)


def router(ids: Ids | None = None) -> APIRouter:
    """The endpoints, to be mounted where adapters expect a registry. `ids`: those in use; if not given, the pinned."""
    pinned = Pinned(ids)
    routes = APIRouter(tags=["schema registry"], responses=_REFUSALS, default_response_class=_Answer)

    @routes.get("/subjects")
    def subjects() -> JSONResponse:
        return _answer(sorted(pinned.by_subject))

    @routes.get("/subjects/{subject}/versions")
    def versions(subject: str) -> JSONResponse:
        known = pinned.by_subject.get(subject)
        return _answer([v.version for v in known]) if known else _error(UNKNOWN_SUBJECT)

    @routes.get("/subjects/{subject}/versions/{version}")
    def one(subject: str, version: str) -> JSONResponse:
        if subject not in pinned.by_subject:
            return _error(UNKNOWN_SUBJECT)
        found = pinned.version(subject, version)
        return _answer(_described(found)) if found else _error(UNKNOWN_VERSION)

    @routes.get("/schemas/types")
    def types() -> JSONResponse:
        return _answer(["AVRO"])

    @routes.get("/schemas/ids/{id_}")
    def by_id(id_: int) -> JSONResponse:
        found = pinned.by_id.get(id_)
        return _answer({"schema": json.dumps(found.schema), "schemaType": "AVRO"}) if found else _error(UNKNOWN_SCHEMA)

    @routes.get("/schemas/ids/{id_}/versions")
    def places(id_: int) -> JSONResponse:
        found = pinned.by_id.get(id_)
        return _answer([{"subject": found.subject, "version": found.version}]) if found else _error(UNKNOWN_SCHEMA)

    @routes.get("/config")
    @routes.get("/config/{subject}")
    def config() -> JSONResponse:
        return _answer({"compatibilityLevel": "FULL_TRANSITIVE"})

    @routes.get("/mode")
    @routes.get("/mode/{subject}")
    def mode() -> JSONResponse:
        return _answer({"mode": "READONLY"})

    _add_lookups(routes, pinned)
    return routes


def _add_lookups(routes: APIRouter, pinned: Pinned) -> None:
    @routes.post("/subjects/{subject}")
    async def look_up(subject: str, request: Request) -> JSONResponse:
        return await _looked_up(pinned, subject, request, refusal=(404, UNKNOWN_SCHEMA))

    @routes.post("/subjects/{subject}/versions")
    async def register(subject: str, request: Request) -> JSONResponse:
        refusal = (42205, "Read only: schemas are pinned in the repository, by spillway schemas pin.")
        return await _looked_up(pinned, subject, request, refusal=(422, refusal))


async def _looked_up(
    pinned: Pinned, subject: str, request: Request, refusal: tuple[int, tuple[int, str]]
) -> JSONResponse:
    if subject not in pinned.by_subject:
        return _error(UNKNOWN_SUBJECT if refusal[0] == 404 else refusal[1], refusal[0])
    try:
        body = json_value(await request.body())
        found = pinned.holding(subject, body["schema"])
    except (ValueError, KeyError, TypeError) as err:
        return _error((42201, f"Invalid schema: {err}"), 422)
    return _answer(_described(found)) if found else _error(refusal[1], refusal[0])


def app(ids: Ids | None = None) -> FastAPI:
    """The endpoints by themselves, as an application of its own."""
    alone = FastAPI(title="Spillway's pinned schemas", docs_url=None, redoc_url=None)
    alone.include_router(router(ids))
    return alone
