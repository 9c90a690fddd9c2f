"""A server that speaks ClickHouse's HTTP protocol over the embedded engine.

`python -m infra.local.clickhouse_server --path DIR --port N`. It is for one machine: it listens on the loopback
interface, knows one user and asks for no password. Sessions, progress headers and roles are accepted and ignored.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.local.clickhouse_engine import Answer, Engine, EngineError, Query, is_name
from infra.local.clickhouse_form import form_fields, is_form
from infra.local.clickhouse_insert import CORRUPT, UnknownEncoding, decompressor, from_file, insert_head

LARGEST_BODY_BYTES = 512 * 1024 * 1024
LARGEST_QUERY_BYTES = 64 * 1024 * 1024
QUERIES_WAITING = 256
_TRANSPORT = frozenset(
    {
        *("query", "database", "default_format", "query_id", "user", "password", "quota_key", "role", "readonly"),
        *("session_id", "session_timeout", "session_check", "close_session", "client_protocol_version"),
        *("compress", "decompress", "enable_http_compression", "http_zlib_compression_level", "buffer_size"),
        *("wait_end_of_query", "send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        *("cancel_http_readonly_queries_on_client_close", "add_http_cors_header"),
    }
)
"""Options of the protocol itself; every other one is a setting of the query."""
_READS = ("SELECT", "WITH", "SHOW", "DESC", "EXPLAIN", "EXISTS", "(")
_NOT_FOUND = frozenset({46, 47, 50, 56, 60, 73, 81, 115})
_MALFORMED = frozenset({6, 26, 27, 36, 38, 41, 53, 62, 117, 130, 457})

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Refused(Exception):
    """A request that does not reach the engine, with the HTTP status of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Server:
    """The ASGI application over an engine. `scratch` is where the bodies of inserts wait for the engine."""

    def __init__(self, engine: Engine, scratch: Path) -> None:
        self._engine = engine
        self._scratch = scratch
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            if scope["path"] in ("/ping", "/replicas_status") or (scope["path"] == "/" and _is_greeting(scope)):
                await _respond(send, 200, b"Ok.\n")
                return
            if scope["path"] not in ("/", "/query"):
                raise Refused(404, f"There is no handle {scope['path']}; use / for queries, /ping for a sign of life")
            answer, output = await self._answer(scope, receive)
            await _respond(send, 200, answer.body, _summary(answer, output))
        except Refused as refused:
            await _respond(send, refused.status, f"{refused}\n".encode())
        except EngineError as failed:
            status = 404 if failed.code in _NOT_FOUND else 400 if failed.code in _MALFORMED else 500
            headers = {"X-ClickHouse-Exception-Code": str(failed.code)}
            await _respond(send, status, f"{failed}\n".encode(), headers)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Answer, str]:
        _refuse_foreign_pages(scope)
        handle, name = tempfile.mkstemp(dir=self._scratch, suffix=".body")
        body = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                await _receive_body(scope, receive, file)
            query = _query_of(scope, body)
            if self._waiting >= QUERIES_WAITING:
                raise Refused(503, f"{QUERIES_WAITING} queries are waiting; try again later")
            self._waiting += 1
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._engine.pool, self._engine.run, query), query.output
            finally:
                self._waiting -= 1
        finally:
            body.unlink(missing_ok=True)


def _query_of(scope: Scope, body: Path) -> Query:
    """The query of a request whose body lies in a file. An insert's data is left there for the engine to read."""
    options = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    headers = _headers(scope)
    if is_form(content_type := headers.get("content-type", "")):
        if body.stat().st_size > LARGEST_QUERY_BYTES:
            raise Refused(413, f"a form may have {LARGEST_QUERY_BYTES} bytes; give the data of an insert by FORMAT")
        options |= form_fields(content_type, body.read_bytes())
        body.write_bytes(b"")
    head = options.get("query", "").encode()
    in_url = bool(head)
    if not in_url:
        with body.open("rb") as file:
            head = file.read(64 * 1024)
    settings = {k: v for k, v in options.items() if k not in _TRANSPORT and not k.startswith("param_")}
    insert = insert_head(head)
    if insert is not None and (body.stat().st_size > 0 if in_url else insert[0].end() < body.stat().st_size):
        if not in_url:
            _cut(body, insert[0].end())
        if all(map(is_name, settings)):
            sql, settings = from_file(insert[0], body, settings), {}
        else:
            sql = from_file(insert[0], body)
    else:
        if body.stat().st_size > LARGEST_QUERY_BYTES:
            raise Refused(413, f"a query may have {LARGEST_QUERY_BYTES} bytes; give the data of an insert by FORMAT")
        text = body.read_bytes() if not in_url else head + b"\n" + body.read_bytes()
        sql = _text(text)
    if scope["method"] == "GET" and not sql.lstrip().upper().startswith(_READS):
        raise EngineError("Code: 164. DB::Exception: Cannot execute query in readonly mode: use POST. (READONLY)")
    return Query(
        sql=sql,
        output=options.get("default_format") or headers.get("x-clickhouse-format") or "TabSeparated",
        database=options.get("database") or headers.get("x-clickhouse-database") or "default",
        settings=settings,
        parameters={k.removeprefix("param_"): v for k, v in options.items() if k.startswith("param_")},
    )


async def _receive_body(scope: Scope, receive: Receive, file: Any) -> None:
    """Write the plain body to a file, as it comes."""
    try:
        plain = decompressor(_headers(scope).get("content-encoding", ""))
    except UnknownEncoding as unknown:
        raise Refused(415, str(unknown)) from unknown
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the client left before its request was complete")
        try:
            piece = plain(message.get("body", b""))
        except CORRUPT as broken:
            raise Refused(400, f"the compressed body cannot be read: {broken}") from broken
        size += len(piece)
        if size > LARGEST_BODY_BYTES:
            raise Refused(413, f"a body may have {LARGEST_BODY_BYTES} bytes; insert in smaller batches")
        file.write(piece)
        more = message.get("more_body", False)


def _refuse_foreign_pages(scope: Scope) -> None:
    """A page of another site in the user's browser must not reach the data."""
    origin = _headers(scope).get("origin")
    if origin and urlsplit(origin).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise Refused(403, f"requests of pages from {origin} are refused")


def _is_greeting(scope: Scope) -> bool:
    return scope["method"] in ("GET", "HEAD") and not scope["query_string"]


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _text(query: bytes) -> str:
    try:
        return query.decode()
    except UnicodeDecodeError as binary:
        raise Refused(400, f"the query is not UTF-8: {binary}; give binary data by INSERT … FORMAT") from binary


def _cut(body: Path, start: int) -> None:
    """Leave of the file only what comes after `start`."""
    rest = body.with_suffix(".rest")
    with body.open("rb") as source, rest.open("wb") as target:
        source.seek(start)
        while piece := source.read(1 << 20):
            target.write(piece)
    rest.replace(body)


def _summary(answer: Answer, output: str) -> dict[str, str]:
    counts = {
        "read_rows": answer.rows_read,
        "read_bytes": answer.bytes_read,
        "written_rows": answer.rows_written,
        "written_bytes": answer.bytes_written,
        "elapsed_ns": int(answer.seconds * 1e9),
    }
    inside = ",".join(f'"{name}":"{count}"' for name, count in counts.items())
    return {"X-ClickHouse-Summary": "{" + inside + "}", "X-ClickHouse-Format": output}


async def _respond(send: Send, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    named = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Length": str(len(body)),
        "X-ClickHouse-Server-Display-Name": "spillway",
        **(headers or {}),
    }
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Hold the engine until SIGTERM."""
    import uvicorn

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="folder of the data")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    arguments = parser.parse_args()
    path: Path = arguments.path.resolve()
    path.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another process holds the ClickHouse data in {path}; stop it first")
    scratch = path.with_name(f"{path.name}-bodies")
    scratch.mkdir(exist_ok=True)
    for left_over in scratch.iterdir():
        left_over.unlink()
    engine = Engine(path)
    engine.pool.submit(engine.run, Query("SELECT 1")).result()
    config = uvicorn.Config(
        Server(engine, scratch), host="127.0.0.1", port=arguments.port, log_level="warning", access_log=False
    )
    uvicorn.Server(config).run()
    engine.close()
    # The engine's own threads are not Python's to join.
    os._exit(0)


if __name__ == "__main__":
    main()
