"""A world in memory where wrong records lie among the messages of customers, and what must hold of it afterwards."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from processors.entities import PatternEntities
from schemas.catalogue import DEAD_LETTERS, MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.codec import Codec, Undecodable
from schemas.events import DeadLettered, Event, MessageReceived, Record, ScenarioRouted
from schemas.identity import reply_id
from schemas.validation import MAX_DEADLINE, MAX_FUTURE, wrong_event, wrong_run
from streams.log import Place, Unreadable
from streams.sink import event_key
from streams.testing.conversations import Conversations
from streams.testing.events import EPOCH, a_message, a_policy
from streams.testing.fuzzing.mutants import TENANT, Mutant
from streams.topology import STAGES

CODEC: Final = Codec()
"""One for every world: to make one takes longer than a hundred records."""
NEIGHBOUR: Final = "quiet"
"""A tenant whom no record is about, so that its customers get word for word what they get alone."""
EXPECTED: Final = {"where is my order?": "Here is your order.", "我的订单到哪了": "这是您的订单。"}
TEXTS: Final = tuple(EXPECTED)
TENANTS: Final = (TENANT, "bank", NEIGHBOUR)
REASONS: Final = frozenset({"undecodable", "unknown_schema", "wrong_record", "invalid", "unknown_tenant", "too_large"})
READERS: Final[Mapping[str, frozenset[str]]] = {
    topic: frozenset(s.name for s in STAGES if topic in s.reads) for topic in (MESSAGES, SIGNALS, ROUTES, REPLIES)
}
SETTLED: Final = (MAX_DEADLINE + MAX_FUTURE) / 1e6 + 3600
"""Seconds after which nothing may be held any more: no turn is open for longer than a deadline may be away."""


AFTERWARDS: Final = 60


class Wrong(AssertionError):
    """Something does not hold. `number`: of the record that shows it, None where it is a neighbour."""

    def __init__(self, what: str, number: int | None = None) -> None:
        super().__init__(what)
        self.number = number


class Lies(NamedTuple):
    """A mutant where it lies in the log, and what can be made of it: an event, or why there is none."""

    mutant: Mutant
    place: Place
    offset: int
    event: Event | None
    why: str


class World:
    """Every stage over a log in memory, three tenants, and as many neighbours as are asked for."""

    def __init__(self, partitions: int = 2) -> None:
        self.talk = Conversations(
            [a_policy(tenant) for tenant in TENANTS], entities=PatternEntities(), codec=CODEC, partitions=partitions
        )
        self.lies: list[Lies] = []
        self.neighbours: list[MessageReceived] = []

    def play(self, mutants: Sequence[Mutant], every: int = 20) -> None:
        """Appends the mutants, with a neighbour's message after each `every` of them, and lets everything come to rest.

        Raises Wrong where something does not hold afterwards; whatever else a stage raises is a bug of its own.
        """
        for n, each in enumerate(mutants):
            self._append(each)
            if n % every == every - 1 or n == len(mutants) - 1:
                self._neighbours(n)
                self.talk.clock.advance(0.01)
                self.talk.pipeline.run()
        self._settle()
        self._check()

    def _append(self, mutant: Mutant) -> None:
        bus = self.talk.bus
        place, offset = bus.append_bytes(mutant.topic, mutant.key, mutant.value)
        (found,) = bus.read(place, offset, 1)
        event, why = (None, found.why.reason) if isinstance(found, Unreadable) else (found.event, "")
        if event is not None and mutant.topic in READERS and mutant.key != event_key(event):
            why = "key"
        if event is not None and wrong_run(event) is not None:
            why = "run"
        self.lies.append(Lies(mutant, place, offset, event, why))

    def _neighbours(self, n: int) -> None:
        for tenant in (NEIGHBOUR, TENANT):
            text, session = TEXTS[n % len(TEXTS)], f"n-{n % 7}"
            message = a_message(text, tenant, session, self.talk.clock.now(), f"{tenant}-{n}")
            self.neighbours.append(message)
            self.talk.bus.append(message)

    def _settle(self) -> None:
        """Lets time pass until every stage has committed everything: in growing steps until no turn can be open any
        more, then a minute in small ones, for what the last of them leaves to be done."""
        pipeline, clock = self.talk.pipeline, self.talk.clock
        end, step = clock.now() + int(SETTLED * 1e6), 0.1
        pipeline.run()
        while behind := {name: r.lag() for name, r in pipeline.runners.items() if r.lag()}:
            if clock.now() > end + AFTERWARDS * 1_000_000:
                raise Wrong(f"still held after {SETTLED:.0f} s: {behind}")
            clock.advance(step if clock.now() < end else 0.2)
            pipeline.run()
            step = min(step * 1.5, (end - clock.now()) / 1e6 + 0.1)

    def _check(self) -> None:
        letters = self._letters()
        for each in self.lies:
            self._check_mutant(each, letters.get((*each.place, each.offset), []))
        self._check_neighbours(letters)

    def _letters(self) -> dict[tuple[str, int, int], list[DeadLettered]]:
        """Dead letters by the record that they are about."""
        found: dict[tuple[str, int, int], list[DeadLettered]] = defaultdict(list)
        mine = {(each.place, each.offset) for each in self.lies}
        for record in self.talk.bus.records(DEAD_LETTERS):
            event, at = record.event, ((record.topic, record.partition), record.offset)
            if isinstance(event, DeadLettered) and at not in mine:
                found[event.topic, event.partition, event.offset].append(event)
        return found

    def _check_mutant(self, each: Lies, letters: Sequence[DeadLettered]) -> None:
        """One dead letter, whoever wrote it, for what cannot be worked on; else at most one."""
        number, where = each.mutant.number, f"{each.mutant.record} ({each.mutant.how}) on {each.place[0]}"
        ids = {letter.meta.event_id for letter in letters}
        if len(ids) > 1:
            raise Wrong(f"{where} has {len(ids)} dead letters", number)
        if unknown := {letter.reason for letter in letters} - REASONS:
            raise Wrong(f"{where} was rejected for {unknown}", number)
        expected = READERS.get(each.place[0], frozenset())
        by = {letter.stage for letter in letters}
        if each.why and by != expected:
            raise Wrong(f"{where} is not to be worked on ({each.why}); rejected by {by} of {set(expected)}", number)
        if not expected and by:
            raise Wrong(f"{where} is read by no stage, and was rejected by {by}", number)

    def _check_neighbours(self, letters: Mapping[tuple[str, int, int], Sequence[DeadLettered]]) -> None:
        """Everybody who wrote properly is answered once, in order; those of the quiet tenant word for word."""
        routes: dict[str, list[Record]] = defaultdict(list)
        for record in self.talk.bus.records(ROUTES):
            if isinstance(record.event, ScenarioRouted):
                routes[record.event.meta.turn_id or ""].append(record)
        replies = {reply.meta.event_id: reply for reply in self.talk.replies()}
        order: dict[tuple[str, str], list[int]] = defaultdict(list)
        for message in self._answerable():
            meta = message.meta
            turn, who = meta.event_id, f"{meta.tenant_id}/{meta.session_id}"
            mine = routes[turn]
            if len({r.event.meta.event_id for r in mine}) != 1:
                raise Wrong(f"{who}: turn {turn} was decided {len(mine)} times", self._number_of(turn))
            route = mine[0].event
            reply = replies.get(reply_id("live", turn))
            if isinstance(route, ScenarioRouted) and route.owner != "human" and reply is None:
                raise Wrong(f"{who}: turn {turn} has no reply", self._number_of(turn))
            if meta.tenant_id == NEIGHBOUR:
                order[meta.tenant_id, meta.session_id].append(mine[0].offset)
                if reply is None or reply.text != EXPECTED[message.text]:
                    raise Wrong(f"{who}: {message.text!r} was answered with {reply and reply.text!r}")
        if unordered := [who for who, offsets in order.items() if offsets != sorted(offsets)]:
            raise Wrong(f"turns were decided out of order: {unordered}")

    def _answerable(self) -> Iterator[MessageReceived]:
        """The neighbours' messages, and those mutants that are as good as any."""
        yield from self.neighbours
        seen: set[str] = set()
        for each in self.lies:
            event = each.event
            if not isinstance(event, MessageReceived) or each.why or event.meta.event_id in seen:
                continue
            seen.add(event.meta.event_id)
            if wrong_event(event, EPOCH) is None and event.meta.tenant_id in TENANTS:
                yield event

    def _number_of(self, turn: str) -> int | None:
        return next((x.mutant.number for x in self.lies if x.event and x.event.meta.event_id == turn), None)

    def outcomes(self) -> Counter[str]:
        """What became of the mutants: read, or why not."""
        return Counter(each.why or "read" for each in self.lies)


def decodes(mutant: Mutant) -> str:
    """What the codec says of the bytes: "" for an event, which then can be written and read again; else the reason."""
    try:
        event = CODEC.decode(mutant.topic, mutant.value)
    except Undecodable as why:
        return why.reason
    CODEC.encode(event)
    return ""


def quietly() -> None:
    """A policy that is refused is logged as an error, which here is the rule."""
    logging.getLogger("streams").setLevel(logging.CRITICAL)


def alone(mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, BaseException]]:
    """Of the mutants those that do harm in a world of their own, with what they do."""
    for each in mutants:
        try:
            World().play([each])
        except (Wrong, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as harm:
            yield each, harm
