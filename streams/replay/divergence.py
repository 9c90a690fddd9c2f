"""Until when a recorded conversation is one that the candidate could have had: what the customer read, it had said."""

from __future__ import annotations

from typing import Final

from processors.text import normalise
from schemas.events import ReplyProduced, ScenarioRouted
from streams.join import SessionName
from streams.replay.measuring import with_human
from streams.replay.recorded import RecordedTurn

WHOLE: Final = 100_000
"""Characters of a reply that are compared: all of them."""


class Divergence:
    """The sessions in which a candidate has said something that its customer never read."""

    def __init__(self) -> None:
        self._diverged: set[SessionName] = set()

    def on_policy(self, session: SessionName) -> bool:
        """Whether the next recorded message still answers what the candidate said."""
        return session not in self._diverged

    def said(
        self, session: SessionName, turn: RecordedTurn, route: ScenarioRouted, reply: ReplyProduced | None
    ) -> None:
        """What the candidate decided and said in a turn of the record."""
        if session not in self._diverged and not equivalent(turn, route, reply):
            self._diverged.add(session)


def equivalent(turn: RecordedTurn, route: ScenarioRouted, reply: ReplyProduced | None) -> bool:
    """Whether the customer would have gone on the same way, after what was recorded and after this.

    So it is if both leave the turn to a human, if the texts are the same but for case, width and spaces, if both come
    from the same template in the same step, or if both rest on the same articles. Where nobody was answered, what
    would have been said is compared by its template and step.
    """
    recorded, said = turn.decision, turn.said
    if with_human(recorded) or with_human(route):
        return with_human(recorded) and with_human(route)
    step = route.step == recorded.step
    if said is None:
        return step and route.template == recorded.template
    if reply is None:
        return False
    if reply.text == said.text or normalise(reply.text, WHOLE) == normalise(said.text, WHOLE):
        return True
    if reply.template is not None and reply.template == said.template and step:
        return True
    cited = {c.article_id for c in reply.citations}
    return bool(cited) and cited == {c.article_id for c in said.citations}
