"""Turns under way: called off at any moment, stopped, or hung, on a loop whose time is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ladder import USUAL, Speed
from streams.generation.admission import Caps
from streams.generation.fairness import Bounds
from streams.generation.models import FixedModels
from streams.generation.sessions import Sessions
from streams.generation.tasks import Made
from streams.testing.generation import Pause, Say, ScriptedGenerator, Silence, Step
from streams.testing.virtual_time import VirtualLoop
from tests.handed_over import GOOD, MORE, a_model, a_route, a_task, saying

SLOW = saying(GOOD, MORE + " ", pause=0.75)


class World:
    """Sessions with one model and one place. `ended`: what became of the turns, and when."""

    def __init__(self, script: Sequence[Step]) -> None:
        serving, model = a_model(script, speed=Speed(0.05, 0.002))
        self.model: ScriptedGenerator = model
        self.ended: dict[str, tuple[float, Made]] = {}
        self.sessions = Sessions(
            FixedModels(serving),
            Bounds(100_000, 100_000, 60.0),
            Caps(100_000, 100_000, 1, 100_000),
            USUAL,
            lambda partial: None,
            lambda: 0,
            self._note,
        )

    def submit(self, number: int, session: str, deadline: float = 30.0) -> None:
        """A turn, whose only rung is the model's."""
        route = a_route(f"t{number}", session, at=number)
        until = asyncio.get_running_loop().time() + deadline
        self.sessions.submit(a_task(route, rungs=("large_model",), deadline=deadline), until)

    def free(self) -> bool:
        """Whether nothing is held or asked any more."""
        held = self.sessions.admission
        return (held.tokens, held.turns, self.sessions.pool.waiting, self.model.seen.under_way) == (0, 0, 0, 0)

    def _note(self, turn: str, made: Made) -> None:
        assert turn not in self.ended
        self.ended[turn] = (asyncio.get_running_loop().time(), made)


def on_its_own_time(script: Sequence[Step], scene: Callable[[World], Coroutine[None, None, None]]) -> None:
    """Plays a scene."""

    async def play() -> None:
        await scene(World(script))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(play())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 4.0])), max_size=8))
def test_turns_may_be_called_off_at_any_moment(cancels: list[tuple[int, float]]) -> None:
    """Each ends once; one that was called off before its end is cancelled at once, or when its session comes to it."""

    async def scene(world: World) -> None:
        loop = asyncio.get_running_loop()
        for number in range(6):
            world.submit(number, f"s{number % 3}")
        for number, at in cancels:
            loop.call_at(at, world.sessions.cancel, f"t{number}")
        await world.sessions.idle()
        assert sorted(world.ended) == [f"t{number}" for number in range(6)]
        for turn, (at, made) in world.ended.items():
            called_off = [when for number, when in cancels if f"t{number}" == turn and when < at]
            assert made.cancelled or not called_off
            assert made.cancelled == (made.answer is None)
        for session in range(3):
            assert world.ended[f"t{session}"][0] <= world.ended[f"t{session + 3}"][0]
        assert world.free()

    on_its_own_time(SLOW, scene)


def test_a_turn_that_is_called_off_under_way_keeps_what_it_cost() -> None:
    """Its tokens were made."""

    async def scene(world: World) -> None:
        world.submit(1, "s1")
        asyncio.get_running_loop().call_at(1.0, world.sessions.cancel, "t1")
        await world.sessions.idle()
        at, made = world.ended["t1"]
        assert at == 1.0
        assert made.cancelled
        assert made.generated is not None
        assert (made.generated.finish, made.generated.tokens) == ("cancelled", 8)

    on_its_own_time(SLOW, scene)


def test_stopping_ends_everything_and_reports_nothing() -> None:
    """What runs, what waits for a place, and what waits for its session."""

    async def scene(world: World) -> None:
        for number in range(6):
            world.submit(number, f"s{number % 3}")
        await asyncio.sleep(0.5)
        await world.sessions.stop()
        assert world.ended == {}
        assert world.free()

    on_its_own_time([Silence()], scene)


def test_a_turn_that_hangs_becomes_known_as_a_bug() -> None:
    """Long after its deadline; before it nothing is said."""

    async def scene(world: World) -> None:
        world.submit(1, "s1", deadline=5.0)
        world.sessions.look_for_hung(14.0)
        assert world.sessions.bug is None
        world.sessions.look_for_hung(16.0)
        assert isinstance(world.sessions.bug, RuntimeError)
        await world.sessions.stop()

    on_its_own_time([Say(GOOD, 8), Pause(1.0)], scene)
