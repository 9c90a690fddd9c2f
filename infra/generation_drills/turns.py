"""What became of the turns of a drill, by the log: read once everything has come to rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from infra.generation_drills.load import Asked
from schemas.catalogue import REPLIES, ROUTES
from schemas.codec import Codec
from schemas.events import Generated, PassedOver, Record, ReplyProduced, ScenarioRouted
from streams.log import Unreadable, read_to_end

GENERATING = frozenset(("small_model", "large_model"))


@dataclass(slots=True)
class Turn:
    """A turn: what its customer was told, and what the log says. Times in microseconds UTC, as the log has them.

    `ids`: of its replies; more than one means that it was answered twice. `copies`: how many records they are.
    """

    asked: Asked
    owner: str = ""
    routed_at: int | None = None
    replied_at: int | None = None
    rung: str = ""
    passed: tuple[PassedOver, ...] = ()
    generated: Generated | None = None
    ids: set[str] = field(default_factory=set)
    copies: int = 0

    @property
    def in_time(self) -> bool:
        """Whether its reply was in the log by its deadline."""
        return self.replied_at is not None and self.replied_at <= self.asked.deadline_at

    @property
    def made(self) -> bool:
        """Whether a model made its reply."""
        return self.rung in GENERATING

    @property
    def seconds(self) -> float | None:
        """From sending the message until its reply was in the log; None without one."""
        return None if self.replied_at is None else (self.replied_at - self.asked.sent_at) / 1e6

    @property
    def outside(self) -> float | None:
        """Seconds outside the model and its queue, of a turn that a model made; None of others."""
        if self.generated is None or self.seconds is None or not self.made:
            return None
        return self.seconds - self.generated.seconds - self.generated.waited

    @property
    def why(self) -> str:
        """Why no model made it: the reason of the last generating rung passed over; "" where one did."""
        if self.made:
            return ""
        return next((p.reason for p in reversed(self.passed) if p.rung in GENERATING), "unanswered")


def turns_of(asked: Iterable[Asked], records: Iterable[Record]) -> list[Turn]:
    """The turns of messages that the log took, by what it says of them; a repeat changes nothing."""
    found = {a.turn_id: Turn(a) for a in asked if a.acked}
    for record in records:
        event = record.event
        turn = found.get(event.meta.turn_id or "")
        if turn is None:
            continue
        if isinstance(event, ScenarioRouted) and turn.routed_at is None:
            turn.owner, turn.routed_at = event.owner, record.appended_at
        elif isinstance(event, ReplyProduced):
            _add_reply(turn, record, event)
    return list(found.values())


def _add_reply(turn: Turn, record: Record, event: ReplyProduced) -> None:
    turn.ids.add(event.meta.event_id)
    turn.copies += 1
    if turn.replied_at is None:
        turn.replied_at, turn.rung = record.appended_at, event.rung
        turn.passed, turn.generated = event.passed_over, event.generated


def read_turns(bootstrap: str, asked: Sequence[Asked], codec: Codec) -> list[Turn]:
    """The same, from the log as it is now. Raises KafkaException, TimeoutError."""
    records = read_to_end(bootstrap, (ROUTES, REPLIES), codec)
    return turns_of(asked, (r for r in records if not isinstance(r, Unreadable)))
