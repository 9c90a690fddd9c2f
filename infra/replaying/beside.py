"""What a replay costs customers: messages at a steady rate without and with a replay beside them, in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Final

from infra.demo import CONVERSATIONS
from infra.manifest import Summary
from infra.play import PlayOptions, play
from infra.recordings import Recorded, read_recordings
from infra.replaying.errors import ReplayDied
from infra.settings import Settings
from infra.wiring import build_codec, channel_deadlines

START_WITHIN: Final = 120.0
"""Seconds that a replay may take until it has replayed its first turns."""
AT_ONCE: Final = 1000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Beside:
    """Milliseconds from sending a message to its reply, of each round: `alone` and `beside` a replay, in turn. ratio:
    of the medians of the p99; ratios: of each round's. missing: messages without a reply, of all rounds.
    """

    rate: float
    seconds: float
    messages: int
    alone_p50: list[float]
    alone_p99: list[float]
    beside_p50: list[float]
    beside_p99: list[float]
    ratio: float
    ratios: list[float]
    missing: int

    def as_json(self) -> str:
        """What `--json` writes."""
        return json.dumps(asdict(self), indent=1)


def measure_beside(
    settings: Settings, data: Path, asked: Sequence[str], rounds: int, rate: float, seconds: float, say: Say
) -> Beside:
    """Plays the demo's conversations `rounds` times without and with the replay `asked` for (options of the command).

    The replay begins again whenever it is done. Raises ReplayDied where it cannot run, KafkaException.
    """
    talks = conversations(round(rate * seconds))
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    missing = messages = 0
    _played(settings, talks, rate)  # Whatever is slow the first time is no part of it.
    for number in range(rounds):
        for beside in (False, True):
            with _replaying(data, asked, beside):
                summary = _played(settings, talks, rate)
            p50, p99 = (summary.latency_ms[name] or 0.0 for name in ("p50", "p99"))
            found[beside].append((p50, p99))
            missing, messages = missing + summary.missing, messages + summary.messages
            what = "beside a replay" if beside else "alone"
            say(f"round {number + 1}, {what}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, {summary.missing} missing")
    alone_p50, alone_p99 = ([p[n] for p in found[False]] for n in (0, 1))
    beside_p50, beside_p99 = ([p[n] for p in found[True]] for n in (0, 1))
    return Beside(
        rate,
        seconds,
        messages,
        alone_p50,
        alone_p99,
        beside_p50,
        beside_p99,
        round(statistics.median(beside_p99) / statistics.median(alone_p99), 3),
        [round(b / a, 3) for a, b in zip(alone_p99, beside_p99, strict=True)],
        missing,
    )


def shown_beside(b: Beside) -> str:
    """The same for people."""
    lines = [f"{b.messages} messages at {b.rate:.0f}/s in rounds of {b.seconds:.0f} s, {b.missing} without a reply"]
    for name, p50, p99 in (("alone", b.alone_p50, b.alone_p99), ("beside", b.beside_p50, b.beside_p99)):
        lines.append(f"{name:<8}p50 {_each(p50)} ms, p99 {_each(p99)} ms; median p99 {statistics.median(p99):.0f} ms")
    lines.append(f"p99 beside a replay: {b.ratio:.2f} times; by round {min(b.ratios):.2f} to {max(b.ratios):.2f}")
    return "\n".join(lines)


def _each(values: Sequence[float]) -> str:
    return " ".join(f"{value:.0f}" for value in values)


def conversations(messages: int) -> list[Recorded]:
    """The demo's, again and again under other names, until there are as many messages of customers."""
    demo = [r for r in read_recordings(CONVERSATIONS) if any(said.speaker == "customer" for said in r.turns)]
    found: list[Recorded] = []
    count = 0
    while count < messages:
        for recorded in demo:
            found.append(replace(recorded, conversation_id=f"{recorded.conversation_id}-{len(found)}"))
            count += sum(said.speaker == "customer" for said in recorded.turns)
            if count >= messages:
                break
    return found


def _played(settings: Settings, talks: Sequence[Recorded], rate: float) -> Summary:
    options = PlayOptions(rate=rate, open_loop=True, at_once=AT_ONCE)
    with channel_deadlines(settings) as deadline_for:
        return play(talks, settings, options, None, deadline_for, codec=build_codec(settings)).summary


@contextmanager
def _replaying(data: Path, asked: Sequence[str], wanted: bool) -> Iterator[None]:
    """A replay that is under way, and begins again, until this ends."""
    if not wanted:
        yield
        return
    again = _Again([sys.executable, "-m", "infra.cli.main", "replay", *asked, "--again", "--data", str(data)])
    try:
        again.wait()
        yield
    finally:
        again.stop()


class _Again:
    """A command that is started again whenever it is done."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command, self._ending = command, threading.Event()
        self._turns, self._failed = threading.Event(), ""
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._run, name="replay again")
        self._thread.start()

    def wait(self) -> None:
        """Until turns are replayed. Raises ReplayDied."""
        if not self._turns.wait(START_WITHIN) or self._failed:
            raise ReplayDied(f"the replay beside did not run: {self._failed or 'it replayed nothing in time'}")

    def stop(self) -> None:
        """Ends it; raises ReplayDied where it had ended by itself, otherwise than done."""
        self._ending.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join()
        if self._failed:
            raise ReplayDied(f"the replay beside ended: {self._failed}")

    def _run(self) -> None:
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        while not self._ending.is_set():
            with subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env
            ) as process:
                self._process = process
                if self._ending.is_set():
                    process.terminate()
                assert process.stderr is not None
                last = self._follow(process.stderr)
                code = process.wait()
            if code != 0 and not self._ending.is_set():
                self._failed = last or f"exit code {code}"
                self._turns.set()
                return
            self._turns.set()

    def _follow(self, said: IO[str]) -> str:
        last = ""
        for line in said:
            last = line.strip() or last
            if " turns/s" in line and not line.startswith("0 turns"):
                self._turns.set()
        return last
