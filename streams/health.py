"""What a process says of itself over HTTP, on the loopback interface: /metrics, /ready and /live."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, runtime_checkable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Ready = Callable[[], Mapping[str, bool]]
Detail = Callable[[], Mapping[str, Any]]


@runtime_checkable
class AsksModels(Protocol):
    """A stage that can say which models it asks, and how it stands with them."""

    def status(self) -> dict[str, Any]:
        """For people and JSON. `in_force`: by tenant (`*`: every other) the fingerprint of what understands;
        `generating`: by tenant what stands for each rung. Cheap, from any thread."""
        ...


def serve(
    port: int | None, ready: Ready, host: str = "127.0.0.1", detail: Detail = dict
) -> ThreadingHTTPServer | None:
    """Answers on `port` from a thread of its own until the process ends; None: no server.

    `ready`: the parts of the process and whether each works; /ready is 200 when all do, else 503. `detail`: what else
    /ready says, which makes no difference to that. Raises OSError when the port is taken.
    """
    if port is None:
        return None

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif path == "/ready":
                parts = ready()
                body = json.dumps({"ready": all(parts.values()), "parts": dict(parts), **detail()})
                self._answer(200 if all(parts.values()) else 503, "application/json", body.encode())
            elif path == "/live":
                self._answer(200, "application/json", b'{"live": true}')
            else:
                self._answer(404, "application/json", b'{"error": "there are /metrics, /ready and /live"}')

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes are not worth a line each."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
