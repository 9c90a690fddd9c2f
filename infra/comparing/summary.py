"""What a comparison found, in sentences: what was compared, what got better, what worse, and what is not known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from infra.comparing.metrics import Metric
from infra.comparing.result import Comparison, Effect, Identity, RunInfo, Speed, Verdict
from infra.comparing.wording import (
    change,
    counted,
    finite,
    interval,
    known,
    listed,
    phrase,
    rate,
    relative,
    seconds,
    share,
    value,
    way,
)
from schemas.events import LIVE

HEADLINES: Final[Mapping[Verdict, str]] = {
    "better_or_equal": "Better or equal",
    "worse": "Worse",
    "not_enough_evidence": "Not enough evidence",
}
MODES: Final = {
    "teacher-forced": "each turn judged on the recorded history (teacher-forced)",
    "free-run": "the candidate's own history going on from turn to turn (free-run)",
}
EFFECTS: Final = {"human_reply": "a person's answer", "generation": "a model's answer"}
"""What a record can lack, in words."""
_SERVED: Final = ("intent", "sentiment", "entities", "generation")
"""What a model would have computed again."""
_BY_SCENARIO: Final = 3
"""Scenarios that are named of one metric and direction; the table has all of them."""


@dataclass(frozen=True)
class Summary:
    """Each a list of whole sentences; `changed` is what differs without being good or bad."""

    compared: tuple[str, ...]
    better: tuple[str, ...]
    worse: tuple[str, ...]
    changed: tuple[str, ...]
    unknown: tuple[str, ...]


def summary_of(c: Comparison) -> Summary:
    """The sentences of a comparison."""
    return Summary(
        tuple(_compared(c)),
        tuple(_of(c, "better")),
        tuple(_of(c, "worse")),
        tuple(_of(c, "changed")),
        tuple(_unknown(c)),
    )


def headline(verdict: Verdict) -> str:
    return HEADLINES[verdict]


def side(run: RunInfo) -> str:
    """`live`, or a run with its candidate and what that replaces."""
    if run.run_id == LIVE:
        return LIVE
    about = f"candidate {run.name}, " if run.name and run.name != run.run_id else ""
    replaced = f"replaces {listed(list(run.changed))}" if run.changed else "replaces nothing"
    return f"{run.run_id} ({about}{replaced})"


def stretch(window: tuple[int, int]) -> str:
    """A window of the log in UTC; the day once where it is the same."""
    begin, end = (datetime.fromtimestamp(at / 1e6, UTC) for at in window)
    until = end.strftime("%H:%M:%S" if begin.date() == end.date() else "%Y-%m-%d %H:%M:%S")
    return f"{begin:%Y-%m-%d %H:%M:%S} to {until} UTC"


def _compared(c: Comparison) -> Iterator[str]:
    yield f"A is {side(c.a)}; B is {side(c.b)}."
    had = f"{counted(c.paired_turns, 'turn')} of {counted(c.paired_sessions, 'conversation')}"
    window = c.b.window or c.a.window
    when = f" of {stretch(window)}" if window else ""
    if not c.paired:
        each = [f"{n} had {counted(r.turns, 'turn')} of {counted(r.sessions, 'conversation')}" for n, r in c.sides]
        yield f"{listed(each)}{when}: other customers on each side, dealt by a hash."
    elif c.mode in MODES:
        yield f"Both had the same {had}{when}: {MODES[c.mode]}."
    else:
        yield f"Together they have {had} ({c.mode})."
    same, alike = c.identity.turns - c.identity.different, share(c.identical)
    if c.identity.turns:
        yield f"Every decision was the same in {alike} of the turns ({same:,} of {c.identity.turns:,})."
        if c.identity.different:
            yield f"Customers would have read the same reply in {share(same_reply(c))} of the turns."


def same_reply(c: Comparison) -> float:
    """The share of turns whose customer reads the same text in both runs; NaN of no turns."""
    turns = c.identity.turns
    return (turns - c.identity.by_field.get("reply.text", 0)) / turns if turns else math.nan


def told(effect: Effect) -> str:
    """`Turns handed to a human: 12.0 % → 10.1 %, −1.90 points (95 % interval −2.40 to −1.30)`."""
    metric = known(effect.metric)
    where = f" in {effect.scenario}" if effect.scenario is not None else ""
    values = f"{value(effect.a, metric.unit)} → {value(effect.b, metric.unit)}"
    name = phrase(effect.metric)
    said = f"{name[0].upper()}{name[1:]}{where}: {values}, {change(effect.difference, metric.unit)}"
    around = interval(effect.low, effect.high, metric.unit)
    sure = f"{effect.level * 100:g} % interval {around}" if around else ""
    more = [part for part in (relative(effect), sure) if part]
    return said + (f" ({'; '.join(more)})" if more else "") + "."


def _of(c: Comparison, wanted: str) -> Iterator[str]:
    """What goes one way: of all turns first, then the scenarios in which it does so most, by metric."""
    found = [e for e in c.effects if way(e) == wanted and known(e.metric).tested]
    yield from (told(e) for e in found if e.scenario is None)
    for metric in dict.fromkeys(e.metric for e in found if e.scenario is not None):
        here = sorted(
            (e for e in found if e.metric == metric and e.scenario is not None),
            key=lambda e: (-abs(e.difference), e.scenario),
        )
        yield from (told(e) for e in here[:_BY_SCENARIO])
        if len(here) > _BY_SCENARIO:
            yield f"The same in {counted(len(here) - _BY_SCENARIO, 'more scenario')}: see the table."


def _unknown(c: Comparison) -> Iterator[str]:
    yield from _unsure(c)
    for finding in c.findings:
        if finding.effect is None:
            yield f"The gate asks for {phrase(finding.rule.metric)}, of which there is no figure: {finding.why}."
    lacking = c.provenance[1].missing_effects if c.provenance[1] is not None else {}
    for name, turns in sorted(lacking.items()):
        what = EFFECTS.get(name, name.replace("_", " "))
        yield f"{counted(turns, 'turn')} of B would have needed {what}, which the record lacks; none was made up."
    yield from _left_out(c)
    if c.gaps:
        yield f"Part of the stretch is gone ({counted(len(c.gaps), 'gap')}); what was there is compared."
    if (c.a.run_id == LIVE) != (c.b.run_id == LIVE):
        yield "How times of deciding compare: only replays measure them. Replay live as it was, and compare with that."
    if c.mode in MODES and c.b.run_id != LIVE:
        yield "What customers would have said to other replies: they are recorded. Only an experiment can tell."


def _unsure(c: Comparison) -> Iterator[str]:
    """For what no difference is shown: how large one could be that stayed unseen."""
    rules = {finding.rule.metric for finding in c.findings}
    for effect in c.effects:
        metric = known(effect.metric)
        if effect.scenario is not None or way(effect) != "none" or effect.mde is None or not finite(effect.mde):
            continue
        if not _asked(metric, effect, rules):
            continue
        seen = change(effect.mde, metric.unit).lstrip("+")
        around = interval(effect.low, effect.high, metric.unit)
        chance = "may be chance" if effect.low <= 0 <= effect.high else "may be chance, of so much that was asked"
        yield (
            f"Whether {phrase(effect.metric)} changed: {change(effect.difference, metric.unit)}"
            f"{f' ({around})' if around else ''} {chance}; with this many conversations only about {seen} or more "
            "would show."
        )


def _asked(metric: Metric, effect: Effect, rules: set[str]) -> bool:
    """Whether somebody would miss it: the gate names it, or it moved and one of its directions is bad."""
    if effect.metric in rules:
        return True
    return metric.better != "neither" and bool(effect.difference) and not metric.about_customer


def _left_out(c: Comparison) -> Iterator[str]:
    if c.paired and (c.identity.only_a or c.identity.only_b):
        sides = (("A", c.identity.only_a), ("B", c.identity.only_b))
        only = listed([f"{counted(turns, 'turn')} only {name} has" for name, turns in sides if turns])
        yield f"{only}: not compared."
    if c.survival is not None and c.survival.survived < c.survival.turns:
        lost = c.survival.turns - c.survival.survived
        yield f"{counted(lost, 'turn')} no longer answered what the candidate had said, and do not count."
    served = c.provenance[1].served if c.provenance[1] is not None else {}
    models = {part: s for part, s in served.items() if part in _SERVED and s > 0}
    if models:
        parts = listed([f"{part} in {share(s)} of the turns" for part, s in models.items()])
        yield f"What was not computed again but served from the record: {parts}."


def scores_told(found: Identity) -> str:
    """How far scores differ, as far as one model gave them on both sides: those of two models have no common scale."""
    if not found.scored:
        return "not compared: no model is the same on both sides"
    where = "" if found.scored == found.turns else f", in the {counted(found.scored, 'turn')} with the same model"
    return f"differ by {found.score_difference:.2g} at most{where}"


def speed_told(found: Speed) -> str:
    """`1,000 conversations in 12.0 s by 2 processes: 83 conversations a second`."""
    had = counted(found.conversations, "conversation")
    if not found.seconds:
        return f"{had}, {counted(found.turns, 'turn')}; times were not recorded"
    by = counted(found.processes, "process", "processes")
    return f"{had} in {seconds(found.seconds)} by {by}: {rate(found.conversations, found.seconds, 'conversation')}"


def gap_told(gap: Mapping[str, Any]) -> str:
    """A part of the stretch that retention took."""
    detail = gap.get("detail")
    where = f"{gap.get('topic', '')}, partition {gap.get('partition', '?')}"
    begin, end = gap.get("missing_from"), gap.get("missing_to")
    when = f": {stretch((begin, end))}" if isinstance(begin, int) and isinstance(end, int) else ""
    return f"{where}{when}{f' ({detail})' if detail else ''}"


def parts_of(shares: Sequence[Mapping[str, float]]) -> list[str]:
    """The parts that any of them names, in the order in which a turn meets them."""
    order = ("intent", "sentiment", "entities", "routing", "route", "reply", "generation", "human_reply", "cache")
    named = {part for each in shares for part in each}
    return [part for part in order if part in named] + sorted(named - set(order))
