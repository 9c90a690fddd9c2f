"""A scripted model that generates, for tests: what it does with each prompt is data.

    model = ScriptedGenerator(lambda prompt: [Say("Your order "), Say("comes on Friday.")])
    async with model.generate(prompt, budget) as stream: ...

The same scripts are served over gRPC by streams/testing/triton_streaming.py. What it cannot do: chance, and
continuous batching; a thousand prompts at once cost each of them nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Literal, NamedTuple

from processors.prompting.types import Prompt
from streams.generation.ports import Budget, Fault, Readiness, Stream
from streams.generation.running import Failed, Maker, Piece, Running


class Say(NamedTuple):
    """The next response. `text`: bytes may end inside a character. `reason`: on the last one."""

    text: str | bytes
    tokens: int = 1
    reason: Literal["", "stop", "length"] = ""


class Wait(NamedTuple):
    """Goes on when the gate is open."""

    gate: asyncio.Event


class Pause(NamedTuple):
    """Takes so many seconds of the event loop's time; streams/testing/virtual_time.py has a loop that never waits."""

    seconds: float


class Silence(NamedTuple):
    """Never goes on, like a server that is stopped; ends when the request is cancelled."""


class Fail(NamedTuple):
    """The model fails, here: the text is "N/A", with an error."""

    message: str


class Misshape(NamedTuple):
    """A response that is not of the contract."""

    kind: Literal["two texts", "a number", "no text", "garbage"]


class Die(NamedTuple):
    """The server dies, for this request: the connection is lost."""


class Cut(NamedTuple):
    """The stream ends, here, without the last response."""


Step = Say | Wait | Pause | Silence | Fail | Misshape | Die | Cut
Script = Callable[[str], Sequence[Step]]
"""What the model does with a prompt's text. After the last step the reply is whole: where no step gave the reason, the
end says `stop`."""


class Seen:
    """What happened on the model's side."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """The texts of the prompts, as they came."""
        self.cancelled: Counter[str] = Counter()
        self.under_way = 0
        self.most = 0
        """The most requests at once."""
        self._changed = asyncio.Condition()

    async def begin(self, text: str) -> None:
        """A request came."""
        self.asked.append(text)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        async with self._changed:
            self._changed.notify_all()

    async def end(self, text: str, cancelled: bool) -> None:
        """A request is over."""
        self.under_way -= 1
        self.cancelled[text] += cancelled
        async with self._changed:
            self._changed.notify_all()

    async def until(self, true: Callable[[Seen], bool]) -> None:
        """Waits until that is so."""
        async with self._changed:
            await self._changed.wait_for(lambda: true(self))


class ScriptedGenerator:
    """The port Generator, in this process. `version`, `loaded`: may be set at any time, like a swap of the model."""

    def __init__(self, script: Script, name: str = "scripted", version: str = "1") -> None:
        self.name = name
        self.version = version
        self.loaded = True
        self.refuses = ""
        """Why it cannot be loaded; empty: it can."""
        self.loads = 0
        """How many times it was asked to be."""
        self.seen = Seen()
        self._script = script

    @property
    def fingerprint(self) -> str:
        return f"{self.name}@{self.version}#{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"

    def generate(self, prompt: Prompt, budget: Budget) -> Stream:
        return Running(lambda made: self._pieces(prompt, made), budget, prompt.max_tokens)

    async def ready(self, timeout: float) -> Readiness:
        if not self.loaded:
            return Readiness(False, "", f"the model {self.name} is not loaded", "unready")
        return Readiness(True, self.fingerprint, "")

    async def load(self, timeout: float) -> Readiness:
        self.loads += 1
        if self.refuses:
            return Readiness(False, "", self.refuses, "failed")
        self.loaded = True
        return await self.ready(timeout)

    async def _pieces(self, prompt: Prompt, made: Maker) -> AsyncGenerator[Piece, None]:
        if not self.loaded:
            raise Failed("unready", f"the model {self.name} is not loaded")
        made.fingerprint = self.fingerprint
        await self.seen.begin(prompt.text)
        whole = False
        try:
            for step in complete(self._script(prompt.text)):
                if isinstance(step, Wait):
                    await step.gate.wait()
                elif isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, Silence):
                    await asyncio.Event().wait()
                elif isinstance(step, Say):
                    yield Piece(data_of(step), step.tokens, step.reason)
                else:
                    raise Failed(*_ENDS[type(step)](step))
            whole = True
        except Failed:
            whole = True
            raise
        finally:
            await self.seen.end(prompt.text, cancelled=not whole)


def complete(script: Sequence[Step]) -> list[Step]:
    """The script with an end: a last response that says why it ended, unless it ends otherwise."""
    steps = list(script)
    last = steps[-1] if steps else None
    goes_on = isinstance(last, Say | Wait | Pause | None) and not (isinstance(last, Say) and last.reason)
    return [*steps, Say("", 0, "stop")] if goes_on else steps


def data_of(step: Say) -> bytes:
    """The bytes of a response."""
    return step.text.encode() if isinstance(step.text, str) else step.text


_ENDS: dict[type, Callable[[Any], tuple[Fault, str]]] = {
    Fail: lambda step: ("failed", step.message),
    Misshape: lambda step: ("malformed", step.kind),
    Die: lambda _: ("away", "the connection was lost"),
    Cut: lambda _: ("failed", "the stream ended before the reply did"),
}
