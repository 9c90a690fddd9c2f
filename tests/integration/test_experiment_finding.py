"""What an experiment has come to, and when there is no verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5

import pytest

from infra.experiments.finding import Finding, find_out
from infra.experiments.foresight import foreseen
from infra.experiments.gate import gate_in
from infra.experiments.planning import Plan
from infra.experiments.showing import shown
from projections import analytics
from projections.analytics.schema import client_of
from projections.analytics.store import Store
from projections.reading import Entry
from schemas.catalogue import MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.events import Event, ExperimentChanged
from streams.experiments import Experiment, Experiments
from streams.testing import (
    EPOCH,
    SMALL_POLICY,
    Conversations,
    Item,
    Pass,
    a_message,
    a_policy,
    a_stop,
    an_arm,
    an_experiment,
)

pytestmark = pytest.mark.clickhouse
SECOND = 1_000_000
LATER = EPOCH + 1000 * SECOND
SESSIONS = [f"会话-{n}" for n in range(160)]
HANDS_OFF = SMALL_POLICY.replace("order_query: {{", "order_query: {{handoff: {{always: true}}, ")
GATE = "name: trial\ngate: {handoff_rate: no worse than 2 points}\n"


@dataclass
class Facts:
    """A ClickHouse with tables, and a tenant of the test's own."""

    url: str
    tenant: str

    def trial(self, text: str = HANDS_OFF, sessions: int = 120) -> ExperimentChanged:
        """An experiment whose candidate has this policy."""
        arm = an_arm(a_policy(self.tenant, "2", text))
        return an_experiment(arm, tenant=self.tenant, effective_at=EPOCH, sessions=sessions)._replace(candidate=GATE)

    def said(self, sessions: Sequence[str], at: int = EPOCH) -> list[Event]:
        """Two messages of each session."""
        return [a_message(tenant=self.tenant, session=s, at=at) for _ in range(2) for s in sessions]

    def found(self, *script: Item, now: int = LATER, unknown: Sequence[Event] = ()) -> Finding:
        """What is found of the experiment in a script. unknown: what the stages have not heard of."""
        talk = Conversations(policies=[a_policy(self.tenant)])
        talk.play(script)
        records = [r for topic in (MESSAGES, SIGNALS, ROUTES, REPLIES) for r in talk.bus.records(topic)]
        with Store(self.url) as store:
            store.write([Entry(*r[:4], "decoded", "", b"", r) for r in records], now=0)
        for event in unknown:
            talk.bus.append(event)
        talk.pipeline.step()
        (experiment,) = Experiments.of(talk.control)
        with client_of(self.url) as client:
            return find_out(client, experiment, talk.control, now)


@pytest.fixture
def facts(clickhouse: str, request: pytest.FixtureRequest) -> Facts:
    """With tables. The tenant follows from the test's name, so that sessions are always dealt the same way."""
    analytics.migrate(clickhouse)
    return Facts(clickhouse, f"t{md5(request.node.name.encode()).hexdigest()[:12]}")


def test_effects_are_withheld_before_the_planned_sessions_have_come(facts: Facts) -> None:
    """However clear they are; the exposure is shown."""
    found = facts.found(facts.trial(), Pass(1), *facts.said(SESSIONS[:80]))
    assert (found.verdict, found.comparisons, found.reached) == ("not_enough_evidence", {}, 80)
    assert "80 of the 120 sessions planned have come" in found.sentence
    assert "Turns handed" not in shown(found)
    assert found.to_json()["withheld"] is True


def test_of_more_sessions_the_planned_ones_are_compared(facts: Facts) -> None:
    """The first that came; and what is worse is called worse."""
    found = facts.found(facts.trial(), Pass(1), *facts.said(SESSIONS))
    (comparison,) = found.comparisons.values()
    assert (found.verdict, found.reached) == ("worse", 120)
    assert comparison.a.sessions + comparison.b.sessions == 120
    effect = comparison.effect("handled_automatically")
    assert effect is not None
    assert (effect.a, effect.b) == (1.0, 0.0)


def test_an_experiment_that_was_stopped_early_has_effects_and_no_verdict(facts: Facts) -> None:
    """That it was stopped may have had to do with them."""
    stop = a_stop(tenant=facts.tenant, effective_at=EPOCH + 500 * SECOND)
    found = facts.found(facts.trial(), Pass(1), *facts.said(SESSIONS[:80]), stop)
    assert (found.state, found.verdict) == ("stopped", "not_enough_evidence")
    assert "stopped after 80 of the 120" in found.sentence
    assert list(found.comparisons) == ["candidate"]
    assert "Turns handed to a human" in shown(found)


def test_arms_that_are_not_what_they_are_called_have_no_verdict(facts: Facts) -> None:
    """Here no worker knows the experiment, so that every session has what is live."""
    found = facts.found(*facts.said(SESSIONS), unknown=[facts.trial()])
    assert found.verdict == "not_enough_evidence"
    assert "100.0 % of the turns of candidate were made by what is not its own (policy of" in found.sentence


def test_arms_that_are_not_dealt_as_planned_have_no_verdict(facts: Facts) -> None:
    """Something loses sessions of one arm: whatever is left of it is not what it was."""
    experiment = Experiment(facts.trial())
    kept = [s for n, s in enumerate(SESSIONS) if experiment.arm(s).name == "candidate" or n % 4 == 0]
    found = facts.found(facts.trial(sessions=50), Pass(1), *facts.said(kept))
    assert found.verdict == "not_enough_evidence"
    assert "the sessions are not dealt as planned" in found.sentence


def test_what_comes_after_the_planned_sessions_does_not_matter(facts: Facts) -> None:
    """A winner that is activated for everyone before the stop makes later turns alike; the verdict stays."""
    winner = a_policy(facts.tenant, "2", HANDS_OFF, effective_at=EPOCH + 50 * SECOND)
    script = [facts.trial(sessions=80), Pass(1), *facts.said(SESSIONS[:80]), winner, Pass(60)]
    found = facts.found(*script, *facts.said(SESSIONS[80:], EPOCH + 61 * SECOND))
    assert (found.verdict, found.reached) == ("worse", 80)
    assert [w for w in found.warnings if "of the turns of control were made" in w]


def test_what_was_activated_meanwhile_is_said(facts: Facts) -> None:
    """The control has it from then on; the arm keeps its own policy."""
    other = a_policy(facts.tenant, "3", effective_at=EPOCH + 500 * SECOND)
    found = facts.found(facts.trial(SMALL_POLICY, 10), Pass(1), *facts.said(SESSIONS[:10]), other)
    assert [w for w in found.warnings if f"{facts.tenant}@3#test" in w]


def test_before_anything_has_come_there_is_nothing_to_compare(facts: Facts) -> None:
    """An experiment that is planned, or called off, is shown all the same."""
    planned = facts.trial()._replace(effective_at=LATER + SECOND)
    assert facts.found(planned).state == "planned"
    off = facts.found(planned, a_stop(tenant=facts.tenant, effective_at=planned.effective_at))
    assert (off.state, off.reached, off.verdict) == ("called off", 0, "not_enough_evidence")


def test_a_start_says_what_so_many_sessions_would_show(facts: Facts) -> None:
    """By the conversations of late; arms of unequal shares show less, and without conversations nothing is said."""
    plan = Plan("next", facts.tenant, 50.0, 1000)
    with client_of(facts.url) as client:
        assert list(foreseen(client, plan, gate_in(GATE), LATER)) == []
        facts.found(facts.trial(), Pass(1), *facts.said(SESSIONS[:80]))
        said = [list(foreseen(client, plan._replace(share=s), gate_in(GATE), LATER)) for s in (50.0, 10.0)]
    points = [re.match(r"turns handed to a human: a difference of (\S+) points would be seen", s) for (s,) in said]
    halves, tenth = (float(found[1]) for found in points if found is not None)
    assert 0 < halves < tenth
