"""The report of a comparison: what is said, that it is whole, and that nothing of it can run."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from infra.comparing.pictures import Curve, Scale, latencies
from infra.comparing.report import report
from infra.comparing.result import Comparison
from infra.comparing.showing import show
from infra.comparing.summary import summary_of
from infra.comparing.wording import change, interval, limit, seconds, share, value, way
from tests.unit.comparisons import HOSTILE, comparison, effect, free_run, nothing_changed, unfinished

VOID = {"meta", "br", "rect", "line", "circle", "polyline", "polygon"}
MADE = {"worse": comparison(), "free": free_run(), "same": nothing_changed(), "unfinished": unfinished()}
EVERY = pytest.mark.parametrize("made", MADE.values(), ids=MADE)


class Page(HTMLParser):
    """Reads a page as a browser does, and notes what it would have to forgive."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, given) for name, given in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.text).replace("\xa0", " ").split())


@EVERY
def test_the_page_is_whole_and_needs_nothing_else(made: Comparison) -> None:
    """Every element is closed; nothing is fetched, nothing can run."""
    page = Page(report(made))
    assert page.open == []
    assert not {"script", "link", "iframe", "img", "object", "form"} & set(page.tags)
    assert [name for _, name, _ in page.attributes if name in ("src", "href", "style") or name.startswith("on")] == []


@EVERY
def test_what_is_not_a_number_is_not_shown_as_one(made: Comparison) -> None:
    """Where a figure is missing the page says so by a dash, in text and in every coordinate."""
    page = report(made)
    assert not re.search(r"\b(nan|inf|None|Infinity)\b", Page(page).said)
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).replace("financ", "")


def test_the_verdict_comes_first() -> None:
    """Before any section, in words, and with its sentence."""
    said = Page(report(comparison())).said
    assert said.index("Worse") < said.index("In words") < said.index("The gate")
    assert "handoff_rate is worse by 3.10 points" in said


def test_what_customers_wrote_stays_text() -> None:
    """Markup in a message, a label or a session is shown, not obeyed."""
    made = comparison(warnings=(HOSTILE,), sentence=HOSTILE)
    page = report(made)
    assert "<script" not in page
    assert Page(page).said.count('<script>alert("我")</script>') >= 4


@EVERY
def test_equal_comparisons_make_equal_pages(made: Comparison) -> None:
    """The page depends on the comparison alone."""
    assert report(made) == report(replace(made))


@EVERY
def test_every_table_and_picture_says_what_it_is(made: Comparison) -> None:
    """Tables have captions, pictures have labels: whoever cannot see them hears them."""
    page = Page(report(made))
    assert page.tags.count("caption") == page.tags.count("table")
    labels = [given for tag, name, given in page.attributes if tag == "svg" and name == "aria-label"]
    assert len(labels) == page.tags.count("svg")
    assert all(labels)


def test_a_direction_is_told_without_colour() -> None:
    """Better, worse and unclear have marks and words of their own."""
    said = Page(report(comparison())).said
    for mark in ("▲ better", "▼ worse", "○ no difference shown", "✗ broken", "✓ kept", "? unclear"):
        assert mark in said


def test_the_turns_stand_side_by_side() -> None:
    """What differs comes first, and every other decision is there as well."""
    said = Page(report(comparison())).said
    assert "handoff no yes" in said
    assert "confidence 0.91 0.44" in said
    assert said.index("handoff no yes") < said.index("confidence 0.91 0.44")


def test_nothing_is_shown_of_what_is_not_complete() -> None:
    """Peeking finds what is not there: the page says why there is no figure, and has none."""
    said = Page(report(unfinished())).said
    assert "Not enough evidence The run mine is not complete" in said
    assert "There are no figures" in said
    assert "Nothing is shown to be worse" not in said
    console = Console(width=170, record=True, file=io.StringIO())
    show(unfinished(), console)
    assert "nan" not in console.export_text()


def test_survival_is_of_free_runs_alone() -> None:
    """A free run says how many turns survived; another mode has no such section."""
    assert "3,900 of 4,200" in Page(report(free_run())).said
    assert "survived" not in Page(report(comparison())).said


def test_measured_and_recorded_times_stand_apart() -> None:
    """Each kind has a card of its own; where only B was measured, it says so."""
    said = Page(report(comparison())).said
    assert "Computing a turn, measured in the replay" in said
    assert "From message to reply, as recorded" in said
    assert "Only B has such times" in said


def test_the_summary_sorts_what_was_found() -> None:
    """Better, worse, merely different, and not known, each with its figures."""
    found = summary_of(comparison())
    assert found.better == (
        "Turns understood as people labelled them: 84.2 % → 88.1 %, +3.90 points (95 % interval +2.80 to +5.00).",
    )
    assert any(said.startswith("Turns handed to a human in complaint: 30.0 % → 36.0 %") for said in found.worse)
    assert [said.partition(":")[0] for said in found.changed] == ["Turns answered by template"]
    unknown = " ".join(found.unknown)
    assert "37 turns of B would have needed a person's answer" in unknown
    assert "sentiment in 2.0 % of the turns" in unknown
    assert "Only an experiment can tell" in unknown


def test_nothing_found_is_said_so() -> None:
    """A replay of the record against the record has nothing better and nothing worse."""
    found = summary_of(nothing_changed())
    assert (found.better, found.worse, found.changed) == ((), (), ())
    assert "Every decision was the same in 100 % of the turns (4,200 of 4,200)." in found.compared


def test_the_terminal_leads_with_the_verdict() -> None:
    """Its first line is the verdict; gate, effects, fidelity and the weightiest turn follow."""
    console = Console(width=170, record=True, file=io.StringIO())
    show(comparison(), console)
    lines = console.export_text().splitlines()
    assert lines[0] == "Worse"
    shown = "\n".join(lines)
    assert "handoff_rate: no worse than 1 point" in shown
    assert "handoff_rate in complaint" in shown
    assert "identical       87.2 % of 4,200 turns" in shown
    assert "538 turns differ" in shown
    assert "nan" not in shown


def test_customers_cannot_colour_the_terminal() -> None:
    """Square brackets in a message are no markup."""
    console = Console(width=170, record=True, file=io.StringIO())
    made = comparison()
    show(replace(made, differences=(replace(made.differences[0], text="[bold]hello[/bold]"),)), console)
    assert "[bold]hello[/bold]" in console.export_text()


def test_without_a_gate_the_page_says_what_holds_instead() -> None:
    """No rules are listed, and what the verdict goes by is."""
    said = Page(report(nothing_changed())).said
    assert "No gate was given" in said
    assert "2 points of a share" in said


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (value(0.1234, "share"), "12.3 %"),
        (value(math.nan, "share"), "–"),
        (value(-0.12, "score"), "−0.120"),
        (value(0.0042, "seconds"), "4.20 ms"),
        (change(0.0101, "share"), "+1.01 points"),
        (change(0.01, "share"), "+1.00 point"),
        (change(-0.0042, "seconds"), "−4.20 ms"),
        (change(-0.000001, "share"), "0.00 points"),
        (interval(-0.021, -0.004, "share"), "−2.10 to −0.40"),
        (interval(math.nan, 1.0, "share"), ""),
        (seconds(0), "0 s"),
        (seconds(0.000051), "51.0 µs"),
        (seconds(123.4), "123 s"),
        (share(1.0), "100 %"),
        (share(0.99999), "almost 100 % (99.9990 %)"),
        (share(0.00001), "< 0.1 %"),
    ],
)
def test_figures_are_said_for_people(said: str, meant: str) -> None:
    """With their unit, a true minus, and never rounded to what is not so."""
    assert said == meant


def test_a_way_needs_more_than_chance_after_correction() -> None:
    """An interval beside nothing is not enough where many questions were asked."""
    assert way(effect("handoff_rate", 0.1, 0.12, 0.01, p=0.0001)) == "worse"
    assert way(effect("handoff_rate", 0.1, 0.12, 0.01, p=0.02)) == "none"
    assert way(effect("handled_automatically", 0.8, 0.85, 0.01, p=0.0001)) == "better"
    assert way(effect("rung_share.cache", 0.8, 0.85, 0.01, p=0.0001)) == "changed"
    assert way(effect("handoff_rate", math.nan, 0.85, 0.01)) == "unknown"


def test_the_dashed_line_is_where_the_rule_ends() -> None:
    """On the bad side of nothing, whichever that is."""
    worse, better = comparison().findings[0], comparison().findings[1]
    assert limit(worse) == pytest.approx(0.01)
    assert limit(better) == pytest.approx(-0.01)
    assert limit(comparison().findings[2]) is None


def test_a_scale_holds_all_ends_and_is_round() -> None:
    """What is beyond it is drawn at its end; without ends there still is a scale."""
    assert Scale.of([0.031, -0.012, math.nan]).most == pytest.approx(0.05)
    assert Scale.of([]).most > 0
    scale = Scale(0.1)
    assert scale.at(99.0) == scale.at(0.1)
    assert scale.at(0.0) == pytest.approx((scale.at(0.1) + scale.at(-0.1)) / 2)


def test_a_curve_of_one_time_is_drawn() -> None:
    """All turns took the same: there is no width to divide by."""
    drawn = latencies([Curve("A", [(0.0, 0.05), (1.0, 0.05)])], "times")
    assert "nan" not in drawn
