"""Plays recorded conversations: their customers' turns as channel messages, their agents' lines as the human desk's.

Closed loop: the next message of a conversation waits for the reply to the one before. After a handoff the recorded
agent answers as the desk would, and the conversation goes on. Open loop: messages go out at a rate.
"""

from __future__ import annotations

import hashlib
import heapq
import re
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from infra.local.errors import StackError
from infra.manifest import Got, Manifest, Sent, Summary, summary_of
from infra.play_links import Answer, GatewayLink, KafkaLink, Link
from infra.play_talks import Step, Talk, talk_of
from infra.recordings import Recorded
from infra.settings import Settings
from schemas.codec import Codec
from schemas.events import MessageReceived
from streams.channels import compose
from streams.channels.client import wall_clock
from streams.channels.keys import Keys
from streams.channels.service import DeadlineFor, ten_seconds

AGENT = "recorded agent"
LONGEST_PAUSE = 0.05
_PLAY_ID = re.compile(r"[A-Za-z0-9_-]{1,40}").fullmatch


class PlayError(StackError):
    """A play cannot begin; the message says what to change."""


@dataclass(frozen=True)
class PlayOptions:
    """How to play. Durations in seconds, rates in messages a second.

    play_id: part of every message's id; the same one again repeats the play. None: a new one.
    tenant: for all conversations; None: each one's own, and `default_tenant` where it names none.
    rate: at most so many in closed loop, exactly so many in open loop. None: 200 in open loop, else no limit.
    at_once: how many conversations are under way at a time.
    grace: how long after its deadline a reply is given up. patience: how long the log may take to confirm.
    """

    play_id: str | None = None
    tenant: str | None = None
    default_tenant: str = "shop"
    rate: float | None = None
    open_loop: bool = False
    at_once: int = 200
    grace: float = 10.0
    patience: float = 30.0


@dataclass
class PlayProgress:
    """How far a play is."""

    conversations: int
    total: int
    done: int = 0
    sent: int = 0
    replies: int = 0
    missing: int = 0
    by_rung: Counter[str] = field(default_factory=Counter)
    by_scenario: Counter[str] = field(default_factory=Counter)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    """Of the latest replies, seconds."""


@dataclass(frozen=True)
class PlayResult:
    manifest: Manifest
    summary: Summary


def play(
    conversations: Sequence[Recorded],
    settings: Settings,
    options: PlayOptions = PlayOptions(),
    progress: Callable[[PlayProgress], None] | None = None,
    deadline_for: DeadlineFor = ten_seconds,
    through_gateway: Keys | None = None,
    stop: Callable[[], bool] = lambda: False,
    codec: Codec | None = None,
) -> PlayResult:
    """Plays to the end, and returns what was sent and what came back.

    through_gateway: the gateway's keys, to send over HTTP; None: straight to Kafka. `stop` ends it early: nothing more
    is sent, and what is open counts as missing. `codec`: None for the pinned ids.

    Raises PlayError, KafkaException where the broker does not answer.
    """
    play_id = options.play_id if options.play_id is not None else secrets.token_hex(4)
    if not _PLAY_ID(play_id):
        raise PlayError(f"--play-id: {play_id!r}: 1 to 40 letters, digits, _ and - are meant")
    link: Link
    if through_gateway is None:
        link = KafkaLink(settings.kafka, play_id, options.patience, wall_clock, codec)
    else:
        link = GatewayLink(settings, through_gateway, wall_clock)
    began = time.monotonic()
    running = _Play(conversations, play_id, options, deadline_for, link)
    try:
        link.begin(options.play_id is not None)
        running.run(progress or (lambda _: None), stop)
    finally:
        link.close()
    return PlayResult(running.manifest, summary_of(running.manifest, time.monotonic() - began))


class _Play:
    def __init__(
        self,
        conversations: Sequence[Recorded],
        play_id: str,
        options: PlayOptions,
        deadline_for: DeadlineFor,
        link: Link,
    ) -> None:
        self.manifest = Manifest(play_id)
        self._options = options
        self._link = link
        self._known: dict[str, Answer] = {}
        self._known_lines: set[str] = set()
        self._open: dict[str, tuple[Talk, Step]] = {}
        self._of_turn: dict[str, tuple[Talk, Step]] = {}
        self._timers: list[tuple[int, int, Talk, Step]] = []
        self._timed = 0
        talks = (talk_of(r, self._tenant_of(r), self.manifest, deadline_for) for r in conversations)
        self._waiting = deque(t for t in talks if t.steps)
        self._ready: deque[Talk] = deque()
        self._active = 0
        self._rate = options.rate or (200.0 if options.open_loop else None)
        self._unreported = 0
        total = sum(len(t.steps) for t in self._waiting)
        self._progress = PlayProgress(len(self._waiting), total)

    def run(self, progress: Callable[[PlayProgress], None], stop: Callable[[], bool]) -> None:
        while not self._link.caught_up:
            self._note(self._link.take(0.2))
        began, told = time.monotonic(), 0.0
        while self._waiting or self._ready or self._open:
            if stop():
                break
            self._send_ready(began)
            self._note(self._link.take(self._pause(began)))
            self._give_up(wall_clock())
            if time.monotonic() - told >= 0.1:
                told = time.monotonic()
                progress(self._progress)
        # A turn that a human has needs no reply, so its play may end before its message is confirmed. Links report
        # everything in bounded time.
        while self._unreported and not stop():
            self._note(self._link.take(LONGEST_PAUSE))
        for _, step in self._open.values():
            self._count_missing(step)
        progress(self._progress)

    def _tenant_of(self, recorded: Recorded) -> str:
        return self._options.tenant or recorded.tenant or self._options.default_tenant

    def _send_ready(self, began: float) -> None:
        """Sends what may go now: as the rate allows, and of as many conversations as may be under way."""
        while self._waiting and self._active < self._options.at_once:
            self._active += 1
            self._ready.append(self._waiting.popleft())
        allowed = len(self._ready)
        if self._rate is not None:
            allowed = int((time.monotonic() - began) * self._rate) + 1 - self._progress.sent
        for _ in range(min(allowed, len(self._ready), 500)):
            talk = self._ready.popleft()
            self._send(talk)
            if self._options.open_loop:
                self._go_on(talk)

    def _pause(self, began: float) -> float:
        if not self._ready and not (self._waiting and self._active < self._options.at_once):
            return LONGEST_PAUSE
        if self._rate is None:
            return 0.0
        return min(LONGEST_PAUSE, max(0.0, self._progress.sent / self._rate - (time.monotonic() - began)))

    def _go_on(self, talk: Talk) -> None:
        """The conversation's next message may go; or it is over."""
        if talk.next < len(talk.steps):
            self._ready.append(talk)
        else:
            self._active -= 1
            self._progress.done += 1

    def _send(self, talk: Talk) -> None:
        step, recorded = talk.steps[talk.next], talk.recorded
        talk.next += 1
        message_id = f"{talk.sender.session}/{step.turn}"
        event = compose.message(talk.sender, step.text, message_id, wall_clock(), talk.customer, recorded.entry_path)
        sent = step.sent = self._listed(talk, step, event)
        self._progress.sent += 1
        sent.with_human = talk.handed_at is not None
        self._unreported += 1 + step.repeats
        self._link.send(event, sent.with_human, lambda why: self._acknowledge(sent, why))
        for _ in range(step.repeats):
            self._link.send(event, sent.with_human, lambda why: self._acknowledge_repeat(sent, why))
        self._open[sent.event_id] = self._of_turn[sent.event_id] = (talk, step)
        self._time_out(talk, step)
        known = self._known.get(sent.event_id)
        if known is not None:
            self._answered(talk, step, known)
        elif sent.with_human:
            self._as_desk(talk, step)

    def _listed(self, talk: Talk, step: Step, event: MessageReceived) -> Sent:
        meta = event.meta
        sent = Sent(
            event_id=meta.event_id,
            tenant=meta.tenant_id,
            session=meta.session_id,
            conversation=talk.recorded.conversation_id,
            turn=step.turn,
            lang=talk.recorded.lang,
            text_sha256=hashlib.sha256(step.text.encode()).hexdigest(),
            sent_at=meta.occurred_at,
            deadline_at=meta.deadline_at or meta.occurred_at,
            repeats=step.repeats,
            label=step.label,
        )
        self.manifest.messages.append(sent)
        return sent

    def _time_out(self, talk: Talk, step: Step) -> None:
        step.give_up_at = wall_clock() + round((talk.sender.deadline + self._options.grace) * 1e6)
        self._timed += 1
        heapq.heappush(self._timers, (step.give_up_at, self._timed, talk, step))

    def _note(self, answers: list[Answer]) -> None:
        for answer in answers:
            there = self._of_turn.get(answer.turn_id)
            if answer.by_agent:
                self._known_lines.add(answer.id)
                if there is not None:
                    there[1].open_lines.discard(answer.id)
                    self._over_if_done(*there)
            elif answer.turn_id not in self._known:
                self._known[answer.turn_id] = answer
                if there is not None:
                    self._answered(*there, answer)

    def _answered(self, talk: Talk, step: Step, answer: Answer) -> None:
        sent = step.sent
        assert sent is not None
        seconds = (answer.at - sent.sent_at) / 1e6
        latency = seconds if seconds >= 0 else None
        sent.reply = Got(answer.rung, answer.scenario, latency, answer.handoff)
        sent.with_human = False
        self._progress.replies += 1
        self._progress.by_rung[answer.rung] += 1
        self._progress.by_scenario[answer.scenario or ""] += 1
        if latency is not None:
            self._progress.latencies.append(latency)
        at = talk.steps.index(step)
        if answer.handoff:
            self._handed_off(talk, at)
        elif talk.handed_at is not None and at > talk.handed_at:
            talk.handed_at = None  # the bot speaks again: the desk's time was up
        self._over_if_done(talk, step)

    def _handed_off(self, talk: Talk, at: int) -> None:
        talk.handed_at = at
        for step in talk.steps[at : talk.next]:
            if step.sent is not None and step.sent.reply is None:
                step.sent.with_human = True
            self._as_desk(talk, step)

    def _as_desk(self, talk: Talk, step: Step) -> None:
        """Posts the recorded agent's lines, as answers of the desk to the turn that they followed."""
        sent = step.sent
        if step.posted or sent is None:
            return
        step.posted = True
        for i, text in step.lines:
            request = f"{talk.sender.session}/{i}"
            event = compose.answer(talk.sender, sent.event_id, sent.sent_at, text, AGENT, request, wall_clock())
            sent.agent_lines += 1
            if event.meta.event_id not in self._known_lines:
                step.open_lines.add(event.meta.event_id)
            self._link.answer(event, request, lambda _: None)
        if step.open_lines:
            self._time_out(talk, step)
        self._over_if_done(talk, step)

    def _over_if_done(self, talk: Talk, step: Step) -> None:
        sent = step.sent
        assert sent is not None
        if step.over or step.open_lines or (sent.reply is None and not sent.with_human):
            return
        self._finish(talk, step)

    def _finish(self, talk: Talk, step: Step) -> None:
        assert step.sent is not None
        step.over = True
        self._open.pop(step.sent.event_id, None)
        if not self._options.open_loop:
            self._go_on(talk)

    def _give_up(self, now: int) -> None:
        while self._timers and self._timers[0][0] <= now:
            _, _, talk, step = heapq.heappop(self._timers)
            if not step.over and step.give_up_at <= now:
                self._count_missing(step)
                self._finish(talk, step)

    def _count_missing(self, step: Step) -> None:
        if step.sent is not None and step.sent.reply is None and not step.sent.with_human:
            step.sent.missing = True
            self._progress.missing += 1

    def _acknowledge(self, sent: Sent, why: str | None) -> None:
        self._unreported -= 1
        sent.acked, sent.not_acked = why is None, why

    def _acknowledge_repeat(self, sent: Sent, why: str | None) -> None:
        self._unreported -= 1
        sent.acked_repeats += why is None
