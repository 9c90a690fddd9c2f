"""What a Triton server serves, and how that is changed: its model repository, by its own control protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Self, TypeVar

from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from streams.models.runner import CannotRun

READY: Final = "ready"
UNLOADING: Final = "unloading"
_NOT_LOADED: Final = "not loaded"
T = TypeVar("T")


class Listed(NamedTuple):
    """A model of the server's repository. `state`: ready, loading, unloading, unavailable, or not loaded.

    `version`: the latest that is in that state; empty where it was never loaded. `reason`: why it is not ready.
    """

    name: str
    version: str
    state: str
    reason: str = ""


class TritonControl:
    """A connection for whoever operates a server. One thread at a time.

    `url`: host:port of its gRPC service. `timeout`: seconds for what should be quick; loading has its own. Everything
    raises CannotRun, which says what mends it, where the server does not answer or refuses.
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self.url = url
        self._timeout = timeout
        self._client: Any = InferenceServerClient(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def models(self) -> list[Listed]:
        """Every model that the server could load, by name; of several versions the one that serves, or the latest."""
        index = self._asked("its models", lambda: self._client.get_model_repository_index(client_timeout=self._timeout))
        found: dict[str, Listed] = {}
        for entry in index.models:
            state = (entry.state or _NOT_LOADED).lower()
            listed = Listed(entry.name, entry.version, state, entry.reason)
            if entry.name not in found or _rank(listed) > _rank(found[entry.name]):
                found[entry.name] = listed
        return [found[name] for name in sorted(found)]

    def model(self, name: str) -> Listed | None:
        """That model; None where the server knows no such one."""
        return next((listed for listed in self.models() if listed.name == name), None)

    def load(self, name: str, timeout: float = 120.0) -> None:
        """Returns once the model serves, anew where its files have changed. What it did before goes on meanwhile; where
        the new one does not load, the old one stays."""
        self._asked(f"to load {name}", lambda: self._client.load_model(name, client_timeout=timeout))

    def unload(self, name: str) -> None:
        """Returns at once: new requests are refused, those under way run to their end, and then the model goes."""
        self._asked(f"to unload {name}", lambda: self._client.unload_model(name, client_timeout=self._timeout))

    def begun(self, name: str) -> int:
        """Requests that the model has begun with, or refused, since it was loaded.

        Not those under way: a generating model counts for the server as done once it has taken the request.
        """
        answer = self._asked(
            f"what {name} does",
            lambda: self._client.get_inference_statistics(name, client_timeout=self._timeout),
        )
        return sum(s.inference_stats.success.count + s.inference_stats.fail.count for s in answer.model_stats)

    def _asked(self, what: str, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except InferenceServerException as error:
            status = str(error.status() or "").removeprefix("StatusCode.")
            message = str(error.message()).strip()
            if status in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                wrong = f"Triton at {self.url} does not answer when asked {what} ({status}: {message})"
                raise CannotRun(f"{wrong}; start it (spillway up --triton), or name another one") from error
            raise CannotRun(f"Triton at {self.url}, asked {what}: {message}") from error


def _rank(listed: Listed) -> tuple[bool, bool, int, str]:
    return listed.state == READY, listed.state != _NOT_LOADED, len(listed.version), listed.version
