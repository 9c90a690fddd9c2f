"""A comparison on the terminal: the verdict, the gate, the effects, how far to trust it, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from infra.comparing.report_effects import gate_of
from infra.comparing.report_generation import told as generated_told
from infra.comparing.report_turns import differing, said_of, sides
from infra.comparing.result import Comparison, Effect, TurnDifference
from infra.comparing.summary import EFFECTS, gap_told, headline, scores_told, speed_told, summary_of
from infra.comparing.wording import (
    MARKS,
    NONE,
    WORDS,
    Way,
    change,
    counted,
    finite,
    happens,
    interval,
    known,
    probability,
    relative,
    rule,
    share,
    value,
    way,
)
from infra.reporting.terminal import terminal_table

SHOWN: Final = 5
"""Turns that differ, shown on the terminal; the HTML report has more of them."""
FIELDS: Final = 8
"""Decisions of such a turn, those first that people look at first."""
_VERDICTS: Final = {"better_or_equal": "bold green", "worse": "bold red", "not_enough_evidence": "bold yellow"}
_STYLES: Final[Mapping[Way, str]] = {"better": "green", "worse": "bold red", "changed": ""}
_STATES: Final = {"kept": "green", "broken": "bold red", "unclear": "yellow"}
_LONG: Final = 60


def show(c: Comparison, console: Console) -> None:
    """Writes everything to the console."""
    console.print(Text(headline(c.verdict), style=_VERDICTS[c.verdict]))
    if c.sentence:
        console.print(Text(c.sentence))
    for part in _parts(c):
        console.print()
        console.print(part)


def _parts(c: Comparison) -> Iterator[RenderableType]:
    for warning in c.warnings:
        yield Text(warning, style="bold yellow")
    summary = summary_of(c)
    yield Text("\n".join(summary.compared))
    if c.findings:
        yield _gate(c)
    if c.effects:
        yield _effects(c)
    if summary.unknown:
        yield Text("\n".join(["not known", *(f"  {said}" for said in summary.unknown)]))
    yield Text("\n".join(_trust(c)))
    if c.differences:
        yield _differences(c)


def _gate(c: Comparison) -> Table:
    table = terminal_table(gate_of(c), "rule", "", "A", "B", "why", left=2)
    table.columns[-1].justify = "left"
    for finding in c.findings:
        unit = known(finding.rule.metric).unit
        sides = (finding.effect.a, finding.effect.b) if finding.effect is not None else (None, None)
        state = Text(finding.state, _STATES[finding.state])
        table.add_row(Text(rule(finding.rule)), state, *(value(x, unit) for x in sides), Text(finding.why))
    return table


def _effects(c: Comparison) -> Table:
    """Every metric over all turns, and of scenarios those that changed."""
    columns = ("metric", "A", "B", "difference", "95 % interval", "p", "", "detectable")
    table = terminal_table(f"effects; p and marks after correction over {counted(c.family, 'test')}", *columns)
    table.columns[-2].justify = "left"
    for e in c.effects:
        if e.scenario is None and happens(e):
            table.add_row(*_row(e, e.metric))
    by_scenario = [e for e in c.effects if e.scenario is not None and known(e.metric).tested]
    shown = [e for e in by_scenario if way(e) in ("better", "worse", "changed")]
    if shown:
        table.add_section()
        for e in shown:
            table.add_row(*_row(e, f"{e.metric} in {e.scenario}"))
    return table


def _row(e: Effect, name: str) -> tuple[str | Text, ...]:
    unit, kind = known(e.metric).unit, way(e)
    of_a = relative(e)
    difference = change(e.difference, unit) + (f" ({of_a})" if of_a else "")
    smallest = change(e.mde, unit).lstrip("+") if finite(e.mde) else NONE
    p = probability(e.p_corrected) if known(e.metric).tested and kind != "unknown" else NONE
    said = Text(f"{MARKS[kind]} {WORDS[kind]}", _STYLES.get(kind, "dim"))
    figures = (value(e.a, unit), value(e.b, unit), difference, interval(e.low, e.high, unit))
    return (Text(name), *figures, p, said, smallest)


def _trust(c: Comparison) -> Iterator[str]:
    """How far the replay can be trusted, a line each."""
    i = c.identity
    yield f"identical       {share(i.share)} of {counted(i.turns, 'turn')}; {i.different:,} differ"
    if i.by_field:
        most = sorted(i.by_field.items(), key=lambda item: (-item[1], item[0]))
        yield "differs in      " + ", ".join(f"{name} {n:,}" for name, n in most)
    yield f"scores          {scores_told(i)}"
    if i.not_compared:
        yield f"not compared    {', '.join(i.not_compared)}, which name what was replaced"
    for a in c.agreements:
        shown = [value(x, "score") if a.about == "satisfaction" else share(x) for x in (a.a, a.b)]
        what = "Spearman's, of {} conversations" if a.about == "satisfaction" else "as labelled, of {} turns"
        yield f"labels          {a.about} A {shown[0]}, B {shown[1]}: {what.format(f'{a.count:,}')}"
    yield from (f"replies         {said}" for said in c.quality)
    yield from generated_told(c)
    for name, p in zip("AB", c.provenance, strict=True):
        if p is None:
            continue
        yield f"recomputed {name}    " + (_shares(p.recomputed) or "nothing")
        yield f"served {name}        " + (_shares(p.served) or "nothing")
        lacking = [f"{EFFECTS.get(e, e)} {n:,}" for e, n in sorted(p.missing_effects.items())]
        yield f"lacking {name}       " + (", ".join(lacking) or "nothing")
    if c.survival is not None:
        s = c.survival
        whole = f"{s.sessions_whole:,} of {counted(s.sessions, 'conversation')} whole"
        yield f"survived        {s.survived:,} of {counted(s.turns, 'turn')}, {whole}"
    yield from (f"gone            {gap_told(gap)}" for gap in c.gaps)
    for name, speed in zip("AB", c.speed, strict=True):
        if speed is None:
            continue
        yield f"replaying {name}     {speed_told(speed)}"
        total, spent = sum(speed.by_part.values()), sorted(speed.by_part.items(), key=lambda part: -part[1])
        if total:
            yield "                where: " + ", ".join(f"{part} {share(s / total, 0)}" for part, s in spent)


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {share(s)}" for part, s in shares.items())


def _differences(c: Comparison) -> Table:
    table = terminal_table(
        f"{counted(c.identity.different, 'turn')} differ; the weightiest", "customer", "decision", "A", "B", left=4
    )
    for found in c.differences[:SHOWN]:
        table.add_section()
        said = f"{found.text}\n{found.tenant}/{found.session_id}"
        fields = differing(found)
        for n, field in enumerate(fields[:FIELDS]):
            table.add_row(Text(said if n == 0 else ""), said_of(field), *_sides(found, field))
        if len(fields) > FIELDS:
            table.add_row("", f"and {len(fields) - FIELDS} more")
    return table


def _sides(found: TurnDifference, field: str) -> tuple[Text, Text]:
    a, b = (Text(said if len(said) <= _LONG else said[: _LONG - 1] + "…") for said in sides(found, field))
    return a, b
