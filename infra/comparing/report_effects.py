"""Sections of the report: the gate, every metric with its interval, labels, and how replies read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from infra.comparing.pictures import Scale, axis, effect
from infra.comparing.result import Comparison, Effect
from infra.comparing.verdict import UsualRule
from infra.comparing.wording import (
    MARKS,
    NONE,
    WORDS,
    change,
    counted,
    finite,
    happens,
    interval,
    known,
    limit,
    phrase,
    probability,
    relative,
    rule,
    share,
    value,
    way,
)
from infra.reporting.markup import Content, Html, element, joined, table
from infra.reporting.page import folded, note

QUALITY: Final = ("reply_similarity", "reply_similarity_embedded", "judged")
"""Metrics that have a section of their own."""
_STATES: Final = {
    "kept": ("✓ kept", "good"),
    "broken": ("✗ broken", "bad"),
    "unclear": ("? unclear", "soft"),
}


def gate(c: Comparison) -> Html:
    """Rule by rule; nothing where there are no figures that rules could be about."""
    if not c.effects:
        return Html("")
    if not c.findings:
        said = "No gate was given: nothing may be worse beyond chance, nor by more than the usual margins "
        return note(said + "(2 points of a share, 0.05 of a score, a tenth of times and tokens).")
    rows = []
    for finding in c.findings:
        word, class_ = _STATES[finding.state]
        found = finding.effect
        unit = known(finding.rule.metric).unit
        figures: list[Content] = [NONE] * 3
        if found is not None:
            figures = [value(found.a, unit), value(found.b, unit), _difference(found)]
        rows.append([element("code", rule(finding.rule)), element("span", word, class_=class_), *figures, finding.why])
    columns = ("rule", "", "A", "B", "difference", "why")
    shown = table(columns, rows, left=2, texts=(0, 5), caption=gate_of(c))
    return joined([shown, note("Kept: even the bad end of the interval is allowed. Broken: not even the good end is.")])


def gate_of(c: Comparison) -> str:
    """Whose rules they are."""
    if any(isinstance(finding.rule, UsualRule) for finding in c.findings):
        return "No gate was given: these are the usual margins."
    return "The gate, rule by rule."


@dataclass(frozen=True)
class _Group:
    """Metrics that can share a scale. relative: drawn as a share of A."""

    title: str
    effects: Sequence[Effect]
    relative: bool = False


def effects(c: Comparison) -> Html:
    """The plot of every metric over all turns, then by scenario."""
    if not c.effects:
        return note("There are no figures; the sentence above says why.")
    limits = {f.rule.metric: at for f in c.findings if (at := limit(f)) is not None}
    all_turns = [e for e in c.effects if e.scenario is None and e.metric not in QUALITY and happens(e)]
    parts: list[Content] = [_plot(group, limits) for group in _groups(all_turns)]
    parts.append(_changes([e for e in all_turns if not known(e.metric).tested]))
    parts.append(note(*_legend(c, bool(limits))))
    by_scenario = [_scenarios(c, metric, limits) for metric in _with_scenarios(c)]
    if by_scenario:
        parts += [element("h3", "By scenario, as A routed the turns"), *by_scenario]
    return joined(parts)


def _groups(found: Sequence[Effect]) -> Iterator[_Group]:
    tested = [e for e in found if known(e.metric).tested]
    of = {e.metric: known(e.metric) for e in tested}
    groups = (
        _Group("What comes of it", [e for e in tested if of[e.metric].unit == "share" and _judged(e)]),
        _Group("How it answers", [e for e in tested if of[e.metric].unit == "share" and not _judged(e)]),
        _Group("Times, drawn as a share of A", [e for e in tested if of[e.metric].unit == "seconds"], True),
        _Group("Scores", [e for e in tested if of[e.metric].unit == "score"]),
        _Group("Stars", [e for e in tested if of[e.metric].unit == "stars"]),
        _Group("Tokens", [e for e in tested if of[e.metric].unit == "tokens"]),
    )
    return (group for group in groups if group.effects)


def _judged(e: Effect) -> bool:
    return known(e.metric).better != "neither"


def _with_scenarios(c: Comparison) -> list[str]:
    named = (e.metric for e in c.effects if e.scenario is not None and e.metric not in QUALITY)
    return list(dict.fromkeys(metric for metric in named if known(metric).tested))


def _scenarios(c: Comparison, metric: str, limits: dict[str, float]) -> Html:
    found = [e for e in c.effects if e.metric == metric]
    shown = sum(way(e) in ("better", "worse", "changed") for e in found if e.scenario is not None)
    moved = f"{counted(shown, 'scenario')} differ" if shown > 1 else "1 scenario differs" if shown else "none differs"
    times = known(metric).unit == "seconds"
    ordered = sorted(found, key=lambda e: (e.scenario is not None, -e.turns, e.scenario or ""))
    return folded(f"{phrase(metric)}: {moved}", _plot(_Group(phrase(metric), ordered, times), limits, by_scenario=True))


def _plot(group: _Group, limits: dict[str, float], by_scenario: bool = False) -> Html:
    drawn = [_drawn(e, group.relative) for e in group.effects]
    unit = known(group.effects[0].metric).unit
    bounds = [_sized(e, limits.get(e.metric), group.relative) for e in group.effects if e.scenario is None]
    # A margin far beyond all that was found would flatten the rest.
    largest = max((abs(x) for ends in drawn for x in ends if math.isfinite(x)), default=0.0)
    near = [x for x in bounds if x is not None and abs(x) <= 3 * largest]
    scale = Scale.of([*(x for ends in drawn for x in ends), *near])
    rows = []
    for e, (difference, low, high) in zip(group.effects, drawn, strict=True):
        kind = way(e)
        around = interval(e.low, e.high, unit) or "no interval"
        said = f"difference {change(e.difference, unit)}, {around}, {WORDS[kind]}"
        at = _sized(e, limits.get(e.metric), group.relative) if e.scenario is None else None
        picture = effect(scale, difference, low, high, kind, said, at)
        values = joined([value(e.a, unit), " → ", value(e.b, unit)])
        rows.append([_name(e, by_scenario), values, _difference(e), picture, _shown(e), _detectable(e)])
    edge = f"{scale.most * 100:g} {'%' if group.relative else 'points'}"
    if unit not in ("share", "seconds"):
        edge = f"{scale.most:g}"
    ends = axis(scale, f"−{edge}", f"+{edge}")
    rows.append(["", "", "", ends, "", ""])
    columns = ("", "A → B", "difference", "B minus A", "it shows", "detectable")
    return element("div", table(columns, rows, left=1, texts=(0,), caption=group.title), class_="forest")


def _drawn(e: Effect, relative_to_a: bool) -> tuple[float, float, float]:
    ends = (e.difference, e.low, e.high)
    if not relative_to_a:
        return ends
    return tuple(end / abs(e.a) if e.a else math.nan for end in ends)  # type: ignore[return-value]


def _sized(e: Effect, at: float | None, relative_to_a: bool) -> float | None:
    if at is None or not relative_to_a:
        return at
    return at / abs(e.a) if e.a else None


def _name(e: Effect, by_scenario: bool) -> Content:
    if by_scenario:
        return joined([e.scenario or "all", element("small", f" {counted(e.turns, 'turn')}")])
    return joined([phrase(e.metric), element("small", f" {e.metric}")])


def _figures(e: Effect) -> list[Content]:
    unit = known(e.metric).unit
    return [value(e.a, unit), value(e.b, unit), _difference(e)]


def _difference(e: Effect) -> Content:
    unit = known(e.metric).unit
    around = interval(e.low, e.high, unit)
    of_a = relative(e)
    more = ", ".join(part for part in (of_a, around) if part)
    return joined([change(e.difference, unit), element("small", f" {more}")]) if more else change(e.difference, unit)


def _way(e: Effect) -> Html:
    kind = way(e)
    class_ = {"better": "good", "worse": "bad"}.get(kind, "soft")
    return element("span", f"{MARKS[kind]} {WORDS[kind]}", class_=class_)


def _shown(e: Effect) -> Content:
    """Which way it goes, and how likely chance alone would do as much: corrected, and by itself."""
    if way(e) in ("unknown", "same") or not finite(e.p_corrected):
        return _way(e)
    return joined([_way(e), element("small", f" p {probability(e.p_corrected)} ({probability(e.p)} alone)")])


def _detectable(e: Effect) -> str:
    return change(e.mde, known(e.metric).unit).lstrip("+") if finite(e.mde) else NONE


def _changes(found: Sequence[Effect]) -> Html:
    """What has no interval, since it is none only where nothing changed."""
    if not found:
        return Html("")
    said = [f"{_than(e.metric)}: {value(e.b, known(e.metric).unit)}" for e in found]
    first = said[0][0].upper() + said[0][1:]
    return note(f"{'; '.join([first, *said[1:]])}. Changed is not wrong: whether it is right more often, labels tell.")


def _than(metric: str) -> str:
    return f"{phrase(metric)} than in A" if metric.endswith("_change_rate") else phrase(metric)


def _legend(c: Comparison, limits: bool) -> Iterator[Content]:
    yield "▲ better, ▼ worse, ◆ different without being either, ○ no difference shown. "
    yield "Bars: 95 % intervals, each by itself; the marks and p are after Holm's correction "
    yield f"over {counted(c.family, 'test')}. Detectable: the smallest true difference that so many conversations "
    yield "would most likely have shown. "
    if limits:
        yield "Dashed: where the gate's rule ends. "
    tests = list(dict.fromkeys(e.test for e in c.effects if e.test and known(e.metric).tested))
    if tests:
        yield f"Tests: {'; '.join(tests)}."


def agreements(c: Comparison) -> Html:
    """Nothing where no labels were given."""
    if not c.agreements:
        return Html("")
    names = {
        "scenario": "scenario as labelled",
        "intent": "intent as labelled",
        "satisfaction": "sentiment at the end and satisfaction, Spearman's correlation",
    }
    rows = []
    for a in c.agreements:
        correlation = a.about == "satisfaction"
        shown = [NONE if not finite(x) else f"{x:.3f}" if correlation else share(x) for x in (a.a, a.b)]
        count = counted(a.count, "conversation" if correlation else "turn")
        rows.append([names[a.about], *shown, count])
    return table(("", "A", "B", "labelled"), rows, texts=(0,), caption="How far both agree with what people said.")


def reply_quality(c: Comparison) -> Html:
    """Likeness and judgements; nothing where there are none."""
    found = [e for e in c.effects if e.scenario is None and e.metric in QUALITY]
    if not found:
        return Html("")
    rows = [[_name(e, False), *_figures(e), _way(e), counted(e.turns, "turn")] for e in found]
    columns = ("", "A", "B", "difference", "it shows", "of")
    shown = table(columns, rows, texts=(0,), caption="Replies, held against what people wrote.")
    said = "Likeness is not quality: a good answer in other words is unlike. Judges see both replies in an order drawn "
    said += "by the seed, and do not know whose is whose."
    return joined([shown, note(said), *(note(each) for each in c.quality)])
