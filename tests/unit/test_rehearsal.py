"""A rehearsal: whose traffic, as whose double, and what follows from its rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from infra.benches.capacity import capacity
from infra.benches.driving import Driven
from infra.benches.fitting import Point
from infra.benches.frame import BenchError, as_json
from infra.benches.machine import Machine
from infra.benches.queueing import Batching, Cores, Costs, Load, Model, Waits
from infra.benches.recorded_stretch import Traffic, by_tenant
from infra.benches.rehearsal_tenant import double, double_of
from infra.benches.rehearse import Plan, Rehearsed, begun, concluded
from infra.benches.rehearse_page import shown
from infra.demo import TENANTS
from infra.tenants import activation, load_tenant
from processors.policy import Policy, Tenant, rules_of
from schemas.events import MessageReceived, PolicyActivated
from streams.channels.compose import Sender, message

SECOND = 1_000_000
TRUE = Model(
    {"worker": Costs(0.02, 500e-6, 5e-4), "kafka": Costs(0.02, 150e-6, 2e-4), "analytics": Costs(0.01, 100e-6)},
    Cores(4, 1.0),
    Batching(100.0),
    {"worker": 1.0, "analytics": 1.0},
    Waits(25.0, 70.0, 3.0),
)
MACHINE = Machine(4, 1.0, "Some CPU", 16.0, None, 0.1, "3.11")


def said(tenant: str, session: str, text: str, at: int) -> tuple[int, MessageReceived]:
    """A message and its log time."""
    return at, message(Sender(tenant, session), text, f"{session}/{at}", at)


def activated(name: str) -> PolicyActivated:
    """The policy of a tenant of the demonstration, in force."""
    tenant = load_tenant(TENANTS / name)
    assert isinstance(tenant, Tenant)
    return activation(tenant, 0, 0)


def test_the_stretch_is_told_by_tenant_with_one_clock() -> None:
    """Sessions become conversations; times are seconds from the first message of all; a repeat counts once."""
    first = said("shop", "a", "hello", 5 * SECOND)
    found = by_tenant(
        [
            said("bank", "x", "my card", 7 * SECOND),
            first,
            (6 * SECOND, first[1]),
            said("shop", "b", "hi", 6 * SECOND),
            said("shop", "a", "where is it", 8 * SECOND),
        ]
    )
    assert [(each.tenant, each.times) for each in found] == [("shop", (0.0, 1.0, 3.0)), ("bank", (2.0,))]
    assert [[turn.text for turn in talk.turns] for talk in found[0].talks] == [["hello", "where is it"], ["hi"]]


def test_tenants_beyond_the_largest_lend_their_arrivals() -> None:
    """The arrival curve stays whole: what small tenants' customers sent comes as the largest one's."""
    many = [said("shop", f"s{n}", "hello", n * SECOND) for n in range(4)]
    for tenant in ("one", "two"):
        many += [said(tenant, "s", "hello", n * SECOND) for n in (1, 2)]
    many += [said("tiny", "t", "hello", 9 * SECOND)]
    found = by_tenant(many)
    assert [each.tenant for each in found] == ["shop", "one", "two"]
    assert found[0].times == (0.0, 1.0, 2.0, 3.0, 9.0)


@pytest.mark.parametrize("name", ["shop", "bank"])
def test_a_double_speaks_to_nobody(name: str) -> None:
    """It is another tenant, with a policy that is accepted, by which no model answers and nobody is handed over."""
    event = double(activated(name), 10, 5)
    rules = rules_of(event)
    assert not isinstance(rules, tuple)
    policy: Policy = rules.policy
    assert event.meta.tenant_id == policy.tenant == f"rehearsal-{name}"
    assert not any(scenario.generates for scenario in policy.scenarios.values())
    assert "human_handoff" not in policy.scenarios
    assert (policy.handoff.anger, policy.handoff.low_confidence, policy.handoff.failures) == (1.0, 100, 100)
    assert all(scenario.handoff.intents == () for scenario in policy.scenarios.values())
    assert event.articles == activated(name).articles


def test_a_double_keeps_what_is_said_and_when() -> None:
    """Templates, deadlines and scenarios stay those of the tenant."""
    before, after = (yaml.safe_load(e.policy) for e in (activated("shop"), double(activated("shop"), 0, 0)))
    assert after["templates"] == before["templates"]
    assert after["channels"] == before["channels"]
    assert after["scenarios"].keys() == before["scenarios"].keys() - {"human_handoff"}


def test_a_name_that_is_too_long_for_a_double_is_refused() -> None:
    """A tenant's name has 64 characters at most."""
    assert double_of("shop") == "rehearsal-shop"
    with pytest.raises(BenchError, match="longer than the 64"):
        double_of("x" * 60)


@pytest.mark.parametrize("factors", [(2.0, 4.0), (4.0, 2.0, 8.0), (2.0, 2.0, 8.0), (-1.0, 2.0, 4.0)])
def test_factors_that_foretell_nothing_are_refused(factors: tuple[float, ...]) -> None:
    """Two to fit by and a higher one to foretell are the least."""
    with pytest.raises(BenchError, match="three or more rising numbers"):
        Plan(factors).check([Traffic("shop", (), (0.0, 10.0))])


def test_a_stretch_that_takes_too_long_is_refused() -> None:
    """The message says how long it would take, and what to change."""
    with pytest.raises(BenchError, match=r"still 1,800 s.*--most-seconds"):
        Plan().check([Traffic("shop", (), (0.0, 3600.0))])


def test_a_warm_up_is_the_beginning_of_the_stretch() -> None:
    """So many seconds of each tenant, and at least a message."""
    found = begun([Traffic("a", (), (0.0, 1.0, 9.0)), Traffic("b", (), (5.0, 6.0))], 2.0)
    assert [each.times for each in found] == [(0.0, 1.0), (5.0,)]


def driven(factor: float, rate: float, model: Model = TRUE) -> Driven:
    """A round of an installation with these costs, without noise."""
    load = Load(rate)
    used, late = model.use(load), model.latency(load)
    answered = not used.too_much
    total = sum(used.cores.values())
    return Driven(
        factor,
        rate,
        rate * 1.2,
        30.0,
        round(rate * 30),
        late.p50_ms if answered else None,
        late.p99_ms if answered else None,
        late.p99_ms if answered else None,
        used.cores,
        total * 1e6 / rate,
        used.busy,
        0.0,
        1.0,
        0 if answered else 5,
        0,
        0,
        {"template": 1},
    )


def concluded_of(rates: tuple[float, ...], target: float = 3900.0) -> Rehearsed:
    """The conclusion of rounds at these rates."""
    plan = Plan(target=target)
    rest = Point(Load(0.0), TRUE.use(Load(0.0)).cores, busy=TRUE.use(Load(0.0)).busy)
    rounds = [driven(factor, rate) for factor, rate in zip(plan.factors, rates, strict=True)]
    return concluded(plan, rest, rounds, {"shop": "rehearsal-shop"}, MACHINE, "nothing")


def test_the_highest_factor_is_foretold_from_the_lower_ones() -> None:
    """An installation whose costs are of the model's kind is foretold within the goal, and held as foretold."""
    found = concluded_of((200.0, 400.0, 800.0))
    assert found.within_goal
    assert found.held_as_foretold
    assert found.held == {"2": True, "4": True, "8": True}
    assert found.cores_error == pytest.approx(0, abs=0.05)


def test_the_verdict_names_workers_rate_and_limit() -> None:
    """Where workers are what limits, more of them are counted; the sentence says how many and what comes first then."""
    found = concluded_of((200.0, 400.0, 800.0), target=2500.0)
    assert found.capacity.enough
    assert found.verdict == (
        f"holds 2,500/s with {found.capacity.workers} workers; first limit: {found.capacity.first_limit}, at "
        f"{found.capacity.by_limit[min(found.capacity.by_limit, key=lambda k: found.capacity.by_limit[k])]:,.0f}/s"
    )
    assert found.capacity.workers > 1


def test_a_target_that_is_out_of_reach_is_denied_with_the_reason() -> None:
    """It says what is held instead, what limits, and how many processors would do it."""
    short = capacity(TRUE, Load(0.0), 6000.0, 500.0)
    assert not short.enough
    assert "not 6,000/s" in short.sentence
    assert short.cores_needed is not None
    more = replace(TRUE, cores=replace(TRUE.cores, count=short.cores_needed))
    assert capacity(more, Load(0.0), 6000.0, 500.0).enough


def test_what_more_processors_do_not_mend_is_said() -> None:
    """A part that is one process holds no more on any number of cores."""
    found = capacity(TRUE, Load(0.0), 50_000.0, 500.0)
    assert found.cores_needed is None
    assert found.sentence.endswith("more processors alone would not hold it")


def test_a_round_that_is_not_held_is_told_so() -> None:
    """Unanswered turns have no p99, so there is no error of it to tell, and no goal is claimed."""
    found = concluded_of((400.0, 1500.0, 3000.0))
    assert not found.held["8"]
    assert found.measured_p99_ms is None
    assert found.p99_error is None
    assert not found.within_goal
    text = shown(found)
    assert "no: 5 turns were not answered" in text
    assert as_json(found)
    assert found.verdict in found.page()
