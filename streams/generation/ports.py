"""What generates replies, as the stage sees it: a prompt and a budget in, pieces of text out, and how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, NamedTuple, Protocol, Self

from processors.prompting.types import Prompt

Reason = Literal["stop", "length", "deadline", "cancelled", "error"]
"""How a generation ended: by itself, at its limit of tokens, out of time, called off, or by a fault."""

Fault = Literal["", "first", "between", "total", "away", "unready", "refused", "failed", "malformed"]
"""What went wrong, of a `deadline` (the first three) or an `error`; empty otherwise. docs/generation.md has the table.

`first`, `between`, `total`: which part of the budget ran out. `away`: no connection, or it was lost. `unready`: the
server does not serve the model. `refused`: the server takes this request for wrong, so the model is not to blame.
`failed`: the model or the server said that it failed. `malformed`: what came is not what the contract says.
"""


class Budget(NamedTuple):
    """Seconds that a generation may take: until its `first` text, from one sign of life `between` to the next, in
    `total`. The total bounds the other two."""

    first: float
    between: float
    total: float


class Delta(NamedTuple):
    """The next piece of the text, never empty, and whole characters. `tokens`: how many the model made for it."""

    text: str
    tokens: int


class Finish(NamedTuple):
    """How a generation ended, and what it took: the last item of every stream.

    `detail`: what went wrong, for people. `tokens`: made, as far as the server said. `first_seconds`: from the request
    to the first text, None where none came. `fingerprint`: model@version#hash, of what made it; empty where the server
    was never reached.
    """

    reason: Reason
    detail: str
    tokens: int
    first_seconds: float | None
    seconds: float
    fault: Fault = ""
    fingerprint: str = ""


class Stream(Protocol):
    """One generation under way: deltas in order, then one Finish, then the end. It never raises what a server does.

    It was asked for when it was made, and runs whether or not it is read; its budget ends it at the latest. Leaving
    the `async with` ends it too, and tells the server.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    def __aiter__(self) -> AsyncIterator[Delta | Finish]: ...

    async def __anext__(self) -> Delta | Finish: ...

    def cancel(self) -> None:
        """Calls it off, without waiting: the server is told, and the Finish says `cancelled`. Once is enough; after
        the end it does nothing."""
        ...


class Readiness(NamedTuple):
    """Whether the model can be asked. `fingerprint`: of what is served, where it is; `detail`, `fault`: what is wrong
    if not. `unready`: the server is there, and does not serve it."""

    ready: bool
    fingerprint: str
    detail: str
    fault: Fault = ""


class Generator(Protocol):
    """A model that generates. One for all of a worker's turns: it may be asked any number of times at once."""

    @property
    def name(self) -> str:
        """The model's name, as policies and breakers know it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of what was served last, as far as is known; empty before the server was ever reached."""
        ...

    def generate(self, prompt: Prompt, budget: Budget) -> Stream:
        """Asks, now. Needs a running event loop. What goes wrong is said by the stream's Finish."""
        ...

    async def ready(self, timeout: float) -> Readiness:
        """Asks the server about the model, for at most `timeout` seconds."""
        ...

    async def load(self, timeout: float) -> Readiness:
        """Asks the server to load the model, and says whether it is ready then; `timeout`: seconds it may take.

        One that is loaded already stays as it is.
        """
        ...
