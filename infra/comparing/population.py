"""Conversations made up from a seed, or taken from a run, for trying out the statistics: with noise, and with faults.

What makes comparisons hard is in them: sessions of uneven length whose turns are alike (how easily a customer is
understood, how long a machine takes for them), times with a long tail, and a candidate that decides otherwise here and
there without being better or worse, on single turns and on whole sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from infra.comparing.table import Numbers, Turns, Words
from infra.comparing.values import Given

Fault = Literal["misrouted", "slower", "handoff"]
FAULTS: Final[tuple[Fault, ...]] = ("misrouted", "slower", "handoff")
MISROUTED: Final = 0.02
SLOWER: Final = 1.3
MORE_HANDOFF: Final = 0.02
SCENARIOS: Final = ("order_query", "logistics", "returns_exchange", "payment", "product_question", "complaint")
_SHARES: Final = (0.3, 0.25, 0.2, 0.1, 0.1, 0.05)
_RUNGS: Final = ("template", "knowledge", "cache", "fallback")
_TURN_NOISE: Final = 0.02
_SESSION_NOISE: Final = 0.01
_TIME_NOISE: Final = 0.15


@dataclass(frozen=True)
class World:
    """What is the same for every candidate: the turns as they came, what people labelled them, and what one decides
    about them that makes no mistake of its own. `turns` is ordered by session."""

    turns: Turns
    label: Words

    @property
    def sessions(self) -> int:
        return self.turns.sessions

    @property
    def given(self) -> Given:
        return Given(scenario=self.label)

    def some(self, sessions: NDArray[np.int64]) -> World:
        """Some of the sessions, by their number; one that is named twice comes as two."""
        starts = np.flatnonzero(self.turns.firsts)
        lengths = np.diff(np.r_[starts, len(self.turns)])[sessions]
        rows = np.repeat(starts[sessions] - np.r_[0, lengths.cumsum()[:-1]], lengths) + np.arange(lengths.sum())
        turns = self.turns.take(rows)
        numbered = np.repeat(np.arange(len(sessions)), lengths).astype(np.uint64)
        return World(replace(turns, session=numbered, key=np.arange(len(turns), dtype=np.uint64)), self.label[rows])


def simulated(sessions: int, rng: np.random.Generator) -> World:
    """Sessions of 1 to 40 turns, 5 on average."""
    lengths = np.minimum(rng.geometric(0.2, sessions), 40)
    session = np.repeat(np.arange(sessions), lengths)
    count = len(session)
    main = rng.choice(len(SCENARIOS), sessions, p=_SHARES)
    wandering = rng.random(count) < 0.15
    true = np.where(wandering, rng.integers(0, len(SCENARIOS), count), main[session])
    understood = rng.random(count) < rng.beta(9, 1.2, sessions)[session]
    routed = np.where(understood, true, rng.integers(0, len(SCENARIOS), count))
    upset = rng.normal(0, 1, sessions)
    handoff = rng.random(count) < 1 / (1 + np.exp(3.2 - 0.8 * upset[session] - 0.5 * (true == 5)))
    seconds = np.exp(rng.normal(np.log(0.008), 0.4, count) + rng.normal(0, 0.25, sessions)[session])
    names = np.array(SCENARIOS, dtype=object)
    rung = np.array(_RUNGS, dtype=object)[np.minimum(rng.poisson(0.6 + 0.1 * true), 3)]
    numbers = {
        "routed": np.ones(count),
        "handoff": handoff.astype(float),
        "ask_back": (rng.random(count) < 0.04 + 0.06 * ~understood).astype(float),
        "out_of_scope": rng.beta(1, 8, count),
        "sentiment": np.tanh(rng.normal(0, 0.4, count) - 0.3 * upset[session]),
        "decision": seconds * 1.2,
        "model_seconds": seconds,
        "tokens": np.floor(rng.gamma(3, 12, count)),
    }
    words = {"scenario": names[routed], "intent": names[routed], "rung": rung}
    keys = np.arange(count, dtype=np.uint64)
    turns = Turns(keys, session.astype(np.uint64), np.arange(count, dtype=np.int64), numbers, words)
    return World(turns, names[true])


def from_run(turns: Turns) -> World:
    """The sessions of a run; its own routing stands for people's labels, and is right but for noise."""
    found = dict(turns.numbers)
    for name in ("decision", "model_seconds", "tokens"):
        if name not in found or not np.isfinite(found[name]).any():
            found[name] = np.full(len(turns), np.nan)
    return World(replace(turns, numbers=found, computed=None), turns.word("scenario"))


def played(world: World, rng: np.random.Generator, fault: Fault | None = None) -> Turns:
    """What a candidate makes of a world: with its own noise, as likely for better as for worse, and with a fault.

    Two candidates without a fault differ in many turns, and neither is better.
    """
    turns = world.turns
    numbers, words = dict(turns.numbers), dict(turns.words)
    off = _noise(turns, rng)
    words["scenario"] = _elsewhere(turns.word("scenario"), off, rng)
    if fault == "misrouted":
        words["scenario"] = _elsewhere(words["scenario"], rng.random(len(turns)) < MISROUTED, rng)
    words["intent"] = words["scenario"]
    words["rung"] = _elsewhere(turns.word("rung"), _noise(turns, rng), rng)
    numbers["handoff"] = _flipped(turns.number("handoff"), _noise(turns, rng), rng)
    if fault == "handoff":
        kept = numbers["handoff"] == 0
        more = rng.random(len(turns)) < MORE_HANDOFF / max(1e-9, float(kept.mean()))
        numbers["handoff"] = np.where(kept & more, 1.0, numbers["handoff"])
    numbers["ask_back"] = _flipped(turns.number("ask_back"), _noise(turns, rng), rng)
    factor = np.exp(rng.normal(0, _TIME_NOISE, len(turns)) + rng.normal(0, _TIME_NOISE, turns.sessions)[turns.codes])
    factor = factor * (SLOWER if fault == "slower" else 1.0)
    for name in ("decision", "model_seconds"):
        numbers[name] = turns.number(name) * factor
    return replace(turns, numbers=numbers, words=words)


def _noise(turns: Turns, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Turns that a candidate decides by chance: some alone, some with all of their session."""
    sessions = rng.random(turns.sessions) < _SESSION_NOISE
    result: NDArray[np.bool_] = (rng.random(len(turns)) < _TURN_NOISE) | sessions[turns.codes]
    return result


def _elsewhere(words: Words, rows: NDArray[np.bool_], rng: np.random.Generator) -> Words:
    """The words, in these rows others of the same column, never their own."""
    values = np.array(sorted({str(word) for word in words if word}), dtype=object)
    if len(values) < 2:
        return words
    own = np.searchsorted(values.astype(str), words[rows].astype(str))
    other = (own + rng.integers(1, len(values), int(rows.sum()))) % len(values)
    changed = words.copy()
    changed[rows] = values[other]
    return changed


def _flipped(flags: Numbers, rows: NDArray[np.bool_], rng: np.random.Generator) -> Numbers:
    """The flags, in these rows drawn again at the rate that they have."""
    drawn = (rng.random(len(flags)) < np.nanmean(flags)).astype(float)
    result: Numbers = np.where(rows & np.isfinite(flags), drawn, flags)
    return result


def halves(sessions: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Disjoint halves of the sessions, by number."""
    order = rng.permutation(sessions)
    return np.sort(order[: sessions // 2]), np.sort(order[sessions // 2 :])
