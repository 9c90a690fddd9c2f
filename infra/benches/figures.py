"""The page of figures: what was promised, what was measured, and what limits; made of files that commands wrote.

Nothing is measured here and nothing made up: a figure whose file is not there is not measured, and a command says how.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from infra.benches.frame import BenchError

Content = Mapping[str, Any]
"""What a command wrote."""
Verdict = Literal["reached", "missed", "not measured"]
COLUMNS: Final = ("figure", "goal", "measured", "", "what limits", "command", "date")
NONE: Final = "–"


@dataclass(frozen=True)
class Goal:
    """A figure's goal: at least or at most so much; None: there is none. Whatever the figure says, it is missed unless
    the entries of `needs` are true, those of `empty` 0, and those of `enough` at least so much: measured with less, it
    says nothing."""

    least: float | None = None
    most: float | None = None
    needs: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    enough: tuple[tuple[str, float], ...] = ()

    def reached(self, value: float, content: Content) -> bool:
        below = self.least is not None and value < self.least
        above = self.most is not None and value > self.most
        kept = all(at(content, name) is True for name in self.needs)
        kept = kept and all(at(content, name) == 0 for name in self.empty)
        kept = kept and all((number_at(content, name) or 0.0) >= least for name, least in self.enough)
        return kept and not below and not above


@dataclass(frozen=True)
class Figure:
    """A row. file: of docs/figures, without .json. key: the entry with the figure, `a.b` being b within a; with
    key_low and key_high where the command tells its spread. more: what else is told, entry to what it is, in the form
    `{:,.0f} ms`. times: what the entry is multiplied by before it is shown and judged. against: entries the highest of
    which it is divided by.
    """

    section: str
    name: str
    wanted: str
    goal: Goal
    file: str
    command: str
    key: str
    shown: str = "{:,.0f}"
    times: float = 1.0
    more: tuple[tuple[str, str], ...] = ()
    against: tuple[str, ...] = ()

    def value(self, content: Content) -> float | None:
        """The figure itself, before it is multiplied; None where an entry of it is not there."""
        found, others = number_at(content, self.key), [number_at(content, name) for name in self.against]
        if found is None or not others:
            return found
        known = [other for other in others if other]
        return found / max(known) if len(known) == len(others) else None


@dataclass(frozen=True)
class Row:
    """A row as the page has it."""

    section: str
    name: str
    wanted: str
    measured: str
    verdict: Verdict
    limit: str
    command: str
    date: str


def page(figures: Sequence[Figure], drills: Iterable[tuple[int, str, str]], files: Mapping[str, Content]) -> str:
    """The whole page. drills: number, name and what each does. files: by name, what lies in docs/figures."""
    rows = [row_of(figure, files.get(figure.file)) for figure in figures]
    rows += [drill_row(number, name, about, files) for number, name, about in drills]
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in ("reached", "missed", "not measured")}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    parts = [HEAD.format(said=said), *_machines(files)]
    for section in dict.fromkeys(row.section for row in rows):
        parts += [f"\n## {section}\n", _table(row for row in rows if row.section == section)]
    return "\n".join(parts) + "\n"


def row_of(figure: Figure, content: Content | None) -> Row:
    """A figure, from the file of its command; None: it is not there."""

    def row(measured: str, verdict: Verdict, limit: str, date: str) -> Row:
        return Row(figure.section, figure.name, figure.wanted, measured, verdict, limit, figure.command, date)

    value = None if content is None else figure.value(content)
    if content is None or value is None:
        return row(NONE, "not measured", NONE, NONE)
    low, high = (None if figure.against else number_at(content, f"{figure.key}_{end}") for end in ("low", "high"))
    said = figure.shown.format(value * figure.times)
    if low is not None and high is not None and low != high:
        said += f" ({figure.shown.format(low * figure.times)} to {figure.shown.format(high * figure.times)})"
    more = [form.format(found) for name, form in figure.more if (found := _plain(at(content, name))) is not None]
    verdict: Verdict = "reached" if figure.goal.reached(value * figure.times, content) else "missed"
    return row("; ".join([said, *more]), verdict, str(content.get("limit") or NONE), _date(content))


def drill_row(number: int, name: str, about: str, files: Mapping[str, Content]) -> Row:
    """A drill, from whichever file has it: the one that is last by name."""
    found: tuple[Content, Mapping[str, Any]] | None = None
    for file in sorted(files):
        for each in files[file].get("drills") or ():
            if each.get("number") == number:
                found = (files[file], each)
    command = f"spillway drill {name}"
    title = f"drill {number}, {name}: {about}"
    if found is None:
        return Row(DRILLS, title, BAR, NONE, "not measured", NONE, command, NONE)
    content, drill = found
    verdict: Verdict = "reached" if drill.get("passed") is True else "missed"
    notes = [note for note in drill.get("notes") or () if note.startswith(("broken", "not run"))]
    if notes and notes[0].startswith("not run"):
        verdict = "not measured"
    return Row(DRILLS, title, BAR, drilled(drill), verdict, "; ".join(notes) or NONE, command, _date(content))


def drilled(drill: Mapping[str, Any]) -> str:
    """What a drill found, in a line."""
    counts = " / ".join(str(drill.get(what, NONE)) for what in ("lost", "doubled", "disorder", "divergence"))
    said = [f"{counts} of {drill.get('events', 0):,} events, {drill.get('times', 0)} faults"]
    recovery = sorted(drill.get("recovery_s") or ())
    if recovery:
        said.append(f"recovered in {recovery[len(recovery) // 2]:.1f} s ({recovery[0]:.1f} to {recovery[-1]:.1f})")
    during = sorted(drill.get("p99_during_ms") or ())
    if during:
        said.append(f"p99 meanwhile {during[len(during) // 2]:,.0f} ms")
    if drill.get("p99_after_ms") is not None:
        said.append(f"otherwise {drill['p99_after_ms']:,.0f} ms")
    return "; ".join(said)


def at(content: Content, key: str) -> Any:
    """The entry, `a.b` being b within a; None where it is not there."""
    found: Any = content
    for name in key.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def number_at(content: Content, key: str) -> float | None:
    """The entry, if it is a number."""
    found = at(content, key)
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else None


def read_files(folder: Path) -> dict[str, Content]:
    """What lies in the folder, by name without .json; nothing where there is none. Raises BenchError."""
    found: dict[str, Content] = {}
    for file in sorted(folder.glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as err:
            raise BenchError(f"{file}: is no JSON ({err}); run its command again") from err
        if not isinstance(content, dict):
            raise BenchError(f"{file}: is no JSON object; run its command again")
        found[file.stem] = content
    return found


def machine_of(content: Content) -> str | None:
    """What kind of machine a file was made on; None where it does not say."""
    about = content.get("machine")
    if not isinstance(about, Mapping) or not about.get("cores"):
        return None
    cores, pair = about["cores"], number_at(about, "pair_ratio")
    kind = "" if pair is None else f" (two busy ones do {2 * pair:.2f} times what one does"
    kind += "" if pair is None else "; they share a core)" if pair < SHARED else ")"
    memory = number_at(about, "memory_gib")
    return f"{about.get('cpu_model') or 'unknown'}, {cores} processors{kind}" + (
        "" if memory is None else f", {memory:.0f} GiB"
    )


SHARED: Final = 0.75
"""Below this share of twice one, two processors are threads of one core."""
DRILLS: Final = "Reliability: drills"
BAR: Final = "lost / doubled / disorder / divergence 0 / 0 / 0 / 0; recovery of a process < 15 s"
HEAD: Final = (
    "# Figures\n\n"
    "Every figure that is promised: its goal, what was measured, and what limits. This page is made by "
    "`spillway bench figures` of the files in [docs/figures](figures/), which the commands below write with `--json`; "
    "nothing in it is written by hand. Of {said}.\n\n"
    "A range in brackets is from the lowest to the highest of the repetitions; the figure before it is their median.\n"
    "\n## Machine\n"
)


def _machines(files: Mapping[str, Content]) -> Iterator[str]:
    by_kind: dict[str, list[str]] = {}
    for name, content in files.items():
        if (kind := machine_of(content)) is not None:
            by_kind.setdefault(kind, []).append(name)
    if not by_kind:
        yield "Nothing was measured yet, so there is no machine to name."
    for kind, names in by_kind.items():
        yield f"- {kind}: {', '.join(names)}"
    silent = [name for name, content in files.items() if machine_of(content) is None]
    if silent:
        yield f"- not told: {', '.join(silent)}"


def _table(rows: Iterable[Row]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for r in rows:
        verdict = f"**{r.verdict}**" if r.verdict == "missed" else r.verdict
        cells = (r.name, r.wanted, r.measured, verdict, r.limit, f"`{r.command}`", r.date)
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _plain(value: Any) -> Any:
    """What can be told in a line: a number or a text."""
    return value if isinstance(value, int | float | str) else None


def _date(content: Content) -> str:
    return str(content.get("measured_at") or NONE)[:10]
