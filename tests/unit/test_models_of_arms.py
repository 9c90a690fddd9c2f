"""Which model understands a message while an experiment holds."""

from __future__ import annotations

from processors.outcomes import Retry
from schemas.events import Event, Record
from streams.control import ControlFold
from streams.experiments import Experiments
from streams.models.active import ActiveModels
from streams.testing import (
    EPOCH,
    ScriptedIntents,
    ScriptedStore,
    a_message,
    a_model,
    a_policy,
    a_stop,
    an_arm,
    an_experiment,
)

SECOND = 1_000_000
SHIPPED = ScriptedIntents({}, "shipped@1#000000000000")
SESSIONS = [f"s-{n}" for n in range(40)]
TRIED = a_model("7")


class Process:
    """A process that has read these; its time stands still."""

    def __init__(self, *events: Event, now: int = EPOCH, stored: bool = True) -> None:
        self.control = ControlFold()
        self.store: ScriptedStore[ScriptedIntents] = ScriptedStore()
        self.active = ActiveModels("intent", self.control, SHIPPED, self.store.load, lambda: now, lambda: 0.0)
        for offset, event in enumerate(events):
            self.control.take(Record("chat.control", 0, offset, EPOCH, event))
        if stored:
            for model in (TRIED, a_model("2"), a_model("3")):
                self.store.models[model.location] = ScriptedIntents({}, model.fingerprint)

    def versions(self, *at: int, tenant: str = "shop") -> list[str]:
        """Of each session's message at each of these log times: the version that understands it."""
        messages = [a_message(tenant=tenant, session=session) for session in SESSIONS]
        found = self.active.models([Record("chat.messages", 0, 0, t, m) for t in at for m in messages])
        assert not isinstance(found, Retry)
        return [m.fingerprint.partition("@")[2].partition("#")[0] for m in found]

    def arms(self) -> list[str]:
        """Each session's arm, by name."""
        experiments = Experiments.of(self.control)
        return [arm.name if (arm := experiments.arm("shop", s, EPOCH)) else "" for s in SESSIONS]


def test_sessions_of_an_arm_have_its_model_while_it_holds() -> None:
    """Within one batch too, and to the microsecond; the others have what is live."""
    process = Process(
        a_model("2"), an_experiment(an_arm(None, TRIED), effective_at=EPOCH), a_stop(effective_at=EPOCH + 5)
    )
    during = ["7" if arm == "candidate" else "2" for arm in process.arms()]
    assert set(during) == {"7", "2"}
    assert process.versions(EPOCH - 1, EPOCH, EPOCH + 4, EPOCH + 5) == ["2"] * 40 + during * 2 + ["2"] * 40
    assert process.versions(EPOCH, tenant="bank") == ["2"] * 40


def test_the_control_follows_what_is_activated_meanwhile() -> None:
    """The arm keeps its own."""
    process = Process(an_experiment(an_arm(None, TRIED), effective_at=EPOCH), a_model("3", effective_at=EPOCH + 5))
    arms = process.arms()
    assert process.versions(EPOCH, EPOCH + 5) == [
        "7" if arm == "candidate" else live for live in ("1", "3") for arm in arms
    ]


def test_an_arms_model_that_is_refused_leaves_what_is_live() -> None:
    """Its sessions are understood, and the status says which bundle is refused."""
    process = Process(a_model("2"), an_experiment(an_arm(None, TRIED)), stored=False)
    process.store.models[a_model("2").location] = ScriptedIntents({}, a_model("2").fingerprint)
    process.active.follow()
    assert process.versions(EPOCH) == ["2"] * 40
    status = process.active.status()
    assert [r["fingerprint"] for r in status["refused"]] == [TRIED.fingerprint]
    assert status["in_force"] == {"*": a_model("2").fingerprint, "shop/trial/candidate": a_model("2").fingerprint}


def test_an_arms_model_is_loaded_before_it_is_needed() -> None:
    """An experiment is announced ahead, as an activation is; one that is over or called off is not loaded."""
    start = an_experiment(an_arm(None, TRIED), effective_at=EPOCH + SECOND)
    for ended, loaded in (((), [TRIED.location]), ((a_stop(effective_at=EPOCH + SECOND),), [])):
        process = Process(start, *ended)
        process.active.follow()
        assert process.store.asked == loaded
    over = Process(start, a_stop(effective_at=EPOCH + 2 * SECOND), now=EPOCH + 3 * SECOND)
    over.active.follow()
    assert over.store.asked == []


def test_the_status_shows_each_arm() -> None:
    """By tenant, experiment and arm."""
    process = Process(an_experiment(an_arm(None, TRIED)))
    process.active.follow()
    assert process.active.status()["in_force"] == {"*": SHIPPED.fingerprint, "shop/trial/candidate": TRIED.fingerprint}


def test_an_experiment_on_something_else_costs_and_changes_nothing() -> None:
    """One of policies alone, or of another task's models, is not even looked at."""
    process = Process(an_experiment(an_arm(a_policy(version="2"), a_model("9", task="sentiment"))))
    assert process.versions(EPOCH) == ["1"] * 40
    assert process.store.asked == []
