"""Whatever a turn asks and models offer, the ladder's choice can be kept, and everything above it is accounted for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.ladder import GENERATING, REASONS, Ask, Breaker, Offer, Rules, Speed, Wait, choose
from schemas.events import RUNGS

BREAKERS: st.SearchStrategy[Breaker] = st.sampled_from(["closed", "probing", "open"])
SECONDS = st.floats(0, 20)
OFFERS = st.builds(
    Offer,
    st.sampled_from(GENERATING),
    st.sampled_from(["a", "b"]),
    st.builds(Speed, SECONDS, st.floats(0, 1)),
    st.integers(0, 4096),
    BREAKERS,
    st.booleans(),
    st.builds(Wait, SECONDS, st.sampled_from(["queue", "tenant_share"])),
    st.floats(0, 6),
    st.sampled_from([frozenset[str](), frozenset({"shop"}), frozenset({"bank"})]),
)
ASKS = st.builds(
    Ask,
    st.just("shop"),
    st.permutations(RUNGS).flatmap(lambda rungs: st.integers(0, 7).map(lambda n: tuple(rungs[:n]))),
    st.integers(0, 4000),
    st.integers(1, 400),
    st.integers(1, 500),
    st.floats(-5, 30),
    st.integers(0, 5),
)
RULES = st.builds(Rules, st.floats(0, 2), st.integers(1, 50), st.floats(0, 1))


@given(ASKS, st.lists(OFFERS, max_size=4), RULES)
def test_the_choice_can_be_kept(ask: Ask, offers: list[Offer], rules: Rules) -> None:
    """It is allowed, ready, within the context and in time; each generating rung above it has one reason."""
    run, passed = choose(ask, offers, rules)
    wanted = [rung for rung in ask.rungs if rung in GENERATING]
    assert [p.rung for p in passed] == wanted[: len(passed)]
    assert {p.reason for p in passed} <= set(REASONS)
    if run is None:
        assert len(passed) == len(wanted)
        return
    assert run.rung == wanted[len(passed)]
    kept = [o for o in offers if (o.rung, o.model) == (run.rung, run.model) and _keeps(ask, o, rules, run.tokens)]
    assert kept
    assert run.start_by >= -1e-6


def _keeps(ask: Ask, offer: Offer, rules: Rules, tokens: int) -> bool:
    time = offer.wait.seconds + offer.speed.seconds(tokens)
    return (
        offer.ready
        and offer.breaker != "open"
        and (not offer.tenants or ask.tenant in offer.tenants)
        and 1 <= tokens <= min(ask.most, offer.context - ask.prompt)
        and time <= ask.remaining - rules.reserve + 1e-6
    )


@given(ASKS, OFFERS, RULES, st.floats(0, 10))
def test_more_time_never_costs_a_rung(ask: Ask, offer: Offer, rules: Rules, more: float) -> None:
    """A turn that a model can make it can also make with a later deadline, in no fewer tokens."""
    now = choose(ask, [offer], rules).run
    later = choose(ask._replace(remaining=ask.remaining + more), [offer], rules).run
    assert now is None or (later is not None and later.tokens >= now.tokens)
