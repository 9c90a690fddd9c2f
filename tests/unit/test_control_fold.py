"""The control log's fold: policies in their order, halted stages, and repeats."""

from __future__ import annotations

from schemas.catalogue import CONTROL
from schemas.events import Event, MadeBy, Meta, PolicyActivated, Record, StageHalted, StageResumed
from streams.control import ControlFold
from streams.testing import a_model, a_withdrawal


def meta(id_: str, tenant: str = "") -> Meta:
    return Meta(id_, tenant, "", None, None, "live", None, 0, None, MadeBy("operators", "x"))


def policy(id_: str, effective_at: int, tenant: str = "shop", text: str = "") -> PolicyActivated:
    return PolicyActivated(meta(id_, tenant), text or id_, f"policy@{id_}", (), "knowledge@1", effective_at)


def fold(*events: Event) -> ControlFold:
    control = ControlFold()
    for offset, event in enumerate(events):
        control.take(Record(CONTROL, 0, offset, 0, event))
    return control


def test_policies_come_in_the_order_in_which_they_take_effect() -> None:
    """Not in that of the log; of equal times the later offset is last, so that it wins."""
    control = fold(policy("late", 300), policy("early", 100), policy("same", 300))
    assert [p.meta.event_id for p in control.policies("shop")] == ["early", "late", "same"]


def test_of_one_activation_the_first_wins() -> None:
    """The same id again with another text changes nothing, the version included."""
    control = fold(policy("one", 1, text="first"))
    version = control.version
    control.take(Record(CONTROL, 0, 9, 0, policy("one", 1, text="second")))
    assert [p.policy for p in control.policies("shop")] == ["first"]
    assert control.version == version


def test_tenants_do_not_see_each_other() -> None:
    """A tenant without an activation has none."""
    control = fold(policy("one", 1), policy("two", 1, tenant="bank"))
    assert set(control.tenants()) == {"shop", "bank"}
    assert [p.meta.event_id for p in control.policies("bank")] == ["two"]
    assert control.policies("nobody") == ()


def test_models_come_by_task_and_tenant_in_the_order_in_which_they_take_effect() -> None:
    """Those for every tenant and those for one are apart; withdrawals are among them; repeats change nothing."""
    second, first = a_model("2", effective_at=200), a_model("1", effective_at=100)
    own, other = a_model("3", tenant="bank", effective_at=50), a_model("1", task="sentiment")
    end = a_withdrawal(effective_at=300)
    control = fold(second, first, own, end, other, first)
    assert control.models("intent") == (first, second, end)
    assert control.models("intent", "bank") == (own,)
    assert control.models("sentiment") == (other,)
    assert (control.model_tenants("intent"), control.model_tenants("sentiment")) == (("bank",), ())
    assert control.version == 5
    assert control.tenants() == ()


def test_a_stage_is_halted_until_it_is_resumed_and_may_halt_again() -> None:
    """Each halt and resumption counts once, in the order of the log."""
    control = fold(StageHalted(meta("h1"), "routing", "too many"))
    assert control.halted("routing") is not None
    assert control.halted("reply") is None
    control.take(Record(CONTROL, 0, 1, 0, StageResumed(meta("r1"), "routing")))
    assert control.halted("routing") is None
    control.take(Record(CONTROL, 0, 2, 0, StageHalted(meta("h2"), "routing", "again")))
    halted = control.halted("routing")
    assert halted is not None
    assert halted.reason == "again"


def test_the_version_grows_with_every_change() -> None:
    """Those who compile policies look at the version alone."""
    versions = [fold(policy("a", 1)).version, fold(policy("a", 1), policy("b", 2)).version]
    assert versions == sorted(set(versions))
