"""What a play sent and what came back: the generator's side of every audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Got:
    """A turn's reply as its customer got it. `seconds`: from sending; None where it was there before (a repetition)."""

    rung: str
    scenario: str | None
    seconds: float | None
    handoff: bool


@dataclass(slots=True)
class Sent:
    """One message of a customer, sent once and `repeats` times more.

    `sent_at` and `deadline_at` are microseconds UTC. `acked`: whether the log confirmed it. `with_human`: its session
    had been handed off before, so the bot owes no reply; `agent_lines`: how many the desk answered to it.
    """

    event_id: str
    tenant: str
    session: str
    conversation: str
    turn: int
    lang: str
    text_sha256: str
    sent_at: int
    deadline_at: int
    repeats: int = 0
    label: str | None = None
    acked: bool = False
    acked_repeats: int = 0
    not_acked: str | None = None
    with_human: bool = False
    agent_lines: int = 0
    reply: Got | None = None
    missing: bool = False

    @property
    def acknowledged(self) -> bool:
        """Whether the log has it, by any of its copies."""
        return self.acked or self.acked_repeats > 0


@dataclass
class Manifest:
    """Every message of a play, in the order of sending, and what was left out of the recording."""

    play_id: str
    messages: list[Sent] = field(default_factory=list)
    skipped_empty: int = 0
    cut: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Summary:
    """A play in figures. Latency in milliseconds, from sending a message to reading its reply in turn order."""

    play_id: str
    conversations: int
    messages: int
    duplicates_sent: int
    not_acknowledged: int
    replies: int
    agent_replies: int
    handoffs: int
    missing: int
    skipped_empty: int
    cut: int
    by_rung: dict[str, int]
    by_scenario: dict[str, int]
    latency_ms: dict[str, float | None]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that `share` of the ordered values do not exceed; None of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def percentiles(ordered: Sequence[float], digits: int) -> dict[str, float | None]:
    """p50, p95 and p99 of the ordered values, rounded; each None of none."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: None if (p := percentile(ordered, s)) is None else round(p, digits) for name, s in shares.items()}


def latencies(messages: Iterable[Sent], rungs: frozenset[str] | None = None) -> dict[str, float | None]:
    """p50, p95 and p99 in milliseconds, of all replies or those of some rungs."""
    found = sorted(
        m.reply.seconds * 1000
        for m in messages
        if m.reply is not None and m.reply.seconds is not None and (rungs is None or m.reply.rung in rungs)
    )
    return percentiles(found, digits=2)


def summary_of(manifest: Manifest, seconds: float) -> Summary:
    """The figures of a manifest."""
    messages = manifest.messages
    replies = [m.reply for m in messages if m.reply is not None]
    return Summary(
        play_id=manifest.play_id,
        conversations=len({(m.tenant, m.session) for m in messages}),
        messages=len(messages),
        duplicates_sent=sum(m.acked_repeats for m in messages),
        not_acknowledged=sum(not m.acknowledged for m in messages),
        replies=len(replies),
        agent_replies=sum(m.agent_lines for m in messages),
        handoffs=sum(r.handoff for r in replies),
        missing=sum(m.missing for m in messages),
        skipped_empty=manifest.skipped_empty,
        cut=manifest.cut,
        by_rung=dict(Counter(r.rung for r in replies).most_common()),
        by_scenario=dict(Counter(r.scenario or "" for r in replies).most_common()),
        latency_ms=latencies(messages),
        seconds=round(seconds, 3),
    )
