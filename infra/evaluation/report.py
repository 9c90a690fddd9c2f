"""The report: one HTML file that needs nothing else, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from infra.evaluation.compare import Comparison, Disagreement
from infra.evaluation.figures import Confusion, Drop, Evaluation, GroupFigures, OutOfScope
from infra.evaluation.gate import Gate
from infra.evaluation.intervals import Estimate
from infra.evaluation.pictures import intervals, latencies, reliability
from infra.evaluation.result import Result, calibrated, percent, whole_percent
from infra.reporting.markup import Content, Html, element, joined, table
from infra.reporting.page import folded, page, tile, tiles, warning

_OPEN_GROUPS: Final = 3
"""So many groups are shown in full; of more, each opens at a click."""


def report(result: Result) -> str:
    """The whole page."""
    return page(f"{result.evaluation.fingerprint}: evaluation", _body(result))


def _body(result: Result) -> Iterator[Html]:
    evaluation, comparison = result.evaluation, result.comparison
    yield _header(result)
    yield from (warning(said) for said in result.warnings)
    yield _tiles(evaluation)
    if result.gate is not None:
        yield from (element("h2", "Gate"), _gate(result.gate))
    yield from (element("h2", "By group"), _groups(evaluation))
    yield from (
        element("p", f"{group.name}: {note}", class_="note") for group in evaluation.groups for note in group.notes
    )
    if any(group.out_of_scope for group in evaluation.groups):
        yield from (element("h2", "Out of scope"), _outside(evaluation))
    if comparison is not None:
        yield from (element("h2", f"Against {comparison.evaluation.fingerprint}"), _comparison(comparison))
    yield _pictures(evaluation, comparison)
    if len(evaluation.groups) > _OPEN_GROUPS:
        yield element("h2", "Group by group")
    for group in evaluation.groups:
        yield _group(group, len(evaluation.groups) <= _OPEN_GROUPS)
    if evaluation.robustness:
        yield from (element("h2", "Robustness"), _robustness(evaluation.robustness))
    yield from (element("h2", "What was measured"), _provenance(result))


def _header(result: Result) -> Html:
    state = {True: "passed", False: "failed", None: ""}[result.passed]
    head, _, rest = result.verdict.partition(" — ")
    at = datetime.fromtimestamp(result.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    about = element("p", element("code", result.evaluation.fingerprint), f" · {at}")
    verdict = element("div", head, element("small", rest) if rest else "", class_=f"verdict {state}".strip())
    return joined([element("header", element("h1", "Evaluation of a bundle"), about), verdict])


def _tiles(evaluation: Evaluation) -> Html:
    shares = [("accuracy", evaluation.accuracy, f"{evaluation.in_scope:,} rows")]
    one = evaluation.groups[0].macro_f1 if len(evaluation.groups) == 1 else evaluation.macro_f1
    found = [tile(name, percent(value, False), _around(value) or more) for name, value, more in shares]
    found.append(tile("macro-F1", percent(one if not isinstance(one, Estimate) else one.value), _around(one)))
    if evaluation.calibration is not None:
        chance = f"{evaluation.calibration.ece_by_chance:.3f} by chance alone"
        found.append(tile("calibration error", f"{evaluation.calibration.ece:.3f}", chance))
    if evaluation.out_of_scope is not None:
        at_95 = evaluation.out_of_scope.recall_at_95 or evaluation.out_of_scope.recall
        found.append(tile("out-of-scope recall, 95 % kept", percent(at_95, False), _around(at_95)))
    if evaluation.latency is not None:
        speed = next(s for s in evaluation.latency.by_batch if s.batch == 32)
        found.append(tile("a message, batch 32", f"{speed.cpu_us:,.0f} µs", f"{speed.median_us:,.0f} µs on the clock"))
    return tiles(found)


def _around(estimate: Estimate | float | None) -> str:
    return f"{estimate.low * 100:.1f} to {estimate.high * 100:.1f} %" if isinstance(estimate, Estimate) else ""


def _share(estimate: Estimate | None) -> Content:
    """The value, and its interval small."""
    if estimate is None:
        return "–"
    around = element("small", f" {estimate.low * 100:.1f}–{estimate.high * 100:.1f}")
    return joined([f"{estimate.value * 100:.1f} %", around])


def _points(estimate: Estimate | None) -> Content:
    if estimate is None:
        return "–"
    around = element("small", f" {estimate.low * 100:+.2f} to {estimate.high * 100:+.2f}")
    return joined([f"{estimate.value * 100:+.2f}", around])


def _gate(gate: Gate) -> Html:
    marks = {
        True: element("span", "✓ kept", class_="good"),
        False: element("span", "✗ broken", class_="bad"),
        None: element("span", "does not apply", class_="soft"),
    }
    rows = ((element("code", f.rule), marks[f.kept], f.why) for f in gate.findings)
    return table(("rule", "", "figures"), rows, left=2, texts=(2,))


def _groups(evaluation: Evaluation) -> Html:
    rows = [_group_row(group) for group in evaluation.groups]
    if len(rows) > 1:
        accuracy = _share(evaluation.accuracy) if evaluation.in_scope else "–"
        ece, loss = _calibrated(evaluation)
        rows.append(["all", "", f"{evaluation.in_scope:,}", accuracy, percent(evaluation.macro_f1), ece, loss])
    columns = ("group", "head", "rows in scope", "accuracy", "macro-F1", "calibration error (by chance)", "log loss")
    return table(columns, rows, left=2)


def _group_row(group: GroupFigures) -> list[Content]:
    head = group.head if group.by == "label" else f"{group.head}, by family"
    return [
        group.name, head, f"{group.in_scope:,}", _share(group.accuracy), _share(group.macro_f1), *_calibrated(group)
    ]  # fmt: skip


def _calibrated(of: GroupFigures | Evaluation) -> tuple[str, str]:
    return calibrated(of.calibration)


def _outside(evaluation: Evaluation) -> Html:
    rows = [_outside_row(g.name, g.out_of_scope, g.answered) for g in evaluation.groups if g.out_of_scope is not None]
    if len(rows) > 1 and evaluation.out_of_scope is not None:
        rows.append(_outside_row("all", evaluation.out_of_scope, evaluation.answered))
    columns = ("group", "rows", "recall", "in scope kept", "recall at 95 % kept", "AUROC", "answered rightly")
    note = "Recall and what is kept are at the bundle's own threshold; the next column is at the threshold that keeps "
    note += "95 % of this data's in-scope rows. Answered rightly: the right class and not refused, or rightly refused."
    return joined([table(columns, rows), element("p", note, class_="note")])


def _outside_row(name: str, o: OutOfScope, answered: Estimate | None) -> list[Content]:
    auroc = f"{o.auroc:.3f}" if o.auroc is not None else "–"
    return [name, f"{o.rows:,}", _share(o.recall), _share(o.kept), _share(o.recall_at_95), auroc, _share(answered)]


def _comparison(comparison: Comparison) -> Html:
    pairs = (*comparison.groups, comparison.all) if len(comparison.groups) > 1 else comparison.groups
    rows = [
        [
            p.name,
            *(f"{count:,}" for count in (p.both, p.only_this, p.only_other, p.neither)),
            _points(p.difference),
            f"{p.p:.2g}",
        ]
        for p in pairs
    ]
    columns = ("group", "both right", "only this", "only the other", "neither", "difference, points", "p")
    verdict = {"better": "good", "worse": "bad"}.get(comparison.verdict, "soft")
    said = element("p", "On the same rows this bundle is: ", element("span", comparison.verdict, class_=verdict), ".")
    parts: list[Content] = [said, table(columns, rows)]
    parts += [
        _examples("Only this one is right", comparison.fixed),
        _examples("Only the other is right", comparison.broken),
    ]
    return joined(parts)


def _examples(title: str, found: Sequence[Disagreement]) -> Html:
    if not found:
        return Html("")
    rows = ([each.text, each.truth, each.this, each.other] for each in found)
    shown = table(("text", "truth", "this", "other"), rows, left=4, texts=(0,))
    return folded(f"{title}: examples", shown)


def _pictures(evaluation: Evaluation, comparison: Comparison | None) -> Html:
    other = comparison.evaluation if comparison is not None else None
    cards = []
    if evaluation.calibration is not None:
        picture = reliability(evaluation.calibration, other.calibration if other else None)
        shown = element("p", "Line: the share that was right. Bars: the share of rows. Dashes: ideal.", class_="note")
        cards.append(element("div", element("h3", "Is a confidence right that often?"), picture, shown, class_="card"))
    if evaluation.latency is not None:
        picture = latencies(evaluation.latency, other.latency if other else None)
        about = f"µs of the processor a message, features included, head {evaluation.latency.head}; logarithmic"
        note = element("p", about, class_="note")
        cards.append(element("div", element("h3", "Latency"), picture, note, class_="card"))
    estimates = [(g.name, g.accuracy) for g in evaluation.groups if g.accuracy is not None]
    if len(estimates) > 1:
        cards.append(element("div", element("h3", "Accuracy by group"), intervals(estimates), class_="card"))
    legend = "Blue: this bundle. Orange: the other." if other is not None else ""
    title = element("h2", "Calibration and latency" if evaluation.latency else "Calibration")
    return joined([title, element("div", *cards, class_="pair"), element("p", legend, class_="note") if legend else ""])


def _group(group: GroupFigures, whole: bool) -> Html:
    parts: list[Content] = []
    if group.families:
        beside = ("family right",) if group.by == "label" else ()
        rows = (
            [f.name, f"{f.rows:,}", _share(f.accuracy), *([_share(f.same_family)] if beside else [])]
            for f in group.families
        )
        parts += [element("h3", "By scenario family"), table(("family", "rows", "accuracy", *beside), rows)]
    if group.confusions:
        parts += [element("h3", "Confusions"), _confusions(group.confusions)]
    if group.anger_auroc is not None:
        parts.append(element("p", f"Anger: AUROC {group.anger_auroc:.3f}", class_="note"))
    classes = ([c.name, f"{c.rows:,}", _share(c.recall), percent(c.precision), percent(c.f1)] for c in group.classes)
    every = table(("label" if group.by == "label" else "family", "rows", "recall", "precision", "F1"), classes)
    parts.append(folded(f"All {len(group.classes)}, worst first", every))
    if whole:
        return joined([element("h2", group.name), *parts])
    return folded(f"{group.name}: families, confusions, labels", *parts)


def _confusions(found: Sequence[Confusion]) -> Html:
    rows = []
    for c in found:
        texts = joined(element("div", example.text) for example in c.examples)
        rows.append([c.truth, c.predicted, f"{c.rows:,} ({whole_percent(c.share)})", texts])
    return table(("truth", "taken for", "rows", "for example"), rows, left=2, texts=(3,))


def _robustness(drops: Sequence[Drop]) -> Html:
    rows = []
    for drop in drops:
        example = joined([drop.example[0], Html("<br>"), drop.example[1]]) if drop.example else "changes no row"
        name = joined([drop.name.replace("_", " "), Html("<br>"), element("small", drop.about)])
        figures = [_share(drop.before), _share(drop.after), _points(drop.drop)]
        rows.append([name, f"{drop.rows:,}", *figures, example])
    columns = ("damage", "rows changed", "before", "after", "drop, points", "for example")
    return table(columns, rows, texts=(5,))


def _provenance(result: Result) -> Html:
    rows = ([element("code", f.path), f"{f.rows:,}", element("code", f.sha256)] for f in result.files)
    asked = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result.asked.items() if value)
    note = f"Intervals are at 95 %. Asked for: {asked or 'nothing besides'}. Took {result.seconds:.1f} s."
    return joined([table(("file", "rows", "SHA-256"), rows), element("p", note, class_="note")])
