"""Conversations in a log in which an experiment holds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.catalogue import SIGNALS
from schemas.codec import Codec
from schemas.events import ExperimentChanged, IntentDetected
from streams.experiments import Experiment
from streams.models.active import ActiveModels
from streams.replay.engine import Mode, replay_partition
from streams.testing import (
    EPOCH,
    INTENTS,
    SMALL_POLICY,
    Conversations,
    Crash,
    Item,
    Pass,
    Restart,
    ScriptedIntents,
    ScriptedStore,
    a_message,
    a_model,
    a_policy,
    a_stop,
    an_arm,
    an_experiment,
)
from streams.testing.stretches import a_cast, a_stretch
from streams.understanding import IntentStage

SECOND = 1_000_000
TEXT = "where is my order?"
SESSIONS = [f"会话-{n}" for n in range(20)]
BETTER = SMALL_POLICY.replace("Here is your order.", "Here is your order, at once.")
TRIED = a_model("7")
SHIPPED = ScriptedIntents(INTENTS, "shipped@1#000000000000")
START = an_experiment(an_arm(a_policy(version="2", text=BETTER), TRIED), effective_at=EPOCH + SECOND)
STOP = a_stop(effective_at=EPOCH + 60 * SECOND)


def conversations() -> Conversations:
    """A pipeline whose intent stage follows the control log, over a log of bytes."""
    talk = Conversations(codec=Codec())
    store: ScriptedStore[ScriptedIntents] = ScriptedStore()
    store.models[TRIED.location] = ScriptedIntents(INTENTS, TRIED.fingerprint)
    models = ActiveModels("intent", talk.control, SHIPPED, store.load, talk.clock.now, lambda: 0.0)
    talk.pipeline.runners["intent"].stage = IntentStage(models)
    return talk


def said(offset: int, sessions: Sequence[str] = SESSIONS) -> list[Item]:
    """One message of each session. `offset`: makes their ids."""
    return [a_message(TEXT, session=s, id_=f"{s}-{offset}", at=EPOCH) for s in sessions]


def arms(started: ExperimentChanged = START) -> dict[str, str]:
    """Each session's arm, by its name."""
    experiment = Experiment(started)
    return {session: experiment.arm(session).name for session in SESSIONS}


def intents(talk: Conversations) -> dict[str, list[str]]:
    """By session: the versions of the models that understood its messages, in order, repeats left out."""
    found: dict[str, dict[str, str]] = {}
    for record in talk.bus.records(SIGNALS):
        if isinstance(event := record.event, IntentDetected):
            version = event.meta.made_by.fingerprint.partition("#")[0]
            found.setdefault(event.meta.session_id, {}).setdefault(event.meta.event_id, version)
    return {session: list(versions.values()) for session, versions in found.items()}


def test_both_arms_lie_in_one_log_and_each_event_says_what_made_it() -> None:
    """Before the start and after the stop there is no difference; in between each session has its arm throughout."""
    talk = conversations()
    script = [*said(1), START, Pass(2), *said(2), *said(3), STOP, Pass(60), *said(4)]
    talk.play(script)
    chosen = arms()
    assert set(chosen.values()) == {"control", "candidate"}
    for session, arm in chosen.items():
        tried = arm == "candidate"
        during = "shop@2#test" if tried else "shop@1#test"
        policies = ["shop@1#test", during, during, "shop@1#test"]
        assert [route.policy for route in talk.routes(session)] == policies
        assert [reply.policy for reply in talk.replies(session)] == policies
        assert [reply.text.endswith("at once.") for reply in talk.replies(session)] == [False, tried, tried, False]
        model = "model@7" if tried else "shipped@1"
        assert intents(talk)[session] == ["shipped@1", model, model, "shipped@1"]


@pytest.mark.parametrize("stage", ["intent", "routing", "reply"])
def test_redelivery_and_restarts_give_the_same_arm(stage: str) -> None:
    """Nobody remembers who is where: it follows from the log, so that work done twice has the same outcome."""
    calm, troubled = conversations(), conversations()
    calm.play([START, Pass(2), *said(1), *said(2)])
    crashes = [Crash(stage, "after_produce"), *said(1), Restart(stage), *said(1), Crash(stage, "before_produce")]
    troubled.play([START, Pass(2), *crashes, *said(2), Restart(stage)])
    assert _answers(troubled) == _answers(calm)
    assert intents(troubled) == intents(calm)
    assert len(_answers(calm)) == 2 * len(SESSIONS)


def test_excluded_sessions_stay_as_it_is_live() -> None:
    """Whatever their hash would say."""
    talk = conversations()
    talk.play([START._replace(excluded=("会话-1*",)), Pass(2), *said(1)])
    excluded = [s for s in SESSIONS if s.startswith("会话-1")]
    assert {route.policy for s in excluded for route in talk.routes(s)} == {"shop@1#test"}
    assert {version for s in excluded for version in intents(talk)[s]} == {"shipped@1"}
    assert "shop@2#test" in {route.policy for route in talk.routes()}


def test_messages_that_waited_have_what_held_when_the_log_took_them() -> None:
    """A backlog that is worked on after the stop is worked on as if there had been none."""
    waiting, prompt = conversations(), conversations()
    prompt.play([START, Pass(2), *said(1), STOP, Pass(60)])
    waiting.pipeline.held |= {"intent", "routing", "reply"}
    waiting.play([START, Pass(2), *said(1), STOP, Pass(60)], settle=False)
    waiting.pipeline.held.clear()
    waiting.pipeline.settle()
    assert [r[1:4] for r in _answers(waiting)] == [r[1:4] for r in _answers(prompt)]
    assert intents(waiting) == intents(prompt)


@pytest.mark.parametrize("mode", ["teacher-forced", "free-run"])
def test_a_replay_of_an_experiment_gives_every_session_its_arm_again(mode: Mode) -> None:
    """The same decisions, by the same versions, of every turn; both arms' models are run again."""
    talk = conversations()
    talk.play([*said(1), START, Pass(2), *said(2), *said(3), STOP, Pass(60), *said(4)])
    cast = a_cast(talk.bus, known=[("intent", SHIPPED), ("intent", ScriptedIntents(INTENTS, TRIED.fingerprint))])
    replays = [replay_partition(a_stretch(talk.bus, n), cast, mode, "again") for n in range(4)]
    turns = [turn for replay in replays for turn in replay.turns]
    assert len(turns) == 4 * len(SESSIONS)
    assert {turn.differs for turn in turns} == {()}
    assert all("intent" in turn.recomputed for turn in turns)


def _answers(talk: Conversations) -> list[tuple[str, str, str, str, str]]:
    """Who was told what, by which policy; in an order that does not depend on when it was done."""
    replies = talk.replies()
    return sorted((r.meta.event_id, r.meta.session_id, r.policy, r.knowledge, r.text) for r in replies)
