"""One generation under its budget: whatever a source does, deltas in order come out, then one Finish."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final, Literal, NamedTuple, Self

from streams.generation.patience import Patience
from streams.generation.ports import Budget, Delta, Fault, Finish, Reason

LONGEST: Final = 1_048_576
"""No reply has more characters: what has is a model gone wrong, and would only fill memory."""


class Piece(NamedTuple):
    """What a source gives. `data`: UTF-8, which may end inside a character. `reason`: set on the last one, where the
    server says it."""

    data: bytes
    tokens: int
    reason: Literal["", "stop", "length"] = ""


class Failed(Exception):
    """A source cannot go on. Ends the generation with this fault; never leaves this package."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault: Fault = fault
        self.detail = detail


class Maker:
    """Who makes the reply: a source sets the fingerprint as soon as it knows it."""

    __slots__ = ("fingerprint",)

    def __init__(self) -> None:
        self.fingerprint = ""


Source = Callable[[Maker], AsyncGenerator[Piece, None]]
"""Asks when it is first read. Closing it tells the server that nobody waits any more. Raises Failed."""


class Running:
    """The port Stream, over any source. `limit`: the tokens after which the model should have ended.

    A task of its own reads the source and keeps the budget, so that a customer's slow connection costs the model's
    reply no time, and what nobody reads ends as well.
    """

    def __init__(self, source: Source, budget: Budget, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(budget, self._loop.time())
        self._limit = limit
        self._made = Maker()
        self._tokens = 0
        self._unsaid = 0
        """Tokens that did not make a whole character yet."""
        self._items: asyncio.Queue[Delta | Finish | BaseException] = asyncio.Queue()
        self._ended = False
        self._ran_out: Fault = ""
        self._task = self._loop.create_task(self._read(source(self._made)), name="generation")
        self._task.add_done_callback(self._close)
        self._watch = self._loop.call_at(self._patience.until()[0], self._look)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()
        await asyncio.wait({self._task})

    def __aiter__(self) -> AsyncIterator[Delta | Finish]:
        return self

    async def __anext__(self) -> Delta | Finish:
        if self._ended:
            raise StopAsyncIteration
        item = await self._items.get()
        if isinstance(item, Delta):
            return item
        self._ended = True
        if isinstance(item, Finish):
            return item
        raise item

    def cancel(self) -> None:
        self._task.cancel()

    def _close(self, task: asyncio.Task[Finish]) -> None:
        """Every way to end comes by here, that of a task which was cancelled before it ran too."""
        self._watch.cancel()
        if task.cancelled():
            self._items.put_nowait(self._finish("cancelled", "called off"))
        else:
            self._items.put_nowait(task.exception() or task.result())

    def _look(self) -> None:
        """Whether the wait is over. One timer a stream, moved only when it goes off: one a response costs much more."""
        until, fault = self._patience.until()
        if self._loop.time() < until:
            self._watch = self._loop.call_at(until, self._look)
        elif not self._task.done():
            self._ran_out = fault
            self._task.cancel()

    async def _read(self, pieces: AsyncGenerator[Piece, None]) -> Finish:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        reason: Reason | None = None
        heard, length = False, 0
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    heard = True
                    reason = piece.reason or reason
                    length += self._take(decoder.decode(piece.data), piece.tokens)
                    if length > LONGEST:
                        raise Failed("malformed", f"the reply has more than {LONGEST} characters")
                    if self._tokens > self._limit:
                        reason = "length"
                        break
        except Failed as failed:
            return self._finish("error", failed.detail, failed.fault)
        except asyncio.CancelledError:
            if not self._ran_out:
                raise
            allowed = self._patience.allowance(self._ran_out)
            return self._finish("deadline", f"{_WAIT[self._ran_out]} took longer than {allowed:g} s", self._ran_out)
        if not heard:
            return self._finish("error", "the stream ended without a response", "malformed")
        self._take(decoder.decode(b"", final=True), 0)
        return self._finish(reason or ("length" if self._tokens >= self._limit else "stop"), "")

    def _take(self, text: str, tokens: int) -> int:
        self._tokens += tokens
        first = self._patience.first is None
        self._patience.hear(self._loop.time(), bool(text))
        if first and text:
            # Only now can the wait end sooner than the timer thinks; from here on it ends later and later.
            self._watch.cancel()
            self._watch = self._loop.call_at(self._patience.until()[0], self._look)
        self._unsaid += tokens
        if text:
            self._items.put_nowait(Delta(text, self._unsaid))
            self._unsaid = 0
        return len(text)

    def _finish(self, reason: Reason, detail: str, fault: Fault = "") -> Finish:
        patience, seconds = self._patience, self._patience.spent(self._loop.time())
        return Finish(reason, detail, self._tokens, patience.first, seconds, fault, self._made.fingerprint)


_WAIT: Final[dict[Fault, str]] = {"first": "the first text", "between": "the next text", "total": "the reply"}
