"""How models come into force: loaded ahead, held for, refused, tried again, forgotten."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from processors.outcomes import Retry
from schemas.catalogue import SIGNALS
from schemas.events import IntentDetected, MessageReceived, ModelActivated, Record
from streams.control import ControlFold
from streams.models.active import PATIENCE, SPARE, TRY_AGAIN, ActiveModels
from streams.testing import (
    EPOCH,
    INTENTS,
    Conversations,
    Crash,
    Pass,
    ScriptedIntents,
    ScriptedStore,
    a_message,
    a_model,
    a_withdrawal,
)
from streams.understanding import IntentStage

SHIPPED = ScriptedIntents({}, "shipped@1#000000000000")


class Times:
    """Both clocks of the models: `wall` in microseconds, `clock` in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wall(self) -> int:
        return EPOCH + int(self.seconds * 1_000_000)

    def clock(self) -> float:
        return self.seconds


class Process:
    """A process with a control log, a store of models, and time that moves when told to."""

    def __init__(self, *activated: ModelActivated, stored: bool = True) -> None:
        self.control, self.times = ControlFold(), Times()
        self.store: ScriptedStore[ScriptedIntents] = ScriptedStore()
        self.active = ActiveModels(
            "intent", self.control, SHIPPED, self.store.load, self.times.wall, self.times.clock
        )
        self._offset = 0
        self.activate(*activated, stored=stored)

    def activate(self, *activated: ModelActivated, stored: bool = True) -> None:
        """The control log says so, and the bundles lie in the store."""
        for event in activated:
            self.control.take(Record("chat.control", 0, self._offset, EPOCH, event))
            self._offset += 1
            if stored and event.location:
                self.store.models[event.location] = ScriptedIntents({}, event.fingerprint)

    def asked(self, *at: int, tenant: str = "shop") -> list[str] | Retry:
        """Of messages that the log took so many microseconds after EPOCH: the versions that understand them."""
        found = self.active.models([Record("chat.messages", 0, 0, EPOCH + t, a_message(tenant=tenant)) for t in at])
        return found if isinstance(found, Retry) else [m.fingerprint.partition("@")[2].partition("#")[0] for m in found]


@contextmanager
def loading(process: Process) -> Iterator[None]:
    """The models load ahead in their own thread meanwhile."""
    process.active.start()
    try:
        yield
    finally:
        process.active.close()


def soon(condition: Callable[[], bool]) -> None:
    """Gives the loading thread its turn until the condition holds."""
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it does not come true")


def test_a_batch_is_split_at_the_microsecond_of_an_activation() -> None:
    """Each message gets the model that was in force when the log took it, whatever its neighbours get."""
    process = Process(a_model("2", effective_at=EPOCH + 5), a_model("3", effective_at=EPOCH + 9))
    assert process.asked(4, 5, 8, 9, 4) == ["1", "2", "2", "3", "1"]


def test_tenants_have_their_own() -> None:
    """One tenant's activation does not touch the others."""
    process = Process(a_model("2"), a_model("own", tenant="bank"))
    assert (process.asked(0, tenant="bank"), process.asked(0)) == (["own"], ["2"])


def test_an_announced_model_is_loaded_before_it_holds() -> None:
    """No message waits for it."""
    process = Process(a_model("2", effective_at=EPOCH + 5_000_000))
    process.active.follow()
    assert process.store.asked == [a_model("2").location]
    assert process.asked(0) == ["1"]
    assert process.active.status()["in_force"] == {"*": SHIPPED.fingerprint}
    process.times.seconds = 5
    assert process.active.status()["in_force"] == {"*": a_model("2").fingerprint}


def test_what_is_in_force_at_the_start_is_loaded_first(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that starts does not begin with an older model."""
    process = Process(a_model("2"))
    with loading(process):
        assert process.asked(0) == ["2"]


def test_a_batch_waits_for_its_model_and_then_goes_on_with_the_one_before() -> None:
    """The stage holds it for a second at most; the model holds for later messages once it is there."""
    process, slow = Process(), threading.Event()
    load = process.store.load

    def slowly(location: str) -> ScriptedIntents:
        slow.wait(20)
        return load(location)

    process.active = ActiveModels("intent", process.control, SHIPPED, slowly, process.times.wall, process.times.clock)
    with loading(process):
        process.activate(a_model("2"))
        first = process.asked(0)
        assert isinstance(first, Retry)
        assert first.reason == "model_loading"
        process.times.seconds = PATIENCE - 0.01
        assert isinstance(process.asked(0), Retry)
        process.times.seconds = PATIENCE
        assert process.asked(0) == ["1"]
        slow.set()
        soon(lambda: process.asked(0) == ["2"])


def test_a_refused_bundle_leaves_the_one_before_in_force(caplog: pytest.LogCaptureFixture) -> None:
    """It says so once, with the remedy, and in its status; no message waits for it."""
    process = Process(a_model("2"))
    process.activate(a_model("3", effective_at=EPOCH), stored=False)
    with caplog.at_level(logging.ERROR):
        process.active.follow()
        assert process.asked(0, 1) == ["2", "2"]
        process.times.seconds = TRY_AGAIN[0]
        process.active.follow()
    (said,) = [r.getMessage() for r in caplog.records]
    assert a_model("3").fingerprint in said
    assert "copy it into the store" in said
    status = process.active.status()
    assert status["in_force"] == {"*": a_model("2").fingerprint}
    assert [r["fingerprint"] for r in status["refused"]] == [a_model("3").fingerprint]


def test_a_tenants_refused_bundle_leaves_it_what_every_tenant_has() -> None:
    """The next that can be used stands in, down to the shipped one."""
    process = Process(a_model("2"))
    process.activate(a_model("own", tenant="bank"), stored=False)
    assert process.asked(0, tenant="bank") == ["2"]
    process = Process(a_model("2"), stored=False)
    assert process.asked(0) == ["1"]


def test_a_missing_bundle_is_tried_again_and_holds_once_it_is_there() -> None:
    """After five seconds, then ten, and so on: its folder may still be on its way."""
    process = Process(a_model("2"), stored=False)
    tried = []
    for seconds in range(0, 36):
        process.times.seconds = seconds
        before = len(process.store.asked)
        process.active.follow()
        if len(process.store.asked) > before:
            tried.append(seconds)
    assert tried == [0, 5, 15, 35]
    process.activate(a_model("2"))
    process.store.models[a_model("2").location] = ScriptedIntents({}, a_model("2").fingerprint)
    process.times.seconds = 75
    process.active.follow()
    assert process.asked(0) == ["2"]
    assert process.active.status()["refused"] == []


def test_a_folder_that_holds_something_else_is_refused() -> None:
    """An event is stamped with what made it; so a model must be the one that was activated."""
    process = Process(a_model("2"))
    process.store.models[a_model("2").location] = SHIPPED
    assert process.asked(0) == ["1"]
    (refused,) = process.active.status()["refused"]
    assert f"holds {SHIPPED.fingerprint}" in refused["reason"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"location": "../../etc/000000000000"},
        {"location": "/srv/model/000000000000"},
        {"fingerprint": "model"},
        {"name": "other"},
    ],
    ids=str,
)
def test_an_activation_that_makes_no_sense_is_refused_unread(wrong: dict[str, Any]) -> None:
    """No file outside the store is opened, whatever the event says."""
    process = Process(a_model("2")._replace(**wrong))
    assert process.asked(0) == ["1"]
    assert process.store.asked == []


def test_what_is_needed_no_more_is_forgotten_and_loaded_again_when_it_is() -> None:
    """Models in force and announced stay; of older ones a few do; a batch that reaches further back still gets all."""
    events = [a_model(str(n), effective_at=EPOCH + n) for n in range(2, 9)]
    process = Process(*events, a_model("own", tenant="bank"))
    process.times.seconds = 1
    every = [str(n) for n in range(2, 9)]
    assert process.asked(*range(2, 9)) == every
    process.active.follow()
    loaded = len(process.store.asked)
    assert process.asked(8, 7, 6) == ["8", "7", "6"]
    assert len(process.store.asked) == loaded
    assert process.asked(5) == ["5"]
    assert len(process.store.asked) == loaded + 1
    assert SPARE == 2
    with loading(process):
        soon(lambda: process.asked(*range(2, 9)) == every)
        assert process.asked(0, tenant="bank") == ["own"]


def test_going_back_is_activating_an_older_one() -> None:
    """The same version may hold twice."""
    process = Process(a_model("2"), a_model("3", effective_at=EPOCH + 5), a_model("2", effective_at=EPOCH + 9))
    assert process.asked(0, 5, 9) == ["2", "3", "2"]
    process.activate(a_withdrawal(effective_at=EPOCH + 12))
    assert process.asked(9, 12) == ["2", "1"]


def test_nothing_is_decided_while_the_control_log_is_not_seen() -> None:
    """An activation may have been missed: the batch is held until its end was seen again."""

    class Away(ControlFold):
        def fresh(self, seconds: float) -> bool:
            return False

    active = ActiveModels("intent", Away(), SHIPPED, ScriptedStore[ScriptedIntents]().load)
    assert active.models([]) == Retry(0.5, "control_log_unseen")


def test_a_swap_in_the_middle_of_a_conversation_with_a_crash_leaves_every_turn_answered_once() -> None:
    """Work that is done again after the change names the same model as the first time: it goes by the log's time."""
    talk, store = Conversations(), ScriptedStore[ScriptedIntents]()
    new = a_model("2", effective_at=EPOCH + 1_000_000)
    store.models[new.location] = ScriptedIntents(INTENTS, new.fingerprint)
    first = ScriptedIntents(INTENTS, "shipped@1#000000000000")
    talk.pipeline.runners["intent"].stage = IntentStage(ActiveModels("intent", talk.control, first, store.load))
    texts = [a_message("where is my order?", session=f"s{n}") for n in range(6)]
    talk.play([new, *texts[:3], Crash("intent"), Pass(1.0), *texts[3:5], Crash("intent", "after_commit"), texts[5]])
    signals = [r.event for r in talk.bus.records(SIGNALS) if isinstance(r.event, IntentDetected)]
    by_turn = {turn: {s.meta.made_by.fingerprint for s in signals if s.meta.turn_id == turn} for turn in turns(texts)}
    assert list(by_turn.values()) == [{first.fingerprint}] * 3 + [{new.fingerprint}] * 3
    assert sorted(str(r.meta.turn_id) for r in talk.replies()) == sorted(turns(texts))


def turns(messages: list[MessageReceived]) -> list[str]:
    """Their turns."""
    return [m.meta.event_id for m in messages]
