"""Which experiment holds when, what its arms change, and what is refused."""

from __future__ import annotations

import logging
import re

import pytest

from schemas.events import Event, ExperimentArm, ExperimentChanged, Record
from schemas.validation import wrong_experiment
from streams.control import ControlFold
from streams.experiments import Arm, Experiments
from streams.testing import EPOCH, a_model, a_policy, a_stop, an_arm, an_experiment

SECOND = 1_000_000
ARM = an_arm(a_policy(version="2"))
SESSIONS = [f"s-{n}" for n in range(200)]


def experiments(*events: Event) -> Experiments:
    """What a process knows that has read these."""
    control = ControlFold()
    for offset, event in enumerate(events):
        control.take(Record("chat.control", 0, offset, EPOCH, event))
    return Experiments.of(control)


def holding(found: Experiments, *at: float, tenant: str = "shop") -> list[str | None]:
    """The names of the experiments that hold so many seconds after EPOCH."""
    running = [found.in_force(tenant, EPOCH + int(t * SECOND)) for t in at]
    return [e.name if e is not None else None for e in running]


def test_an_experiment_holds_from_its_start_until_its_stop() -> None:
    """By log time, to the microsecond."""
    found = experiments(
        an_experiment(ARM, effective_at=EPOCH + 5 * SECOND), a_stop(effective_at=EPOCH + 9 * SECOND)
    )
    assert holding(found, 4.999999, 5, 8.999999, 9) == [None, "trial", "trial", None]
    assert holding(found, 6, tenant="bank") == [None]


def test_a_later_start_ends_the_one_before() -> None:
    """A tenant has one experiment at a time, whatever the commands let through."""
    found = experiments(
        an_experiment(ARM, name="one", effective_at=EPOCH),
        an_experiment(ARM, name="two", effective_at=EPOCH + 5 * SECOND),
        a_stop("one", effective_at=EPOCH + 6 * SECOND),
        a_stop("two", effective_at=EPOCH + 9 * SECOND),
    )
    assert holding(found, 0, 5, 7, 9) == ["one", "two", "two", None]


def test_a_stop_at_the_start_is_an_experiment_that_never_held() -> None:
    """One that was planned can be called off."""
    at = EPOCH + 5 * SECOND
    assert holding(experiments(an_experiment(ARM, effective_at=at), a_stop(effective_at=at)), 4, 5, 6) == [None] * 3


def test_a_stop_of_something_else_stops_nothing() -> None:
    """Neither does a stop of what never started."""
    found = experiments(a_stop("trial"), an_experiment(ARM, effective_at=EPOCH), a_stop("other", effective_at=EPOCH))
    assert holding(found, 1) == ["trial"]


def test_every_session_has_one_arm_for_ever() -> None:
    """The same in every process, and for every message of the experiment; each arm gets about its share."""
    one, two = (experiments(an_experiment(ARM, effective_at=EPOCH)) for _ in range(2))
    arms = [_arm(one, session).name for session in SESSIONS]
    assert arms == [_arm(two, session, at=EPOCH + 10**12).name for session in SESSIONS]
    assert 70 < arms.count("candidate") < 130


def test_excluded_sessions_have_what_the_control_has() -> None:
    """They are not compared either."""
    (experiment,) = experiments(an_experiment(ARM, effective_at=EPOCH, excluded=["s-1*"]))
    excluded = [s for s in SESSIONS if not experiment.takes_part(s)]
    assert excluded == [s for s in SESSIONS if s.startswith("s-1")]
    assert {experiment.arm(s).name for s in excluded} == {"control"}


def test_several_arms_have_their_weights() -> None:
    """An experiment may compare more than two."""
    arms = (an_arm(a_policy(version=v), name=f"v{v}", weight=float(v)) for v in "234")
    (experiment,) = experiments(an_experiment(*arms, control=1.0))
    names = [experiment.arm(f"s-{n}").name for n in range(5000)]
    shares = {name: round(names.count(name) / 5000, 1) for name in ("control", "v2", "v3", "v4")}
    assert shares == {"control": 0.1, "v2": 0.2, "v3": 0.3, "v4": 0.4}


def test_an_arm_says_what_it_changes() -> None:
    """As the events that would do the same for every session; what it does not name stays as it is live."""
    model = a_model("7")
    (experiment,) = experiments(an_experiment(an_arm(a_policy(version="2"), model), effective_at=EPOCH))
    control, arm = experiment.arms
    assert (control.policy, dict(control.models)) == (None, {})
    assert arm.policy is not None
    assert (arm.policy.policy_fingerprint, arm.policy.effective_at) == ("shop@2#test", EPOCH)
    assert (arm.models["intent"].fingerprint, arm.models["intent"].location) == (model.fingerprint, model.location)
    assert "sentiment" not in arm.models


WRONG: dict[str, tuple[ExperimentChanged, str]] = {
    "tenant": (an_experiment(ARM, tenant="No One"), "is no tenant's name"),
    "name": (an_experiment(ARM, name="Not so"), "name 'Not so' is not 1 to 40"),
    "status": (an_experiment(ARM)._replace(status="paused"), "neither started nor stopped"),
    "salt": (an_experiment(ARM)._replace(salt=""), "salt is empty"),
    "sessions": (an_experiment(ARM, sessions=0), "plan at least one"),
    "excluded": (an_experiment(ARM, excluded=["ok", "*"]), r"excluded\[1\] '\*'"),
    "no arm": (an_experiment(), "one more at least"),
    "no control": (an_experiment(ARM)._replace(arms=(ARM, ARM)), "the first is control"),
    "two of a name": (an_experiment(ARM, ARM), "a name of its own"),
    "weight": (an_experiment(ARM, control=0.0), "weight of arm control is 0.0"),
    "nan": (an_experiment(ARM, control=float("nan")), "weight of arm control is nan"),
    "nothing changed": (an_experiment(an_arm()), "changes nothing"),
    "half a policy": (an_experiment(ExperimentArm("b", 1.0, "tenant: shop")), "go together"),
    "a model twice": (an_experiment(an_arm(None, a_model("1"), a_model("2"))), "two models are for one task"),
    "a model of no task": (an_experiment(an_arm(None, a_model(task="poetry"))), "none of intent, sentiment"),
    "a model's folder": (an_experiment(an_arm(None, a_model()._replace(location="/etc"))), "is not name/hash"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_makes_no_sense_is_passed_over_and_said(wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    """The commands refuse it by the same check; one that comes another way changes nothing."""
    event, why = WRONG[wrong]
    with caplog.at_level(logging.ERROR):
        assert not experiments(event)
    assert wrong_experiment(event) is not None
    (message,) = [record.getMessage() for record in caplog.records]
    assert re.search(why, message), message


def _arm(found: Experiments, session: str, at: int = EPOCH) -> Arm:
    arm = found.arm("shop", session, at)
    assert arm is not None
    return arm
