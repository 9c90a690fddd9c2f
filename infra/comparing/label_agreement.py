"""Labels at the turns of a comparison, and how far both sides agree with them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import stats

from infra.comparing.result import Agreement
from infra.comparing.table import Numbers, Pairs, Turns, Words
from infra.comparing.values import Given
from schemas.events import DIALOGUE_ACT


def placed(labels: Mapping[str, tuple[str, str]], turns: Words) -> Given:
    """The labels, by turn id, at these turns' ids."""
    none = ("", "")
    found = np.array([labels.get(turn, none) for turn in turns], dtype=object).reshape(-1, 2)
    return Given(found[:, 0], found[:, 1])


def agreements(pairs: Pairs, given: Given, satisfaction: Numbers | None = None) -> tuple[Agreement, ...]:
    """Agreement of both sides with people. `satisfaction`: at each pair, its session's; NaN where nobody said."""
    found = []
    if given.scenario is not None:
        rows = given.scenario != ""
        if rows.any():
            a, b = (_routed_right(side, given.scenario)[rows].mean() for side in (pairs.a, pairs.b))
            found.append(Agreement("scenario", float(a), float(b), int(rows.sum())))
    if given.label is not None:
        rows = given.label != ""
        if rows.any():
            a, b = ((side.word("intent") == given.label)[rows].mean() for side in (pairs.a, pairs.b))
            found.append(Agreement("intent", float(a), float(b), int(rows.sum())))
    if satisfaction is not None:
        found += _satisfaction(pairs, satisfaction)
    return tuple(found)


def _routed_right(turns: Turns, scenario: Words) -> Numbers:
    act = (scenario == DIALOGUE_ACT) & (turns.word("intent_scenario") == DIALOGUE_ACT)
    result: Numbers = (act | (turns.word("scenario") == scenario)).astype(float)
    return result


def _satisfaction(pairs: Pairs, satisfaction: Numbers) -> list[Agreement]:
    """Of sessions that somebody judged: whether the last sentiment goes with it."""
    a, b = pairs.a.number("sentiment"), pairs.b.number("sentiment")
    rows = np.flatnonzero(np.isfinite(a) & np.isfinite(b) & np.isfinite(satisfaction))
    last = np.r_[pairs.a.session[rows][1:] != pairs.a.session[rows][:-1], True][: len(rows)]
    rows = rows[last]
    if len(rows) < 3 or len(np.unique(satisfaction[rows])) < 2:
        return []
    if any(not np.ptp(side[rows]) for side in (a, b)):  # who feels the same always tells nothing
        return []
    both = [float(stats.spearmanr(side[rows], satisfaction[rows]).statistic) for side in (a, b)]
    return [Agreement("satisfaction", both[0], both[1], len(rows))]
