"""What each turn, or each session, contributes to a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.comparing.metrics import METRICS
from infra.comparing.table import Numbers, Pairs, Turns, Words
from schemas.events import DIALOGUE_ACT, RUNGS

OUT_OF_SCOPE: Final = 0.5
_EMPTY_TALK: Final = frozenset({"", "chit_chat", "other", "out_of_scope"})
"""Scenarios that a customer who comes back did not come back for."""


@dataclass(frozen=True)
class Given:
    """What the runs do not know, row by row of the paired turns (or of the table, where there is one).

    label, scenario: what people labelled the turn; "" where they did not. scores: for metrics that others work out
    (likeness, judges), both sides' values; NaN where there is none.
    """

    label: Words | None = None
    scenario: Words | None = None
    scores: Mapping[str, tuple[Numbers, Numbers]] = field(default_factory=dict)


def paired_values(pairs: Pairs, given: Given) -> dict[str, tuple[Numbers, Numbers]]:
    """For every metric that has a figure on both sides, both sides' values; NaN where a side has none.

    A metric of sessions has its value at the session's first turn, and NaN at the others.
    """
    a, b = turn_values(pairs.a, given), turn_values(pairs.b, given)
    found = {name: (a[name], b[name]) for name in a.keys() & b.keys()}
    found |= dict(given.scores)
    found["scenario_change_rate"] = _changes(pairs, "scenario")
    found["intent_change_rate"] = _changes(pairs, "intent")
    if pairs.a.computed is not None and pairs.b.computed is not None:
        comparable = pairs.a.computed == pairs.b.computed
        for name in ("decision_p50", "decision_p95", "model_seconds", "tokens"):
            found[name] = _only(found[name][0], comparable), _only(found[name][1], comparable)
    return {name: found[name] for name in METRICS if name in found and _both(*found[name])}


def turn_values(turns: Turns, given: Given) -> dict[str, Numbers]:
    """Every metric that one side alone has, as in `paired_values`; all NaN where it has no figure."""
    found = {name: make(turns) for name, make in _VALUES.items()}
    rung = _rungs(turns)
    for name in RUNGS:
        found[f"rung_share.{name}"] = _only((rung == name).astype(float), rung != "")
    if given.label is not None or given.scenario is not None:
        found["label_agreement"] = _agreement(turns, given)
    return found


def _changes(pairs: Pairs, word: str) -> tuple[Numbers, Numbers]:
    a, b = pairs.a.word(word), pairs.b.word(word)
    known = (a != "") | (b != "")
    return _only(np.zeros(len(a)), known), _only((a != b).astype(float), known)


def _rungs(turns: Turns) -> Words:
    """Who answered, or would have: a turn that a human has is a human's, though no reply of ours says so."""
    rung = turns.word("rung").copy()
    rung[(rung == "") & (turns.number("with_human") == 1)] = "human"
    return rung


def _agreement(turns: Turns, given: Given) -> Numbers:
    """1 where a turn is as people labelled it: routed to the scenario where they named one, else by its label."""
    label = given.label if given.label is not None else np.full(len(turns), "", dtype=object)
    scenario = given.scenario if given.scenario is not None else np.full(len(turns), "", dtype=object)
    act = scenario == DIALOGUE_ACT
    routed = np.where(act, turns.word("intent_scenario") == DIALOGUE_ACT, turns.word("scenario") == scenario)
    right = np.where(scenario != "", routed, turns.word("intent") == label).astype(float)
    return _only(right, (scenario != "") | (label != ""))


def _handled(turns: Turns) -> Numbers:
    by_human = np.nan_to_num(turns.number("handoff")) + np.nan_to_num(turns.number("with_human")) > 0
    handed = np.bincount(turns.codes, by_human, turns.sessions) > 0
    return _at_firsts(turns, (~handed).astype(float))


def _trajectory(turns: Turns) -> Numbers:
    """Last sentiment minus first, of sessions with two or more."""
    felt = turns.number("sentiment")
    rows = np.flatnonzero(np.isfinite(felt))
    codes = turns.codes[rows]
    result = np.full(turns.sessions, np.nan)
    if len(rows):
        first = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
        last = np.r_[first[1:] - 1, len(rows) - 1]
        several = last > first
        result[codes[first[several]]] = felt[rows[last[several]]] - felt[rows[first[several]]]
    return _at_firsts(turns, result)


def _came_back(turns: Turns) -> Numbers:
    """1 for a session whose customer has a later one with a scenario of this one; NaN where the customer is unknown."""
    customer, scenario, codes = turns.word("customer"), turns.word("scenario"), turns.codes
    result = np.full(turns.sessions, np.nan)
    known = customer != ""
    result[np.unique(codes[known])] = 0.0
    counts = known & ~np.isin(scenario, list(_EMPTY_TALK))
    rows = np.flatnonzero(counts)
    if len(rows):
        who = np.unique(customer[rows].astype(str), return_inverse=True)[1]
        what = np.unique(scenario[rows].astype(str), return_inverse=True)[1]
        begun = turns.started[turns.firsts][codes[rows]]
        order = np.lexsort((codes[rows], begun, what, who))
        who, what, session = who[order], what[order], codes[rows][order]
        again = (who[1:] == who[:-1]) & (what[1:] == what[:-1]) & (session[1:] != session[:-1])
        result[session[:-1][again]] = 1.0
    return _at_firsts(turns, result)


def _at_firsts(turns: Turns, of_sessions: Numbers) -> Numbers:
    values = np.full(len(turns), np.nan)
    values[turns.firsts] = of_sessions
    return values


def _only(values: Numbers, where: NDArray[np.bool_]) -> Numbers:
    return np.where(where, values, np.nan)


def _both(a: Numbers, b: Numbers) -> bool:
    return bool(np.any(np.isfinite(a) & np.isfinite(b)))


def _flag(name: str) -> Callable[[Turns], Numbers]:
    return lambda turns: _only(np.nan_to_num(turns.number(name)), turns.number("routed") == 1)


def _column(name: str) -> Callable[[Turns], Numbers]:
    return lambda turns: turns.number(name)


def _out_of_scope(turns: Turns) -> Numbers:
    values = turns.number("out_of_scope")
    return _only((values >= OUT_OF_SCOPE).astype(float), np.isfinite(values))


def _generated_tokens(turns: Turns) -> Numbers:
    """NaN where no model was asked."""
    return turns.number("prompt_tokens") + turns.number("reply_tokens")


def _guarded(turns: Turns) -> Numbers:
    """Of turns in which a model said anything."""
    outcome = turns.word("guarded")
    return _only((outcome == "refused").astype(float), outcome != "")


_VALUES: Final[Mapping[str, Callable[[Turns], Numbers]]] = {
    "handled_automatically": _handled,
    "handoff_rate": _flag("handoff"),
    "out_of_scope_rate": _out_of_scope,
    "ask_back_rate": _flag("ask_back"),
    "sentiment_mean": _column("sentiment"),
    "sentiment_trajectory": _trajectory,
    "deadline_miss_rate": _column("deadline_missed"),
    "latency_p50": _column("latency"),
    "latency_p95": _column("latency"),
    "decision_p50": _column("decision"),
    "decision_p95": _column("decision"),
    "model_seconds": _column("model_seconds"),
    "tokens": _column("tokens"),
    "first_text_p50": _column("first_text"),
    "first_text_p95": _column("first_text"),
    "generated_p50": _column("generated"),
    "generated_p95": _column("generated"),
    "generated_tokens": _generated_tokens,
    "guarded_rate": _guarded,
    "repeat_contact_rate": _came_back,
    "feedback_mean": _column("feedback"),
}
