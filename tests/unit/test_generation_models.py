"""Which models stand for the generating rungs, and what is known of each of them."""

from __future__ import annotations

import asyncio

from processors.ladder import Speed, Wait
from schemas.events import Event, Record
from streams.control import ControlFold
from streams.generation.breaker import USUAL
from streams.generation.contract import Sampling
from streams.generation.known import LEAST, AllKnown, Known
from streams.generation.models import ControlledModels, Setting
from streams.generation.ports import Finish, Generator
from streams.testing import a_model as activated
from streams.testing import a_withdrawal
from streams.testing.generation import ScriptedGenerator
from tests.handed_over import a_model

SETTINGS = {"small_model": Setting("small", Speed(0.3, 0.02), 2_048, sampling={"temperature": 0.1})}


class Server:
    """Where models are served; it notes what was connected and asked for."""

    def __init__(self) -> None:
        self.connected = 0
        self.asked: list[tuple[str, Sampling]] = []
        self.closed = 0

    def __call__(self) -> Server:
        self.connected += 1
        return self

    def generator(self, name: str, sampling: Sampling | None = None) -> Generator:
        """A model that says nothing."""
        self.asked.append((name, sampling or {}))
        return ScriptedGenerator(lambda prompt: [], name)

    async def close(self) -> None:
        """Notes it."""
        self.closed += 1


class World:
    """Models that follow a control log, at a time that the test sets."""

    def __init__(self) -> None:
        self.control, self.server, self.now = ControlFold(), Server(), 0
        self.models = ControlledModels(self.control, SETTINGS, self.server, lambda: self.now)
        self._offset = 0

    def take(self, event: Event) -> None:
        """An event of the control log."""
        self.control.take(Record("chat.control", 0, self._offset, 0, event))
        self._offset += 1

    def names(self, tenant: str = "shop") -> dict[str, str]:
        """The model of each rung, for a session of the tenant."""
        return {s.rung: s.generator.name for s in self.models.offers(tenant, "s-1")}


def test_where_nothing_is_activated_the_settings_hold() -> None:
    """With what is assumed of the model; a rung that is not set has none."""
    world = World()
    (serving,) = world.models.offers("shop", "s-1")
    assert (serving.rung, serving.generator.name) == ("small_model", "small")
    assert (serving.speed, serving.context) == (Speed(0.3, 0.02), 2_048)
    assert world.server.asked == [("small", {"temperature": 0.1})]


def test_an_activation_holds_from_its_time_on_and_alone() -> None:
    """What it replaced is not offered any more, so that it can be unloaded."""
    world = World()
    world.take(activated(name="green", effective_at=100, task="small_model"))
    world.take(activated(name="huge", effective_at=100, task="large_model"))
    assert world.names() == {"small_model": "small"}
    world.now = 100
    assert world.names() == {"small_model": "green", "large_model": "huge"}


def test_a_tenant_s_own_activation_is_its_own() -> None:
    """And a withdrawal gives the settings back."""
    world = World()
    world.take(activated(name="own", tenant="shop", task="small_model"))
    assert world.names("shop") == {"small_model": "own"}
    assert world.names("bank") == {"small_model": "small"}
    world.take(a_withdrawal("shop", effective_at=5, task="small_model"))
    world.now = 5
    assert world.names("shop") == {"small_model": "small"}


def test_there_is_one_connection_and_one_generator_a_model() -> None:
    """Made when it is first needed."""
    world = World()
    assert world.server.connected == 0
    first, again = world.models.offers("shop", "a")[0], world.models.offers("bank", "b")[0]
    assert first.generator is again.generator
    asyncio.run(world.models.close())
    asyncio.run(world.models.close())
    assert (world.server.connected, world.server.closed) == (1, 1)


def ended(reason: str = "stop", first: float | None = 0.1, seconds: float = 1.0, fault: str = "") -> Finish:
    """How a request of 11 tokens ended."""
    return Finish(reason, "", 11, first, seconds, fault)  # type: ignore[arg-type]


def test_the_speed_of_a_model_is_learnt_from_its_turns_and_its_budget_from_the_speed() -> None:
    """Never less patience than the least, and never more than the turn has."""
    serving, _ = a_model([], speed=Speed(1.0, 0.5))
    known = Known(serving, USUAL)
    assert known.budget(60.0, 0.0) == (4.0, 10.0, 60.0)
    assert known.budget(3.0, 0.0) == (3.0, 3.0, 3.0)
    for _ in range(8):
        permit = known.breaker.ask(0.0)
        assert permit is not None
        known.tell(permit, ended(seconds=0.2), 0.0)
    offer = known.offer(serving, 0.0, Wait(), 0.0, full=False)
    assert abs(offer.speed.first - 0.1) < 1e-9
    assert abs(offer.speed.token - 0.01) < 1e-9
    assert known.budget(60.0, 0.0) == (LEAST, LEAST, 60.0)


def test_a_text_that_did_not_come_teaches_that_it_takes_at_least_so_long() -> None:
    """Or the model would be asked as if it were quick."""
    serving, _ = a_model([], speed=Speed(0.1, 0.01))
    known = Known(serving, USUAL)
    for _ in range(8):
        permit = known.breaker.ask(0.0)
        if permit is not None:
            known.tell(permit, ended("deadline", None, 5.0, "first"), 0.0)
    assert known.speed.speed(0.0).first == 0.1
    assert known.breaker.state(0.0) == "open"
    assert known.offer(serving, 0.0, Wait(), 0.0, full=False).breaker == "open"


def test_a_model_that_is_well_again_is_not_judged_by_its_bad_time() -> None:
    """Neither while it is tried, or it would never be, nor when its breaker has closed."""
    serving, _ = a_model([], speed=Speed(0.1, 0.01))
    known = Known(serving, USUAL)
    for _ in range(5):
        permit = known.breaker.ask(0.0)
        assert permit is not None
        known.tell(permit, ended("deadline", None, 8.0, "first"), 0.0)
    for now in (2.0, 2.1, 2.2, 2.3):
        assert known.offer(serving, now, Wait(), 0.0, full=False).speed == Speed(0.1, 0.01)
        permit = known.breaker.ask(now)
        assert permit is not None
        known.tell(permit, ended(), now)
    assert known.breaker.state(2.3) == "closed"
    assert known.speed.speed(2.3) == Speed(0.1, 0.01)


def test_a_request_that_was_given_up_here_says_nothing_of_the_model() -> None:
    """Its permit is handed back all the same, so that a probe is not kept for ever."""
    serving, _ = a_model([])
    known = Known(serving, USUAL._replace(in_a_row=1, probes=1, pause=1.0))
    broken = known.breaker.ask(0.0)
    assert broken is not None
    known.tell(broken, ended("error", None, 0.1, "away"), 0.0)
    probe = known.breaker.ask(2.0)
    assert probe is not None
    assert known.breaker.ask(2.0) is None
    known.tell(probe, None, 2.0)
    assert known.breaker.ask(2.0) is not None


def test_a_model_is_left_alone_when_its_server_says_twice_that_it_is_not_ready() -> None:
    """Once may be a server that is only busy; one yes is enough to come back."""
    serving, model = a_model([])
    all_known = AllKnown(lambda: 0.0)

    async def looks(times: int) -> bool:
        for _ in range(times):
            await all_known.look([serving])
        return all_known.of(serving).ready

    model.loaded = False
    assert asyncio.run(looks(1))
    assert not asyncio.run(looks(1))
    model.loaded = True
    assert asyncio.run(looks(1))


async def test_a_process_says_which_models_stand_for_its_rungs() -> None:
    """By tenant, with fingerprint, readiness and breaker: what every tenant has, and who has something else."""
    world = World()
    world.take(activated(task="large_model", name="wide", tenant="bank"))
    world.take(activated(task="small_model", name="small", tenant="same"))
    known = AllKnown(lambda: 0.0)
    standing = known.standing(world.models)
    assert {tenant: [(said["rung"], said["model"]) for said in models] for tenant, models in standing.items()} == {
        "*": [("small_model", "small")],
        "bank": [("large_model", "wide"), ("small_model", "small")],
    }
    (small,) = standing["*"]
    assert (small["breaker"], small["ready"], small["tenants"]) == ("closed", True, [])
    assert small["fingerprint"].startswith("small@")


async def test_an_open_breaker_is_told() -> None:
    """Whoever asks for the status sees why a model is passed over."""
    world, known = World(), AllKnown(lambda: 0.0)
    (serving,) = world.models.offers("shop", "s-1")
    model = known.of(serving)
    for _ in range(USUAL.in_a_row):
        permit = model.breaker.ask(0.0)
        assert permit is not None
        model.breaker.tell(permit, "bad", 0.0)
    assert [said["breaker"] for said in known.standing(world.models)["*"]] == ["open"]
