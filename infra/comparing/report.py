"""The report of a comparison: one HTML file that needs nothing else, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from infra.comparing.report_effects import agreements, effects, gate, reply_quality
from infra.comparing.report_fidelity import fidelity, provenance
from infra.comparing.report_generation import generation
from infra.comparing.report_times import times
from infra.comparing.report_turns import confusions, differences, survival
from infra.comparing.result import Comparison, Effect, Verdict
from infra.comparing.summary import Summary, headline, same_reply, side, summary_of
from infra.comparing.wording import MARKS, change, counted, finite, interval, known, phrase, share, value, way
from infra.reporting.markup import Content, Html, element
from infra.reporting.page import page, tile, tiles, warning

_TILES: Final = ("handled_automatically", "handoff_rate", "label_agreement", "decision_p95")
_STATES: Final = {"better_or_equal": "passed", "worse": "failed", "not_enough_evidence": "open"}
_MARKS: Final = {"better_or_equal": "✓", "worse": "✗", "not_enough_evidence": "?"}


def report(comparison: Comparison) -> str:
    """The whole page. Equal comparisons make equal pages."""
    return page(f"{comparison.a.run_id} and {comparison.b.run_id}, compared", _body(comparison))


def _body(c: Comparison) -> Iterator[Content]:
    about = element("p", "A ", element("code", side(c.a)), " · B ", element("code", side(c.b)), f" · {c.mode}")
    yield element("header", element("h1", "Two runs, compared"), about)
    yield judgement(c.verdict, c.sentence)
    yield from found(c)


def judgement(verdict: Verdict, sentence: str) -> Html:
    """The verdict, large."""
    mark = element("span", _MARKS[verdict], class_="sign", aria_hidden="true")
    said = element("small", sentence) if sentence else ""
    return element("div", mark, headline(verdict), said, class_=f"verdict {_STATES[verdict]}")


def found(c: Comparison) -> Iterator[Content]:
    """Everything below the verdict: what to beware of, the main figures, then section by section."""
    yield from (warning(said) for said in c.warnings)
    yield _tiles(c)
    yield from _in_words(summary_of(c), bool(c.effects))
    sections: list[tuple[str, Html]] = [
        ("The gate", gate(c)),
        ("What changed, and how sure that is", effects(c)),
        ("How long turns take", times(c)),
        ("Agreement with people's labels", agreements(c)),
        ("How replies read", reply_quality(c)),
        ("What models made", generation(c)),
        ("Who was understood and routed otherwise", confusions(c)),
        ("How far the free run went", survival(c)),
    ]
    if c.paired:
        sections.append(("What is the same, and what the figures rest on", fidelity(c)))
        sections.append(("The turns that differ most", differences(c)))
    sections.append(("What was compared", provenance(c)))
    for title, section in sections:
        if section:
            yield from (element("h2", title), section)


def _tiles(c: Comparison) -> Html:
    shown = _effect_tiles(c)
    if not c.paired:
        sides = (tile(f"conversations of {n}", f"{run.sessions:,}", counted(run.turns, "turn")) for n, run in c.sides)
        return tiles([*sides, *shown])
    both = [
        tile("turns that both have", f"{c.paired_turns:,}", counted(c.paired_sessions, "conversation")),
        tile("every decision the same", share(c.identical), f"{c.identity.different:,} turns differ"),
        tile("the same reply to read", share(same_reply(c)), "of these turns"),
    ]
    return tiles([*both, *shown])


def _effect_tiles(c: Comparison) -> list[Html]:
    return [_effect_tile(effect) for name in _TILES if (effect := c.effect(name)) is not None]


def _effect_tile(effect: Effect) -> Html:
    """The difference; where only B has a figure, that figure."""
    unit = known(effect.metric).unit
    if not finite(effect.difference):
        return tile(phrase(effect.metric), value(effect.b, unit), "B; A has no such figure")
    number, _, points = change(effect.difference, unit).partition(" point")
    around = interval(effect.low, effect.high, unit)
    more = f"point{points}, {around}" if points else around
    return tile(phrase(effect.metric), f"{MARKS[way(effect)]} {number}", more)


def _in_words(summary: Summary, figures: bool) -> Iterator[Html]:
    yield element("h2", "In words")
    yield _card("", "What was compared", summary.compared)
    if not figures:
        return
    better = _card("▲", "Better", summary.better or ["Nothing is shown to be better."])
    worse = _card("▼", "Worse", summary.worse or ["Nothing is shown to be worse."])
    yield element("div", better, worse, class_="pair")
    if summary.changed:
        yield _card("◆", "Different, without being better or worse", summary.changed)
    if summary.unknown:
        yield _card("?", "Not known", summary.unknown)


def _card(mark: str, title: str, said: Sequence[str]) -> Html:
    head = element("h3", f"{mark} {title}".strip())
    whole = [each.replace(" %", "\u00a0%") for each in said]
    if len(whole) == 1:
        return element("div", head, element("p", whole[0]), class_="card words")
    return element("div", head, element("ul", *(element("li", each) for each in whole)), class_="card words")


