"""A replay for people: how far it is, what it came to, and what to type next."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from infra.replaying.moments import shown
from infra.replaying.outcome import Outcome
from infra.replaying.processes import Going
from projections.runs import Part, Run

PLAIN_EVERY: Final = 5.0
"""Seconds between lines where standard error is no terminal."""


class Watch:
    """Tells how far a replay is, on standard error: a bar on a terminal, else a line now and then."""

    def __init__(self, partitions: int, already: Mapping[int, Part], quiet: bool = False) -> None:
        console = Console(file=sys.stderr)
        self._quiet, self._plain = quiet, not console.is_terminal
        self._of, self._done = partitions, len(already)
        self._turns_before = 0
        self._going: dict[int, Going] = {}
        self._sizes: dict[int, int] = {}
        self._finished: dict[int, int] = {}
        self.began = time.monotonic()
        self._said = self.began
        columns = (
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn(),
        )  # fmt: skip
        self._bar = Progress(*columns, console=console, disable=quiet or self._plain)
        self._task = self._bar.add_task("replay", total=None, facts="starting")

    def __enter__(self) -> Watch:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    @property
    def turns(self) -> int:
        """Replayed since this began."""
        return sum(self._finished.values()) + sum(g.turns for g in self._going.values())

    def told(self, said: Going | Part) -> None:
        """A step of a process."""
        if isinstance(said, Going):
            self._going[said.partition] = said
            self._sizes[said.partition] = said.messages
        else:
            self._going.pop(said.partition, None)
            self._finished[said.partition] = self._sizes[said.partition] = said.turns
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        rate = self.turns / max(1e-9, now - self.began)
        total, done = self._expected(), self._done + len(self._finished)
        facts = f"{self.turns} turns, {rate:.0f} turns/s, partitions {done}/{self._of}"
        self._bar.update(self._task, completed=self.turns, total=total, facts=facts)
        if self._plain and not self._quiet and now - self._said >= PLAIN_EVERY:
            self._said = now
            left = f", about {max(0.0, total - self.turns) / rate:.0f} s left" if rate > 0 else ""
            print(f"{facts}{left}", file=sys.stderr, flush=True)

    def _expected(self) -> float:
        """Turns in all, this time: those of partitions that nobody has read yet are like the others'."""
        unread = self._of - self._done - len(self._sizes)
        return sum(self._sizes.values()) * (1 + unread / max(1, len(self._sizes)))


def show(outcome: Outcome, seconds: float | None = None, turns: int = 0) -> str:
    """An outcome for people. `seconds`, `turns`: of this time of running, None where nothing ran."""
    o, lines = outcome, list[str]()

    def say(name: str, text: str) -> None:
        lines.append(f"{name:<11}{text}")

    what = f"{o.candidate}, {', '.join(o.changed)} replaced" if o.changed else f"{o.candidate}: live as it was"
    lines.append(f"run {o.run_id}: {o.status}, {o.partitions_done} of {o.partitions} partitions; {o.mode}; {what}")
    say("stretch", f"{o.window[0]} to {o.window[1]}")
    say("replayed", f"{o.conversations} conversations, {o.turns} turns, {o.records} facts")
    if not o.turns and o.status == "complete":
        say("", "nothing was recorded there: look at --from, --to, --tenant and --scenario")
    if o.took_seconds:
        quick = f"{o.conversations / o.took_seconds:.0f} conversations/s, {o.turns / o.took_seconds:.0f} turns/s"
        say("took", f"{o.took_seconds:.1f} s by {o.processes} processes: {quick}")
    if seconds is not None and turns and turns < o.turns:
        say("", f"{seconds:.1f} s of them this time, for {turns} turns")
    say("time", _shares(o.seconds))
    say("recomputed", _of(o.recomputed, o.turns))
    say("served", _of(o.served, o.turns))
    if made := o.recomputed.get("generation"):
        late = o.counts.get("generated_late", 0)
        slow = f"; {late} took longer than the turn had" if late else ""
        say("generated", f"{made} turns anew, {o.tokens} tokens read and written{slow}")
    say("identical", _percent(o.identical) + " of turns decided as recorded" + _scores(o))
    if o.changed:
        say("", _percent(o.untouched) + " of turns understood as recorded by the models that were not replaced")
    say("differs", _of(o.differs, o.turns) if o.differs else "nothing")
    if o.mode == "free-run":
        say("on policy", _percent(o.on_policy) + " of turns still answer what this run said before")
    say("missing", _of(o.missing, o.turns) if o.missing else "no effect")
    for gap in o.gaps:
        say("gap", f"{gap.topic}[{gap.partition}] {shown(gap.missing_from)} to {shown(gap.missing_to)}: {gap.detail}")
    if not o.gaps:
        say("gaps", "none: the log still has all of the stretch")
    lines.append(f"next: {next_command(o)}")
    return "\n".join(lines)


def next_command(outcome: Outcome) -> str:
    """What to type now."""
    if outcome.status != "complete":
        return f"spillway replay --name {outcome.run_id} --resume"
    return f"spillway compare live {outcome.run_id}"


def _scores(o: Outcome) -> str:
    return f"; scores at most {o.score_difference:.6f} apart" if o.score_difference else ""


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %" if share < 1 else "100 %"


def _of(counts: Mapping[str, int], turns: int) -> str:
    return ", ".join(f"{name} {n} ({100 * n / max(1, turns):.1f} %)" for name, n in counts.items()) or "nothing"


def _shares(seconds: Mapping[str, float]) -> str:
    total = sum(seconds.values()) or 1.0
    return ", ".join(f"{name} {100 * n / total:.0f} %" for name, n in seconds.items())


def listed(run: Run, done: int) -> str:
    """A line of `spillway runs list`."""
    what = f"{done}/{len(run.partitions)}"
    return f"{run.run_id:<40}  {run.status:<9}  {what:>7}  {run.mode:<14}  {run.candidate}"


