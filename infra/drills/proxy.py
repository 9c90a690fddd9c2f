"""A TCP proxy that misbehaves on demand: cut, deaf in one direction, slow, or swallowing what the server answers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

CHUNK: Final = 65_536
READ_AHEAD: Final = 1_024
"""Chunks that wait in one direction of a connection."""


@dataclass
class _Way:
    """What happens to bytes in one direction. `open`: they pass; else they wait. delay: seconds for each of them."""

    open: bool = True
    delay: float = 0.0


class Proxy:
    """Listens on a free port of the loopback interface, and passes on to `target`, from entering until leaving it.

    A partition is a silence, not a refusal: nothing passes, connections stay open, and new ones are accepted and left
    waiting. `heal` lets go what has waited. Bytes are never reordered or lost but by `drop_connections`.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._up, self._down = _Way(), _Way()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.answers = 0
        """Chunks that the server has sent so far, passed on or not."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = server.result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Nothing passes in either direction."""
        self._up.open = self._down.open = False

    def silence_server(self) -> None:
        """One way: what clients send arrives, and no answer comes back."""
        self._down.open = False

    def silence_clients(self) -> None:
        """One way: what the server sends arrives, and nothing of the clients does."""
        self._up.open = False

    def slow(self, seconds: float) -> None:
        """Every chunk takes so long in each direction."""
        self._up.delay = self._down.delay = seconds

    def heal(self) -> None:
        """All passes again, at once."""
        self._up.open = self._down.open = True
        self._up.delay = self._down.delay = 0.0

    def drop_connections(self) -> None:
        """Resets every connection; what was under way in it is lost."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])

    async def _close(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._allowed(self._up)
            there, onward = await asyncio.open_connection(*self._target)
            try:
                await self._both(reader, writer, there, onward)
            finally:
                onward.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass  # the server is away, or the connection was dropped on purpose: its client sees a reset
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        onward: asyncio.StreamWriter,
    ) -> None:
        """Until either side has ended."""
        ways = [
            asyncio.ensure_future(self._pass_on(reader, onward, self._up)),
            asyncio.ensure_future(self._pass_on(there, writer, self._down)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: _Way) -> None:
        """Reads ahead of what it writes, so that a delay is a delay, and no lower throughput."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(READ_AHEAD)
        writing = asyncio.ensure_future(self._write(waiting, sink, way))
        try:
            with contextlib.suppress(OSError):
                while chunk := await source.read(CHUNK):
                    self.answers += way is self._down
                    await waiting.put((self._loop.time() + way.delay, chunk))
                await waiting.put((self._loop.time() + way.delay, b""))
                await writing
        finally:
            writing.cancel()

    async def _write(self, waiting: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter, way: _Way) -> None:
        with contextlib.suppress(OSError):
            while True:
                at, chunk = await waiting.get()
                await asyncio.sleep(max(0.0, at - self._loop.time()))
                await self._allowed(way)
                if not chunk:
                    return
                sink.write(chunk)
                await sink.drain()

    async def _allowed(self, way: _Way) -> None:
        while not way.open:
            await asyncio.sleep(0.02)
