"""When two answers are the same to the customer who read one of them."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.events import Citation, Record, ReplyProduced, ScenarioRouted
from streams.replay.divergence import equivalent
from streams.replay.recorded import RecordedTurn
from streams.testing import Conversations, a_message

TALK = Conversations(partitions=1)
TALK.play([a_message()])
ROUTE, REPLY = TALK.routes()[0], TALK.replies()[0]


def recorded(route: ScenarioRouted = ROUTE, reply: ReplyProduced | None = REPLY) -> RecordedTurn:
    """A turn as it was."""
    turn = RecordedTurn(Record("chat.messages", 0, 0, 0, a_message()))
    turn.route = Record("chat.routes", 0, 0, 0, route)
    turn.reply = None if reply is None else Record("chat.replies", 0, 0, 0, reply)
    return turn


def cites(*articles: str) -> dict[str, Any]:
    """An answer from articles."""
    return {"template": None, "citations": tuple(Citation(a, a) for a in articles), "text": " ".join(articles)}


HUMAN = ROUTE._replace(owner="human")
HANDOFF = ROUTE._replace(handoff=True)
OTHER = REPLY._replace(text="No.", template="another")


@pytest.mark.parametrize(
    ("turn", "route", "reply", "same"),
    [
        (recorded(), ROUTE, REPLY, True),
        (recorded(), ROUTE, OTHER, False),
        (recorded(), ROUTE, OTHER._replace(text=f" {REPLY.text.upper()}  "), True),
        (recorded(), ROUTE, REPLY._replace(text="Order 7."), True),
        (recorded(), ROUTE._replace(step="later"), REPLY._replace(text="Order 7."), False),
        (recorded(reply=REPLY._replace(**cites("a", "b"))), ROUTE, REPLY._replace(**cites("b", "a")), True),
        (recorded(reply=REPLY._replace(**cites("a", "b"))), ROUTE, REPLY._replace(**cites("a")), False),
        (recorded(reply=REPLY._replace(template=None)), ROUTE, REPLY._replace(text="No.", template=None), False),
        (recorded(HUMAN, None), HUMAN, None, True),
        (recorded(HUMAN, None), ROUTE, REPLY, False),
        (recorded(), HUMAN, None, False),
        (recorded(), HANDOFF, REPLY, False),
        (recorded(HANDOFF), HANDOFF, OTHER, True),
        (recorded(reply=None), ROUTE, REPLY, True),
        (recorded(reply=None), ROUTE._replace(template="another"), OTHER, False),
    ],
    ids=[
        "same", "other words", "case and spaces", "slots", "another step", "same articles", "fewer articles",
        "no articles at all", "both with a human", "kept from the human", "handed to a human", "handed over now",
        "both hand over", "nobody answered", "nobody answered another question",
    ],
)  # fmt: skip
def test_the_customer_would_have_gone_on_the_same_way(
    turn: RecordedTurn, route: ScenarioRouted, reply: ReplyProduced | None, same: bool
) -> None:
    """By text, by template and step, by articles, or because a human has it either way."""
    assert equivalent(turn, route, reply) is same
