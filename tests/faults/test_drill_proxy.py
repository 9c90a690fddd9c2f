"""The proxy of the drills does to a connection what it is told, and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from infra.drills.proxy import Proxy

SLOW = 0.3
pytestmark = pytest.mark.faults


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that says what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(client,), daemon=True).start()

        def answer(client: socket.socket) -> None:
            with client:
                try:
                    while heard := client.recv(4096):
                        client.sendall(heard)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[:2]
        listening.shutdown(socket.SHUT_RDWR)


def connected(proxy: Proxy) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    client.settimeout(10)
    return client


def silent(client: socket.socket) -> bool:
    """Whether nothing comes for a moment."""
    client.settimeout(0.2)
    try:
        client.recv(100)
    except TimeoutError:
        return True
    finally:
        client.settimeout(10)
    return False


def closed_without_a_word(client: socket.socket) -> bool:
    """Whether the connection ends before anything comes."""
    try:
        return client.recv(100) == b""
    except ConnectionError:
        return True


def test_a_healthy_proxy_passes_everything_on(echo: tuple[str, int]) -> None:
    """Both ways, in order."""
    with Proxy(echo) as proxy, connected(proxy) as client:
        for word in (b"one", b"two"):
            client.sendall(word)
            assert client.recv(100) == word


@pytest.mark.parametrize("fault", [Proxy.cut, Proxy.silence_server, Proxy.silence_clients])
def test_what_was_held_back_arrives_after_healing(echo: tuple[str, int], fault: object) -> None:
    """A partition is a silence; the connection outlives it."""
    with Proxy(echo) as proxy, connected(proxy) as client:
        client.sendall(b"before")
        assert client.recv(100) == b"before"
        fault(proxy)  # type: ignore[operator]
        client.sendall(b"meanwhile")
        assert silent(client)
        proxy.heal()
        assert client.recv(100) == b"meanwhile"


def test_a_lost_answer_was_heard_by_the_server(echo: tuple[str, int]) -> None:
    """The server has answered, the connection is reset, and the client never sees it."""
    with Proxy(echo) as proxy, connected(proxy) as client:
        proxy.silence_server()
        client.sendall(b"done?")
        while not proxy.answers:
            threading.Event().wait(0.01)
        proxy.drop_connections()
        assert closed_without_a_word(client)
        proxy.heal()


def test_latency_delays_and_loses_nothing(echo: tuple[str, int]) -> None:
    """Each way takes its time."""
    with Proxy(echo) as proxy, connected(proxy) as client:
        proxy.slow(SLOW)
        began = time.monotonic()
        client.sendall(b"slowly")
        assert client.recv(100) == b"slowly"
        assert time.monotonic() - began >= 2 * SLOW


def test_a_server_that_is_away_shows_as_a_closed_connection(echo: tuple[str, int]) -> None:
    """Nobody listens at the target."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nobody = gone.getsockname()[:2]
    with Proxy(nobody) as proxy, connected(proxy) as client:
        assert closed_without_a_word(client)
