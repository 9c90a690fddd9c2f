"""What the gateway takes and gives, as JSON. Times are integers: microseconds since the epoch, UTC."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.events import AgentReplied, Customer, ReplyProduced
from streams.channels.subscription import Piece, Reply

Text = Annotated[str, StringConstraints(strict=True)]


class Taken(BaseModel):
    """What comes in: a field that is not known is refused, since it would be ignored otherwise."""

    model_config = ConfigDict(extra="forbid")


class CustomerIn(Taken):
    id: Text = Field("anonymous", description="The customer as the channel knows them", examples=["c-1021"])
    tier: Text = Field("standard", description="As policies name it", examples=["gold"])
    verified: bool = Field(False, description="Whether the channel knows that this is the customer")
    attributes: dict[str, Text] = Field({}, description="What policies look at; `lang` is the interface's language")

    def event(self) -> Customer:
        return Customer(self.id, self.tier, self.verified, self.attributes)


class MessageIn(Taken):
    session: Text = Field(description="The conversation, as the channel names it", examples=["chat-7"])
    text: Text = Field(description="1 to 16,384 characters", examples=["Where is my order?"])
    channel: Text = Field("api", examples=["app"])
    channel_message_id: Text | None = Field(
        None, description="The channel's own id of the message. The same one again is the same message; made if missing"
    )
    customer: CustomerIn | None = None
    entry_path: Text = Field("", description="Where the customer came from", examples=["/orders/991"])


class FeedbackIn(Taken):
    session: Text
    turn_id: Text = Field(description="As it came with the reply")
    score: Annotated[int, Field(ge=-2, le=2)] = Field(description="-2 (useless) to 2 (perfect)")
    comment: Text = ""
    turn_started_at: int | None = Field(None, description="As it came with the reply; needed after 15 minutes")
    request_id: Text = Field("1", description="The caller's own id; a repeat with the same one counts once")


class CloseIn(Taken):
    reason: Text = ""
    request_id: Text | None = None


class TakeIn(Taken):
    agent_id: Text = Field(examples=["maria"])
    force: bool = Field(False, description="Even from an agent who has it")


class AnswerIn(Taken):
    agent_id: Text = Field(examples=["maria"])
    text: Text
    turn_id: Text | None = Field(None, description="The turn that is answered; the latest open one if missing")
    request_id: Text | None = Field(None, description="The desk's own id; a repeat with the same one counts once")


class ReturnIn(Taken):
    agent_id: Text
    request_id: Text | None = None


class CitationOut(BaseModel):
    article_id: str
    title: str


class ReplyOut(BaseModel):
    """A reply, or what a human agent wrote (rung `human`, with `agent_id`)."""

    type: str = "reply"
    id: str
    session: str
    turn_id: str
    turn_started_at: int | None
    occurred_at: int
    text: str
    rung: str
    scenario: str | None
    lang: str | None
    citations: list[CitationOut]
    handoff: bool
    agent_id: str | None
    episode_id: str | None
    turn_seq: int | None


class MessageOut(BaseModel):
    tenant: str
    session: str
    channel_message_id: str
    turn_id: str
    accepted_at: int
    deadline_at: int
    reply: ReplyOut | None = None


class Accepted(BaseModel):
    id: str


class DeskTurn(BaseModel):
    turn_id: str
    text: str
    at: int
    answered: bool


class DeskSession(BaseModel):
    session: str
    channel: str
    customer_id: str
    lang: str
    scenario: str
    reason: str | None
    waiting_since: int
    taken_by: str | None
    turns: list[DeskTurn]


class DeskList(BaseModel):
    complete: bool = Field(description="False while the gateway is still reading back after its start")
    sessions: list[DeskSession]


class Problem(BaseModel):
    field: str | None
    problem: str
    remedy: str


class ErrorOut(BaseModel):
    error: Problem


def stream_payload(found: Reply | Piece) -> dict[str, Any]:
    """What goes out on a stream: a reply, or the next piece of one that is being made, which the reply will replace.

    `position`: characters (code points) of this `attempt` that came before. Another attempt than the last makes what
    was shown of the turn void.
    """
    return {"type": "partial", **found._asdict()} if isinstance(found, Piece) else reply_payload(found)


def reply_payload(event: ReplyProduced | AgentReplied) -> dict[str, Any]:
    """A reply as the JSON of ReplyOut, without the cost of a model."""
    meta = event.meta
    shared = {
        "type": "reply",
        "id": meta.event_id,
        "session": meta.session_id,
        "turn_id": meta.turn_id,
        "turn_started_at": meta.turn_started_at,
        "occurred_at": meta.occurred_at,
        "text": event.text,
    }
    if isinstance(event, AgentReplied):
        return {**shared, **_OF_NO_TURN, "rung": "human", "agent_id": event.agent_id}
    return {
        **shared,
        "rung": event.rung,
        "scenario": event.scenario,
        "lang": event.lang,
        "citations": [c._asdict() for c in event.citations],
        "handoff": event.handoff,
        "agent_id": None,
        "episode_id": event.episode_id,
        "turn_seq": event.turn_seq,
    }


_OF_NO_TURN: dict[str, Any] = {
    "scenario": None,
    "lang": None,
    "citations": [],
    "handoff": False,
    "episode_id": None,
    "turn_seq": None,
}
