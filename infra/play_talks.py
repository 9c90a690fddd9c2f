"""The conversations of a play, cut into steps: a customer's message, and what the recorded agent said after it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from infra.manifest import Manifest, Sent
from infra.recordings import Recorded, playable
from schemas.events import Customer
from streams.channels.compose import Sender
from streams.channels.service import DeadlineFor


@dataclass(eq=False)
class Step:
    """One customer turn and the agent's lines after it.

    open_lines: ids of the desk's answers not yet read back. give_up_at: when it is over, whatever came (microseconds).
    """

    turn: int
    text: str
    label: str | None
    repeats: int
    lines: list[tuple[int, str]] = field(default_factory=list)
    sent: Sent | None = None
    open_lines: set[str] = field(default_factory=set)
    posted: bool = False
    over: bool = False
    give_up_at: int = 0


@dataclass(eq=False)
class Talk:
    """A conversation under way. `handed_at`: the number of the step at which it was handed off."""

    recorded: Recorded
    sender: Sender
    customer: Customer
    steps: list[Step]
    next: int = 0
    handed_at: int | None = None


def talk_of(recorded: Recorded, tenant: str, manifest: Manifest, deadline_for: DeadlineFor) -> Talk:
    """A conversation as this play holds it, in a session of its own."""
    id_ = recorded.conversation_id
    # A long name would not fit into a session's, with the play's before it.
    name = id_ if len(id_) <= 180 else hashlib.sha256(id_.encode()).hexdigest()
    session = f"{manifest.play_id}.{name}"
    sender = Sender(tenant, session, recorded.channel, deadline_for(tenant, recorded.channel))
    customer = recorded.customer or Customer(f"customer of {name}")
    if recorded.lang != "und":
        customer = customer._replace(attributes={"lang": recorded.lang, **customer.attributes})
    return Talk(recorded, sender, customer, _steps(recorded, manifest))


def _steps(recorded: Recorded, manifest: Manifest) -> list[Step]:
    steps: list[Step] = []
    for i, said in enumerate(recorded.turns):
        text = playable(said.text)
        if text is None:
            manifest.skipped_empty += 1
            continue
        manifest.cut += len(text) < len(said.text)
        if said.speaker == "customer":
            steps.append(Step(i, text, said.scenario, said.webhook_repeats))
        elif steps:
            steps[-1].lines.append((i, text))
    return steps
