"""What the facts say of an experiment's arms, of conversations that the stages themselves have had."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import md5

import pytest

from infra.experiments.exposure import Exposure, SessionRow, compared, exposure, rows_of
from projections import analytics
from projections.analytics.store import Store
from projections.reading import Entry
from schemas.catalogue import MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.events import Event
from streams.experiments import Experiment
from streams.testing import EPOCH, Conversations, Item, Pass, a_message, a_policy, a_stop, an_arm, an_experiment

pytestmark = pytest.mark.clickhouse
SECOND = 1_000_000
SESSIONS = [f"会话-{n}" for n in range(40)]


class Trial:
    """An experiment of a tenant of the test's own, in a ClickHouse with tables."""

    def __init__(self, store: Store, tenant: str) -> None:
        self.store, self.tenant = store, tenant
        arm = an_arm(a_policy(tenant, "2"))
        self.start = an_experiment(arm, tenant=tenant, effective_at=EPOCH + 10 * SECOND, excluded=["会话-3*"])
        self.stop = a_stop(tenant=tenant, effective_at=EPOCH + 100 * SECOND)
        self.experiment = Experiment(self.start, self.stop.effective_at)

    def play(self, *script: Item, version: str = "1") -> None:
        """What the stages make of a script lies in the store. version: of the policy that is live."""
        talk = Conversations(policies=[a_policy(self.tenant, version)])
        talk.play(script)
        records = [r for topic in (MESSAGES, SIGNALS, ROUTES, REPLIES) for r in talk.bus.records(topic)]
        self.store.write([Entry(*r[:4], "decoded", "", b"", r) for r in records], now=0)

    def said(self, *sessions: str, at: int = 0) -> list[Event]:
        """One message of each session, written `at` seconds after EPOCH."""
        return [a_message(tenant=self.tenant, session=s, at=EPOCH + at * SECOND) for s in sessions or SESSIONS]

    def rows(self, experiment: Experiment | None = None) -> list[SessionRow]:
        """What is read of it."""
        return rows_of(self.store.client, experiment or self.experiment)

    def exposure(self) -> Exposure:
        """What comes of that."""
        return exposure(self.experiment, self.rows())


@pytest.fixture
def trial(clickhouse: str, request: pytest.FixtureRequest) -> Iterator[Trial]:
    """With tables. The tenant follows from the test's name, so that sessions are always dealt the same way."""
    analytics.migrate(clickhouse)
    with Store(clickhouse) as opened:
        yield Trial(opened, f"t{md5(request.node.name.encode()).hexdigest()[:12]}")


def test_each_session_is_counted_in_its_arm_with_the_turns_of_the_experiment(trial: Trial) -> None:
    """Those before the start and after the stop do not count; excluded sessions are counted by themselves."""
    during = [*trial.said(at=20), *trial.said(at=20)]
    trial.play(trial.start, Pass(20), *during, trial.stop, Pass(100), *trial.said(at=120))
    found = trial.exposure()
    excluded = [s for s in SESSIONS if s.startswith("会话-3")]
    arms = [trial.experiment.arm(s).name for s in SESSIONS if s not in excluded]
    assert [(a.arm, a.sessions, a.turns) for a in found.arms] == [
        (name, arms.count(name), 2 * arms.count(name)) for name in ("control", "candidate")
    ]
    assert (found.excluded, found.under_way) == (len(excluded), 0)
    assert [a.strayed for a in found.arms] == [0, 0]
    assert found.mismatch is not None
    assert found.mismatch > 0.001


def test_sessions_that_were_under_way_are_left_out(trial: Trial) -> None:
    """They change sides in the middle of a dialogue; one that has come back after a pause is like a new one."""
    early, back, new = SESSIONS[:3], SESSIONS[4:6], SESSIONS[6:9]
    late = trial.start._replace(effective_at=EPOCH + 4000 * SECOND)
    before = [*trial.said(*back), Pass(3990), *trial.said(*early, at=3990)]
    trial.play(*before, late, Pass(20), *trial.said(*early, *back, *new, at=4010))
    rows = trial.rows(Experiment(late))
    assert sorted(row.session for row in rows if row.under_way) == sorted(early)
    assert sorted(row.session for row in compared(rows, 100)) == sorted([*back, *new])


def test_the_first_sessions_are_compared_and_no_more_than_were_planned(trial: Trial) -> None:
    """Looking a day later changes nothing: who came later does not count."""
    trial.play(trial.start, Pass(20), *trial.said(*SESSIONS[:8], at=20), Pass(5), *trial.said(*SESSIONS[8:], at=25))
    rows = trial.rows()
    first = {s for s in SESSIONS[:8] if not s.startswith("会话-3")}
    assert {row.session for row in compared(rows, 5)} < first
    assert {row.session for row in compared(rows, len(first))} == first
    assert len(compared(rows, 1000)) == sum(not s.startswith("会话-3") for s in SESSIONS)


def test_turns_that_another_arm_made_are_contamination(trial: Trial) -> None:
    """A worker that does not know the experiment answers every session as it is live."""
    trial.play(Pass(20), *trial.said(at=20))
    control, candidate = trial.exposure().arms
    assert (control.contamination, candidate.contamination) == (0.0, 1.0)
    assert candidate.strayed_by == (("policy", candidate.turns),)


def test_a_control_that_has_the_candidates_policy_is_contamination_too(trial: Trial) -> None:
    """Somebody activated it for every session meanwhile: there is nothing left to compare."""
    trial.play(Pass(20), *trial.said(at=20), version="2")
    control, candidate = trial.exposure().arms
    assert (control.contamination, candidate.contamination) == (1.0, 0.0)


def test_an_experiment_without_a_message_has_no_figures(trial: Trial) -> None:
    """And no error; whether the arms are dealt as planned cannot be said yet."""
    found = trial.exposure()
    assert (found.sessions, found.mismatch, [a.contamination for a in found.arms]) == (0, None, [0.0, 0.0])

