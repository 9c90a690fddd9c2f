"""What a process says of itself over HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from streams import health, metrics


@pytest.fixture
def parts() -> dict[str, bool]:
    return {"routing": False, "reply": True}


@pytest.fixture
def url(parts: dict[str, bool]) -> Iterator[str]:
    """A server whose readiness is that of `parts`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = health.serve(port, lambda: parts)
    assert server is not None
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    server.server_close()


def test_a_process_is_ready_when_all_its_parts_are(url: str, parts: dict[str, bool]) -> None:
    """503 with the parts until then, 200 afterwards."""
    answer = httpx.get(f"{url}/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "parts": parts})
    parts["routing"] = True
    assert httpx.get(f"{url}/ready").status_code == 200


def test_what_else_a_process_says_makes_no_difference_to_its_readiness() -> None:
    """A refused model is told here; the one before it serves on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = health.serve(port, dict, detail=lambda: {"models": {"intent": {"refused": ["m@1"]}}})
    assert server is not None
    answer = httpx.get(f"http://127.0.0.1:{port}/ready")
    server.shutdown()
    server.server_close()
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "parts": {}, "models": {"intent": {"refused": ["m@1"]}}}


def test_metrics_are_served_by_their_names(url: str) -> None:
    """Every metric of the list is there, whether anything was counted or not."""
    text = httpx.get(f"{url}/metrics").text
    for metric in metrics.ALL:
        assert f"# TYPE {next(iter(metric.describe())).name}" in text


def test_a_live_process_says_so_and_knows_no_other_page(url: str) -> None:
    """Liveness does not depend on readiness."""
    assert httpx.get(f"{url}/live").status_code == 200
    assert httpx.get(f"{url}/secrets").status_code == 404


def test_no_port_means_no_server() -> None:
    """A process that was given no port serves nothing."""
    assert health.serve(None, dict) is None
