"""One generation of a turn: the stream of a model through the guards, its whole sentences handed on as they pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from processors.guarding import Release
from processors.prompting.types import Prompt
from schemas.events import Generated
from streams.generation import metrics
from streams.generation.ports import Delta, Finish, Stream


class Told(NamedTuple):
    """What came of it. text: what may be said, empty if nothing; outcome: the guards' (`Generated.outcome`).

    stopped: a guard called it off before the model was done.
    """

    finish: Finish
    text: str
    outcome: str
    guards: tuple[str, ...]
    stopped: bool

    @property
    def why_not(self) -> str:
        """Why it is no reply, in the ladder's words; empty where it is one.

        A text that a fault cut short is none, whatever the guards say of it: time is left for another rung. At the
        deadline none is left, and what passed is the reply.
        """
        finish = self.finish
        if finish.reason == "error" or (finish.reason == "deadline" and not self.text):
            return f"model_{finish.fault or finish.reason}"
        if not self.text:
            return f"guard_{self.guards[0]}" if self.guards else f"model_{finish.fault or finish.reason}"
        return ""

    def generated(self, prompt: Prompt, waited: float) -> Generated:
        """As the reply records it."""
        finish = self.finish
        return Generated(
            finish.fingerprint,
            prompt.fingerprint,
            prompt.tokens,
            finish.tokens,
            finish.first_seconds,
            finish.seconds,
            waited,
            finish.reason,
            finish.fault,
            self.outcome,
            self.guards,
        )


async def told(stream: Stream, release: Release, hand_on: Callable[[int, str], None]) -> Told:
    """Reads a stream to its end. hand_on: given the characters handed on before, and the next whole sentences.

    What the guards find that no more text mends ends the generation at once. The last sentences are not handed on:
    the reply follows them.
    """
    finish, came, stopped = None, False, False
    async for item in stream:
        if isinstance(item, Delta):
            came = True
            if piece := release.add(item.text):
                hand_on(len(release.released) - len(piece), piece)
            if release.stopped and not stopped:
                stopped = True
                stream.cancel()
        else:
            finish = item
    assert finish is not None, "every stream ends with a finish"
    _, verdict = release.finish(complete=finish.reason == "stop")
    guards = tuple(dict.fromkeys(finding.reason for finding in verdict.findings))
    outcome = verdict.outcome if came else ""
    metrics.GUARDED.labels(outcome or "no_text", guards[0] if guards else "").inc()
    return Told(finish, verdict.text, outcome, guards if came or finish.reason == "stop" else (), stopped)
