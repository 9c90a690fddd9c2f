"""All that an evaluation found, its verdict in a sentence, and the object that `--json` writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.evaluation.compare import Comparison
from infra.evaluation.figures import Calibration, Evaluation, GroupFigures, as_json
from infra.evaluation.gate import Gate
from infra.evaluation.intervals import Estimate
from infra.evaluation.reading import File

FORMAT = 1
"""Of the JSON document; a figure that changes its meaning or name makes it another."""
LISTED = 10
"""Unknown labels that a warning names."""


@dataclass(frozen=True)
class Result:
    """`asked`: how the command was given. `seconds`: what it took. `at`: when it began, seconds since 1970 UTC."""

    bundle: str
    evaluation: Evaluation
    files: tuple[File, ...]
    comparison: Comparison | None
    gate: Gate | None
    asked: Mapping[str, Any]
    at: float
    seconds: float

    @property
    def passed(self) -> bool | None:
        """Whether every rule of the gate is kept; None without a gate."""
        return self.gate.passed if self.gate is not None else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the figures mean less than they seem to."""
        found = []
        learnt = [file.path for file in self.files if file.trained_on]
        if learnt and not self.asked.get("split") and self.asked.get("held_out") is None:
            found.append(
                f"The bundle was trained on {', '.join(learnt)}: rows that it has learnt flatter it. "
                "Measure it on other text, or on what training kept back: --held-out SEED, or --split NAME."
            )
        found += [_unknown(group) for group in self.evaluation.groups if group.unknown_labels]
        if self.comparison is not None:
            other = self.comparison.evaluation
            found += [f"{other.fingerprint}: {_unknown(group)}" for group in other.groups if group.unknown_labels]
        return tuple(found)

    @property
    def verdict(self) -> str:
        """PASSED or FAILED where there is a gate; what matters most, with figures."""
        figure = f"{self._figure()} of {self.evaluation.fingerprint}"
        if self.comparison is not None:
            figure += f"; {against(self.comparison)}"
        if self.gate is None:
            return figure[0].upper() + figure[1:]
        broken = [finding.why for finding in self.gate.findings if finding.kept is False]
        passed_over = sum(finding.kept is None for finding in self.gate.findings)
        if broken:
            return f"FAILED: {'; '.join(broken)} — {figure}"
        rules = len(self.gate.findings) - passed_over
        return f"PASSED: {rules} {'rule' if rules == 1 else 'rules'} kept — {figure}"

    def _figure(self) -> str:
        e = self.evaluation
        if not e.in_scope:
            return f"out-of-scope recall {percent(e.accuracy)} on {_rows(e.rows)}"
        rows = f"{_rows(e.in_scope)} in scope" if e.in_scope < e.rows else _rows(e.rows)
        unknown = sum(sum(group.unknown_labels.values()) for group in e.groups)
        wrong = f" ({unknown:,} of them with labels that it does not know, counted as wrong)" if unknown else ""
        return f"accuracy {percent(e.accuracy)} on {rows}{wrong}"

    def as_json(self) -> dict[str, Any]:
        """`accuracy` at the top; groups by name. An estimate is a number, its interval beside it."""
        written = as_json(self.evaluation)
        top = {"accuracy": written.pop("accuracy"), "accuracy_interval": written.pop("accuracy_interval", None)}
        groups = {group.pop("name"): group for group in written.pop("groups")}
        robustness = {drop.pop("name"): drop for drop in written.pop("robustness")}
        return {
            "format": FORMAT,
            **top,
            "verdict": self.verdict,
            "passed": self.passed,
            "warnings": list(self.warnings),
            "bundle": self.bundle,
            **written,
            "ece": self.evaluation.calibration.ece if self.evaluation.calibration is not None else None,
            "groups": groups,
            "robustness": robustness or None,
            "gate": as_json(self.gate.findings) if self.gate is not None else None,
            "against": self._against(),
            "files": as_json([file._asdict() for file in self.files]),
            "asked": dict(self.asked),
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
        }

    def _against(self) -> dict[str, Any] | None:
        if self.comparison is None:
            return None
        written: dict[str, Any] = as_json(self.comparison)
        evaluation = written.pop("evaluation")
        groups = {pairs.pop("name"): pairs for pairs in written.pop("groups")}
        written["all"].pop("name")
        figures = {
            name: evaluation[name] for name in ("accuracy", "macro_f1", "calibration", "out_of_scope", "latency")
        }
        return {
            "fingerprint": evaluation["fingerprint"],
            "verdict": self.comparison.verdict,
            **written.pop("all"),
            "groups": groups,
            **written,
            "other": figures,
        }


def _unknown(group: GroupFigures) -> str:
    listed = [f"{label} ({rows:,})" for label, rows in group.unknown_labels.items()]
    more = f", and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    kind = "labels" if group.by == "label" else "families"
    return (
        f"{group.name}: {sum(group.unknown_labels.values()):,} of {group.in_scope:,} rows have {kind} that the head "
        f"{group.head} does not know, and count as wrong: {', '.join(listed[:LISTED])}{more}. Over the others: "
        f"{percent(group.accuracy_of_known)}. Another head (--head) or a label map (--label-map) may fit."
    )


def against(comparison: Comparison) -> str:
    """How much better or worse than the other, in points, and how sure that is."""
    other, d = comparison.evaluation.fingerprint, comparison.all.difference
    if d is None or not d.value:
        return f"as often right as {other}"
    better = "better" if d.value > 0 else "worse"
    sure = "" if comparison.verdict == better else ", which may be chance"
    interval = f"{d.low * 100:+.2f} to {d.high * 100:+.2f}"
    return f"{abs(d.value) * 100:.2f} points {better} than {other} ({interval}, p = {comparison.all.p:.2g}{sure})"


def percent(estimate: Estimate | float | None, interval: bool = True) -> str:
    """93.1 % (92.0–94.1)."""
    if estimate is None:
        return "–"
    if not isinstance(estimate, Estimate):
        return f"{estimate * 100:.1f} %"
    around = f" ({estimate.low * 100:.1f}–{estimate.high * 100:.1f})" if interval else ""
    return f"{estimate.value * 100:.1f} %{around}"


def calibrated(calibration: Calibration | None) -> tuple[str, str]:
    """The calibration error, with that by chance, and the log loss."""
    if calibration is None:
        return "–", "–"
    return f"{calibration.ece:.3f} ({calibration.ece_by_chance:.3f})", f"{calibration.log_loss:.3f}"


def whole_percent(share: float) -> str:
    """12 %, or < 1 %."""
    return "< 1 %" if share < 0.01 else f"{share * 100:.0f} %"


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
