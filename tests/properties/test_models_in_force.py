"""Whatever is activated, in whatever order it is asked for: each message gets the model that the rules name."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.outcomes import Retry
from schemas.events import ModelActivated, Record
from streams.control import ControlFold
from streams.models.active import ActiveModels
from streams.testing import EPOCH, ScriptedIntents, ScriptedStore, a_message, a_model, a_withdrawal

SHIPPED = ScriptedIntents({}, "shipped@0#000000000000")
TENANTS = ("", "bank", "shop")
TIMES = st.integers(0, 12)
ACTIVATED = st.one_of(
    st.builds(
        lambda version, tenant, at: a_model(version, tenant, EPOCH + at),
        st.sampled_from("123456"),
        st.sampled_from(TENANTS),
        TIMES,
    ),
    st.builds(lambda tenant, at: a_withdrawal(tenant, EPOCH + at), st.sampled_from(TENANTS), TIMES),
)
ASKED = st.lists(st.tuples(st.sampled_from(("bank", "shop", "nobody")), TIMES), min_size=1, max_size=8)


def expected(log: list[ModelActivated], refused: set[str], tenant: str, at: int) -> str:
    """The rules, word by word: the tenant's own before that of all, the latest first, down to what was withdrawn."""
    for whose in (tenant, ""):
        mine = [a for a in dict.fromkeys(log) if a.meta.tenant_id == whose and a.effective_at <= EPOCH + at]
        for activated in sorted(mine, key=lambda a: a.effective_at)[::-1]:
            if not activated.fingerprint:
                break
            if activated.version not in refused:
                return activated.fingerprint
    return SHIPPED.fingerprint


@settings(deadline=None, max_examples=300)
@given(
    log=st.lists(ACTIVATED, max_size=12),
    refused=st.sets(st.sampled_from("123456"), max_size=3),
    batches=st.lists(ASKED, min_size=1, max_size=6),
    split=st.integers(0, 12),
    now=TIMES,
)
def test_each_message_gets_the_model_that_the_rules_name(
    log: list[ModelActivated], refused: set[str], batches: list[list[tuple[str, int]]], split: int, now: int
) -> None:
    """Also when versions are forgotten and loaded again between the batches, and when more is activated meanwhile."""
    control, store = ControlFold(), ScriptedStore[ScriptedIntents]()
    for activated in log:
        if activated.fingerprint and activated.version not in refused:
            store.models[activated.location] = ScriptedIntents({}, activated.fingerprint)
    active = ActiveModels("intent", control, SHIPPED, store.load, wall=lambda: EPOCH + now, clock=lambda: 0.0)
    for part in (range(min(split, len(log))), range(min(split, len(log)), len(log))):
        for offset in part:
            control.take(Record("chat.control", 0, offset, EPOCH, log[offset]))
        known = log[: part.stop]
        for batch in batches:
            records = [Record("chat.messages", 0, 0, EPOCH + at, a_message(tenant=tenant)) for tenant, at in batch]
            found = active.models(records)
            assert not isinstance(found, Retry)
            assert [m.fingerprint for m in found] == [expected(known, refused, tenant, at) for tenant, at in batch]
            active.follow()
