"""Whatever the interleaving of answers, deadlines and faults: a turn that is owed an answer gets one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.outcomes import Outcome
from processors.stage import Context
from schemas.catalogue import REPLIES, ROUTES
from schemas.events import Record
from streams.answers import Answers
from streams.policies import Policies
from streams.reply import Reply, ReplyState
from streams.reply_cache import LruReplyCache
from tests.properties.join_audit import Act
from tests.properties.planted import is_found
from tests.properties.reply_audit import Asked, asked, audit, mishaps, play


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asked, mishaps)
def test_every_turn_that_is_owed_an_answer_gets_one(story: list[Asked], schedule: list[Act]) -> None:
    """No schedule of reads, ticks, crashes and takeovers loses a turn, answers it twice, or leaves it held."""
    assert audit(story, schedule, play(story, schedule)) == []


class Broken(ReplyState):
    """A state with a mistake in it; the audit must find each of them."""


class CommitsWhatItHasRead(Broken):
    """Forgets, in what may be committed, the turns that are open."""

    def safe(self) -> Mapping[str, int]:
        return {ROUTES: self._answers._routes.next, REPLIES: self._answers._replies.next}


class AnswersBeforeItHasReadTheReplies(Broken):
    """Does not wait to see what was answered before a restart."""

    def due(self, context: Context) -> Iterator[Outcome]:
        self._answers.caught_up = True
        return super().due(context)


class WatchesNoDeadline(Broken):
    """Leaves turns to their owner for ever."""

    def _missed(self, now: int) -> Iterator[Outcome]:
        return iter(())


class IsImpatient(Broken):
    """Takes a turn for overdue when it is not."""

    def _missed(self, now: int) -> Iterator[Outcome]:
        return super()._missed(now + 1_000_000)


class ForgetsWhatRoutesItHasSeen(Broken):
    """Forgets the answers that it saw before a restart, whose routes it will read again."""

    def safe(self) -> Mapping[str, int]:
        return {**super().safe(), REPLIES: self._answers._replies.next}


class KeepsEarlyAnswers(Broken):
    """Never lets go of answers without a route."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._answers._expiry = 1 << 60


class TalksOverHumans(Broken):
    """Answers the turns that a human owns."""

    def read(self, record: Record, context: Context) -> Outcome | None:
        event = record.event
        if record.topic == ROUTES:
            record = record._replace(event=event._replace(owner="reply"))  # type: ignore[call-arg]
        return super().read(record, context)


class BrokenReply(Reply):
    """The stage with such a state."""

    def __init__(self, policies: Policies, state: type[Broken]) -> None:
        super().__init__(policies, LruReplyCache(), seconds=lambda: 0.0)
        self._broken = state

    def open(self, partition: int, start: Mapping[str, int]) -> ReplyState:
        answers = Answers(start[ROUTES], start[REPLIES], self._expiry, self._remember)
        return self._broken(self._policies, self._cache, answers, self._seconds)


class TestTheAuditFinds:
    """Without these, the property above would prove nothing."""

    @pytest.mark.parametrize("state", Broken.__subclasses__(), ids=lambda s: s.__name__)
    def test_a_planted_mistake(self, state: type[Broken]) -> None:
        """Some story and schedule show the mistake."""
        assert is_found(st.tuples(asked, mishaps), lambda drawn: _goes_wrong(state, *drawn))


def _goes_wrong(state: type[Broken], story: list[Asked], schedule: list[Act]) -> bool:
    return bool(audit(story, schedule, play(story, schedule, lambda policies: BrokenReply(policies, state))))
