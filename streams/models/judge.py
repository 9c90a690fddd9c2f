"""Judges: of two replies to one customer, which is better. The port, and the one that a KServe v2 server runs.

A judge never learns which reply is whose; `infra/judging` asks it blind, and both ways round.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

import numpy as np

from schemas.identity import fingerprint
from streams.models.runner import CannotRun
from streams.models.triton import ServedByName, Triton

Better = Literal["first", "second", "tie"]
INPUTS: Final = ("question", "history", "first", "second")
OUTPUT: Final = "verdict"
LIMIT: Final = 8_000
"""Characters of each input that a server is given; of a history the last ones."""
_ROWS: Final = 32
_BETTER: Final[dict[str, Better]] = {"first": "first", "second": "second", "tie": "tie"}


class Asked(NamedTuple):
    """Two replies to one message. `history`: what was said before, a line each, `customer: …`, `bot: …`, `agent: …`."""

    question: str
    history: str
    first: str
    second: str


class Opinion(NamedTuple):
    """Which is better, how sure the judge is (0 to 1), and why, in its own words."""

    better: Better
    confidence: float = 1.0
    why: str = ""


class Judge(Protocol):
    """Says which of two replies is better. Each question is judged by itself, whatever its neighbours are."""

    name: str
    fingerprint: str

    def judge(self, items: Sequence[Asked]) -> Sequence[Opinion | None]:
        """One opinion an item, in order; None where the judge said nothing that can be understood.

        May block. Raises CannotRun where what judges is away.
        """
        ...


class ServedJudge:
    """A judge that a Triton or another KServe v2 server runs as a model of texts.

    Inputs `question`, `history`, `first`, `second` and output `verdict` are BYTES in UTF-8, of shape [n] or [n, 1] as
    the model's metadata says. A verdict is JSON, {"better": "first" | "second" | "tie", "confidence": 0 to 1, "why":
    text}, or one of these three words alone.
    """

    def __init__(self, server: Triton, name: str) -> None:
        """Raises CannotRun where the server is away, has no such model, or it has other inputs and outputs."""
        self.name = name
        self._model: ServedByName = server.named(name)
        lacking = [i for i in INPUTS if i not in self._model.runner.inputs]
        if OUTPUT not in self._model.runner.outputs:
            lacking.append(OUTPUT)
        if lacking:
            raise CannotRun(
                f"Triton's model {name} has no {', '.join(lacking)}; docs/candidates.md says what a judge has"
            )
        self.fingerprint = fingerprint(name, self._model.version, self._model.config)

    def judge(self, items: Sequence[Asked]) -> Sequence[Opinion | None]:
        """See the port. At most 32 items a request."""
        found: list[Opinion | None] = []
        for start in range(0, len(items), _ROWS):
            found += self._judge(items[start : start + _ROWS])
        return found

    def _judge(self, items: Sequence[Asked]) -> list[Opinion | None]:
        given = {}
        for name in INPUTS:
            texts = [getattr(item, name) for item in items]
            cut = [t[-LIMIT:] if name == "history" else t[:LIMIT] for t in texts]
            array = np.array([t.encode("utf-8", "replace") for t in cut], dtype=object)
            flat = len(self._model.runner.inputs[name].shape) == 1
            given[name] = array if flat else array.reshape(-1, 1)
        (said,) = self._model.runner.run(given, [OUTPUT])
        verdicts = said.reshape(-1).tolist()
        if len(verdicts) != len(items):
            raise CannotRun(f"Triton's model {self.name} gave {len(verdicts)} verdicts for {len(items)} questions")
        return [read_opinion(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v)) for v in verdicts]


def read_opinion(said: str) -> Opinion | None:
    """What a judge said, if it can be understood: JSON, or first, second or tie alone."""
    text = said.strip()
    if (word := _BETTER.get(text.strip(".\"'").lower())) is not None:
        return Opinion(word)
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    better = _BETTER.get(str(content.get("better", "")).strip().lower())
    confidence = content.get("confidence", 1.0)
    if better is None or isinstance(confidence, bool) or not isinstance(confidence, int | float):
        return None
    if not 0 <= confidence <= 1:
        return None
    return Opinion(better, float(confidence), str(content.get("why", "")))
