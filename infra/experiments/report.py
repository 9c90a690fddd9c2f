"""The report of an experiment: one HTML file that needs nothing else, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator

from infra.comparing.report import found, judgement
from infra.comparing.wording import NONE, counted, probability, share
from infra.experiments.finding import Finding
from infra.models.activation import when
from infra.reporting.markup import Content, Html, element, joined, table
from infra.reporting.page import note, page, warning


def report(finding: Finding) -> str:
    """The whole page; of an experiment that may not be judged yet, who is in which arm. Equal findings, equal pages."""
    return page(f"{finding.name}, an experiment of {finding.tenant}", _body(finding))


def _body(finding: Finding) -> Iterator[Content]:
    until = "" if finding.until is None else f" to {when(finding.until)}"
    about = f"{finding.state} · {when(finding.since)}{until} · "
    about += f"{finding.reached:,} of {counted(finding.planned, 'conversation')} planned"
    yield element("header", element("h1", f"Experiment {finding.name} of {finding.tenant}"), element("p", about))
    yield judgement(finding.verdict, finding.sentence)
    yield from (warning(said) for said in finding.warnings)
    yield from (element("h2", "Who was in which arm"), _exposure(finding))
    for arm, comparison in finding.comparisons.items():
        yield element("h2", f"{arm} against the control")
        yield from found(comparison)


def _exposure(finding: Finding) -> Html:
    shown = finding.exposure
    rows = [
        [
            arm.arm,
            f"{arm.sessions:,}",
            share(arm.sessions / shown.sessions) if shown.sessions else NONE,
            share(arm.share),
            f"{arm.turns:,}",
            share(arm.contamination, 2),
        ]
        for arm in shown.arms
    ]
    columns = ("arm", "conversations", "of all", "planned", "turns", "made by another arm's version")
    parts: list[Content] = [table(columns, rows, caption="Dealt by a hash of the conversation; each keeps its arm.")]
    if shown.mismatch is not None:
        parts.append(note(f"Dealt as planned: p {probability(shown.mismatch)}; below 0.001 something is wrong."))
    if shown.under_way or shown.excluded:
        under_way = counted(shown.under_way, "conversation")
        parts.append(note(f"Not compared: {under_way} under way at the start, {shown.excluded:,} excluded."))
    return joined(parts)
