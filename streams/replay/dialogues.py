"""The dialogue as it was recorded: what a teacher-forced turn finds, whatever the candidate decided before it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from schemas.events import DialogueState
from streams.join import SessionName
from streams.replay.recorded import Recorded


class RecordedDialogues:
    """The port Dialogues of routing, over a record: what is put there is not kept."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self._at: dict[SessionName, int] = {}
        """How many of a session's states lie behind what was decided last."""

    def follow_policies(self) -> None:
        """Nothing is forgotten, so no version's timeouts matter."""

    def before(self, session: SessionName, deciding: str) -> DialogueState | None:
        """The state that live found; for a record which changed nothing then, the state at its place in the session."""
        chain = self._recorded.chains.get(session)
        if chain is None:
            return None
        outcome = self._recorded.outcome(deciding)
        if outcome is None:
            at = self._at.get(session, chain.began)
        else:
            at = bisect_left(chain.offsets, outcome.offset)
            self._at[session] = bisect_right(chain.offsets, outcome.offset, at)
        return chain.states[at - 1] if at else None

    def put(self, session: SessionName, state: DialogueState, at: int) -> None:
        """The candidate's own state leads nowhere."""

    def recover(self, session: SessionName, state: DialogueState) -> None:
        """The record has it already."""
