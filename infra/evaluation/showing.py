"""An evaluation on the terminal: the verdict first, then tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from infra.evaluation.compare import Comparison
from infra.evaluation.figures import Drop, Evaluation, GroupFigures, Latency
from infra.evaluation.gate import Gate
from infra.evaluation.result import Result, calibrated, percent, whole_percent
from infra.reporting.terminal import terminal_table

WORST = 8
"""Labels and confusions that are shown of one group; where there are many groups, fewer of each."""


def show(result: Result, console: Console) -> None:
    """Writes everything to the console."""
    console.print(_verdict(result))
    console.print()
    for part in _parts(result):
        console.print(part)


def _verdict(result: Result) -> Text:
    style = {True: "bold green", False: "bold red", None: "bold"}[result.passed]
    return Text(result.verdict, style=style)


def _parts(result: Result) -> Iterator[RenderableType]:
    evaluation = result.evaluation
    for warning in result.warnings:
        yield Text(warning + "\n", style="bold yellow")
    if result.gate is not None:
        yield _gate(result.gate)
    yield _groups(evaluation)
    if any(group.out_of_scope for group in evaluation.groups):
        yield _outside(evaluation)
    if result.comparison is not None:
        yield _comparison(result.comparison)
    shown = max(2, WORST // len(evaluation.groups))
    for group in evaluation.groups:
        yield from _families(group, shown)
        if group.confusions:
            yield _confusions(group, shown)
    if evaluation.latency is not None:
        yield _latency(evaluation.latency, result.comparison.evaluation.latency if result.comparison else None)
    if evaluation.robustness:
        yield _robustness(evaluation.robustness)
    yield _notes(result)


def _gate(gate: Gate) -> Table:
    table = terminal_table("gate", "rule", "", "figures", left=3)
    marks = {True: Text("kept", "green"), False: Text("broken", "bold red"), None: Text("does not apply", "dim")}
    for finding in gate.findings:
        table.add_row(finding.rule, marks[finding.kept], finding.why)
    return table


def _groups(evaluation: Evaluation) -> Table:
    columns = ("group", "head", "rows", "accuracy", "macro-F1", "ECE (by chance)", "log loss")
    table = terminal_table("by group", *columns, left=2)
    for group in evaluation.groups:
        table.add_row(
            group.name,
            group.head if group.by == "label" else f"{group.head}, families",
            f"{group.in_scope:,}",
            percent(group.accuracy),
            percent(group.macro_f1),
            *_calibrated(group),
        )
    if len(evaluation.groups) > 1:
        table.add_section()
        accuracy = percent(evaluation.accuracy) if evaluation.in_scope else "–"
        f1 = percent(evaluation.macro_f1)
        table.add_row("all", "", f"{evaluation.in_scope:,}", accuracy, f1, *_calibrated(evaluation))
    return table


def _calibrated(of: GroupFigures | Evaluation) -> tuple[str, str]:
    return calibrated(of.calibration)


def _outside(evaluation: Evaluation) -> Table:
    columns = ("group", "rows", "recall", "in scope kept", "recall at 95 % kept", "AUROC", "answered rightly")
    table = terminal_table("out of scope", *columns)
    for group in evaluation.groups:
        o = group.out_of_scope
        if o is not None:
            at_95, auroc = percent(o.recall_at_95), f"{o.auroc:.3f}" if o.auroc is not None else "–"
            right = percent(group.answered)
            table.add_row(group.name, f"{o.rows:,}", percent(o.recall), percent(o.kept), at_95, auroc, right)
    return table


def _comparison(comparison: Comparison) -> RenderableType:
    other = comparison.evaluation.fingerprint
    columns = ("group", "both right", "only this", "only other", "neither", "difference, points", "p")
    table = terminal_table(f"against {other}: {comparison.verdict}", *columns)
    for pairs in (*comparison.groups, comparison.all) if len(comparison.groups) > 1 else comparison.groups:
        d = pairs.difference
        points = f"{d.value * 100:+.2f} ({d.low * 100:+.2f} to {d.high * 100:+.2f})" if d is not None else "–"
        counts = (pairs.both, pairs.only_this, pairs.only_other, pairs.neither)
        table.add_row(pairs.name, *(f"{count:,}" for count in counts), points, f"{pairs.p:.2g}")
    rows = [table]
    for title, found in (("only this is right", comparison.fixed), ("only the other is right", comparison.broken)):
        if found:
            examples = terminal_table(title, "text", "truth", "this", "other", left=4)
            for each in found[:5]:
                examples.add_row(Text(each.text), each.truth, each.this, each.other)
            rows.append(examples)
    return Group(*rows)


def _families(group: GroupFigures, shown: int) -> Iterator[Table]:
    if group.families:
        beside = ["family right"] if group.by == "label" else []
        table = terminal_table(f"{group.name}: by scenario family", "family", "rows", "accuracy", *beside)
        for family in group.families:
            more = [percent(family.same_family)] if beside else []
            table.add_row(family.name, f"{family.rows:,}", percent(family.accuracy), *more)
        yield table
    worst = [c for c in group.classes if c.f1 < 1][:shown]
    if worst and group.by == "label":
        table = terminal_table(f"{group.name}: labels answered worst", "label", "rows", "recall", "precision", "F1")
        for c in worst:
            table.add_row(c.name, f"{c.rows:,}", percent(c.recall), percent(c.precision), percent(c.f1))
        yield table


def _confusions(group: GroupFigures, shown: int) -> Table:
    table = terminal_table(f"{group.name}: confusions", "truth", "taken for", "rows", "for example", left=2)
    table.columns[-1].justify = "left"
    for c in group.confusions[:shown]:
        examples = Text("\n".join(example.text for example in c.examples[:2]), overflow="ellipsis")
        table.add_row(c.truth, c.predicted, f"{c.rows:,} ({whole_percent(c.share)})", examples)
    return table


def _latency(latency: Latency, other: Latency | None) -> Table:
    table = terminal_table(
        f"latency, µs a message ({latency.head})",
        "batch",
        "median",
        "quickest",
        "processor",
        *(["other's processor", "ratio"] if other else []),
    )
    speeds = [(str(speed.batch), speed) for speed in latency.by_batch]
    speeds += [(f"32, {band} characters", speed) for band, speed in latency.bands]
    others = [*other.by_batch, *(speed for _, speed in other.bands)] if other else []
    for i, (name, speed) in enumerate(speeds):
        beside = [f"{others[i].cpu_us:,.1f}", f"× {speed.cpu_us / others[i].cpu_us:.2f}"] if others else []
        table.add_row(name, f"{speed.median_us:,.1f}", f"{speed.best_us:,.1f}", f"{speed.cpu_us:,.1f}", *beside)
    return table


def _robustness(drops: tuple[Drop, ...]) -> Table:
    table = terminal_table(
        "robustness, over the rows that each changes", "damage", "rows changed", "before", "after", "drop, points"
    )
    for drop in drops:
        d = drop.drop
        points = f"{d.value * 100:.1f} ({d.low * 100:.1f} to {d.high * 100:.1f})" if d is not None else "–"
        before, after = percent(drop.before, interval=False), percent(drop.after, interval=False)
        table.add_row(f"{drop.name.replace('_', ' ')}", f"{drop.rows:,}", before, after, points)
    return table


def _notes(result: Result) -> Text:
    lines = [f"{group.name}: {note}" for group in result.evaluation.groups for note in group.notes]
    lines += [f"{file.path}: {file.rows:,} rows, sha256 {file.sha256[:16]}…" for file in result.files]
    lines.append(f"intervals at 95 %; latency: one thread, features included; took {result.seconds:.1f} s")
    return Text("\n".join(lines), style="dim")
