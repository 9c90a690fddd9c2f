"""The port Generations: what a stage may rely on, whether turns are made within poll or in the engine's thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from processors.ladder import USUAL, Speed
from processors.replying import Answer
from schemas.events import PassedOver, ReplyPartial
from streams.generation.admission import Caps
from streams.generation.engine import Engine
from streams.generation.fairness import Bounds
from streams.generation.inline import InlineGenerations
from streams.generation.models import FixedModels, Models, Serving
from streams.generation.tasks import Generations, Made
from streams.testing.generation import Die, Fail, Misshape, Pause, Say, Silence, Step
from tests.handed_over import BAD, GOOD, MORE, a_model, a_route, a_task, knows, no_article, saying

QUICK = Speed(0.01, 0.0001)
PATIENCE = 20.0
"""Seconds of real time after which a test fails; none takes so long."""


def the_time() -> int:
    """Some time."""
    return 1_790_000_000_000_000


class World:
    """One kind of generations, over given models; `partials` is what was handed on."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.partials: list[ReplyPartial] = []
        self._opened: list[Generations] = []

    def of(self, *serving: Serving, models: Models | None = None) -> Generations:
        """Generations of these models."""
        models = models or FixedModels(*serving)
        bounds, caps = Bounds(100_000, 100_000, 30.0), Caps(100_000, 100_000, 8, 100_000)
        opened: Generations
        if self.kind == "inline":
            opened = InlineGenerations(models, the_time, self.partials.append)
        else:
            opened = Engine(models, bounds, caps, USUAL, self.partials.append, the_time)
        self._opened.append(opened)
        return opened

    def ended(self, generations: Generations, turns: int) -> list[tuple[str, Made]]:
        """Polls until so many turns have ended."""
        found: list[tuple[str, Made]] = []
        for _ in range(int(PATIENCE / 0.005)):
            found += generations.poll()
            if len(found) >= turns:
                return found
            threading.Event().wait(0.005)
        raise AssertionError(f"{len(found)} of {turns} turns ended: {found}")

    def close(self) -> None:
        """Closes what was opened."""
        for opened in self._opened:
            opened.close()


@pytest.fixture(params=["inline", "engine"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each kind in its turn."""
    world = World(request.param)
    yield world
    world.close()


def only(world: World, generations: Generations) -> Made:
    """What became of the one turn."""
    ((_, made),) = world.ended(generations, 1)
    return made


def test_a_model_makes_the_reply(world: World) -> None:
    """With the articles it names, its prompt and its model on the record."""
    serving, model = a_model(saying(GOOD, MORE))
    generations = world.of(serving)
    generations.submit(a_task())
    made = only(world, generations)
    assert made.answer is not None
    assert made.answer.text == (GOOD + MORE)
    assert [c.article_id for c in made.answer.citations] == ["returns-en"]
    assert (made.rung, made.passed, made.cancelled) == ("large_model", (), False)
    told = made.generated
    assert told is not None
    assert (told.model, told.finish, told.fault, told.outcome, told.tokens) == (
        model.fingerprint, "stop", "", "passed", 16,
    )  # fmt: skip
    assert told.prompt.startswith("answer@")
    assert told.prompt_tokens > 100
    assert told.first_seconds is not None


def test_whole_sentences_are_handed_on_before_the_reply(world: World) -> None:
    """Each with the characters before it, one attempt, ids of their own, and in the turn of the route."""
    serving, _ = a_model([*saying(GOOD, MORE + " "), Say("You can", 2), Say(" ask a colleague.", 3)])
    generations = world.of(serving)
    generations.submit(a_task())
    made = only(world, generations)
    assert made.answer is not None
    text = ""
    for partial in world.partials:
        assert partial.position == len(text)
        text += partial.text
    assert text
    assert made.answer.text.startswith(text)
    assert len(text) < len(made.answer.text)
    assert len({p.attempt for p in world.partials}) == 1
    assert len({p.meta.event_id for p in world.partials}) == len(world.partials) == 2
    assert {p.meta.turn_id for p in world.partials} == {"t1"}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([Fail("CUDA error")], "model_failed"),
        ([Die()], "model_away"),
        ([Misshape("garbage")], "model_malformed"),
        ([Say("", 1)], "guard_empty"),
        (saying(BAD), "guard_invented_amount"),
    ],
)
def test_what_a_model_gets_wrong_is_the_reason_for_the_next_rung(world: World, script: list[Step], reason: str) -> None:
    """The rung below answers; the record says what the last model did."""
    large, _ = a_model(script)
    small, model = a_model(saying(GOOD), "small", "small_model")
    generations = world.of(large, small)
    generations.submit(a_task())
    made = only(world, generations)
    assert (made.rung, made.passed) == ("small_model", (PassedOver("large_model", reason),))
    assert made.generated is not None
    assert made.generated.model == model.fingerprint


def test_a_fast_rung_answers_below_the_models_and_the_tokens_stay_on_record(world: World) -> None:
    """A refused text was paid for."""
    serving, _ = a_model(saying(BAD))
    generations = world.of(serving)
    generations.submit(a_task(rungs=("large_model", "template", "knowledge"), fast=knows))
    made = only(world, generations)
    assert (made.answer, made.rung) == (Answer("by template"), "template")
    assert made.generated is not None
    assert (made.generated.outcome, made.generated.tokens) == ("refused", 8)
    assert "invented_amount" in made.generated.guards


def test_without_models_the_fast_rungs_answer(world: World) -> None:
    """Every generating rung is passed over with no_model."""
    generations = world.of()
    generations.submit(a_task(fast=knows))
    made = only(world, generations)
    assert made.passed == (PassedOver("large_model", "no_model"), PassedOver("small_model", "no_model"))
    assert (made.rung, made.generated) == ("knowledge", None)


def test_where_nothing_answers_there_is_no_answer(world: World) -> None:
    """The fallback is the stage's, and each rung says why not."""
    generations = world.of()
    generations.submit(a_task(rungs=("large_model", "knowledge", "fallback"), fast=no_article))
    made = only(world, generations)
    assert (made.answer, made.rung, made.cancelled) == (None, "", False)
    assert [p.reason for p in made.passed] == ["no_model", "no_article"]


def test_a_silent_model_leaves_time_for_another_rung(world: World) -> None:
    """What it did not say in time is not waited for until the deadline."""
    serving, model = a_model([Silence()], speed=QUICK)
    generations = world.of(serving)
    generations.submit(a_task(rungs=("large_model", "knowledge"), deadline=1.2, fast=knows))
    made = only(world, generations)
    assert (made.rung, made.passed) == ("knowledge", (PassedOver("large_model", "model_total"),))
    assert model.seen.under_way == 0


def test_what_there_is_at_the_deadline_is_the_reply_as_far_as_it_passed(world: World) -> None:
    """The finish says deadline; the sentence that was cut is left away."""
    serving, _ = a_model([*saying(GOOD, "We pay"), Silence()], speed=QUICK)
    generations = world.of(serving)
    generations.submit(a_task(deadline=1.0))
    made = only(world, generations)
    assert made.answer is not None
    assert made.answer.text == GOOD.strip()
    assert made.rung == "large_model"
    assert made.generated is not None
    assert (made.generated.finish, made.generated.outcome) == ("deadline", "mended")


def test_a_text_that_a_fault_cut_short_is_better_than_the_fallback(world: World) -> None:
    """But a rung below is better than it."""
    serving, _ = a_model([*saying(GOOD, "We"), Die()])
    generations = world.of(serving)
    generations.submit(a_task(a_route("t1", "s1"), rungs=("large_model", "knowledge")))
    generations.submit(a_task(a_route("t2", "s2"), rungs=("large_model", "knowledge"), fast=knows))
    ended = dict(world.ended(generations, 2))
    assert ended["t2"].rung == "knowledge"
    assert ended["t1"].rung == "large_model"
    assert ended["t1"].passed == ()
    assert ended["t1"].answer is not None
    assert ended["t1"].answer.text == GOOD.strip()


def test_the_turns_of_a_session_are_made_in_order_and_remember_the_ones_before(world: World) -> None:
    """The prompt of the second has the first one's message and reply, and not its own message among them."""
    serving, model = a_model(lambda prompt: saying(GOOD, pause=0.001))
    generations = world.of(serving)
    for i in (1, 2, 3):
        generations.submit(a_task(a_route(f"t{i}", at=i, text=f"Question {i}: how can I return this?")))
    ended = world.ended(generations, 3)
    assert [turn for turn, _ in ended] == ["t1", "t2", "t3"]
    first, second, third = model.seen.asked
    assert "customer> Question" not in first
    assert "customer> Question 1" in second
    assert "we> You can return" in second
    assert "customer> Question 2" not in second
    assert third.index("customer> Question 1") < third.index("customer> Question 2")


def test_what_was_heard_of_other_stages_is_in_the_prompt(world: World) -> None:
    """Said before the turn: in. Said after it: not."""
    serving, model = a_model(saying(GOOD))
    generations = world.of(serving)
    generations.heard(a_route("t9", at=9).meta, "something later", False)
    generations.heard(a_route("t0", at=0).meta, "we told you so", True)
    generations.heard(a_route("t0", at=0).meta, "a first question", False)
    generations.heard(a_route("t0", at=0).meta, "another reply to it", True)
    generations.heard(a_route("t0", "other", at=0).meta, "of another session", False)
    generations.heard(a_route("t0", tenant="bank", at=0).meta, "of another tenant", False)
    generations.submit(a_task(a_route(at=5)))
    only(world, generations)
    (prompt,) = model.seen.asked
    assert prompt.index("customer> a first question") < prompt.index("we> we told you so")
    for absent in ("something later", "another reply", "another session", "another tenant"):
        assert absent not in prompt


def test_a_turn_that_is_under_way_is_taken_once(world: World) -> None:
    """Handed over twice, it is made and polled once."""
    serving, model = a_model(saying(GOOD))
    generations = world.of(serving)
    generations.submit(a_task())
    generations.submit(a_task())
    generations.submit(a_task(a_route("t2", "s2")))
    assert sorted(turn for turn, _ in world.ended(generations, 2)) == ["t1", "t2"]
    assert len(model.seen.asked) == 2
    assert generations.poll() == []


def test_a_crowd_is_answered_whatever_some_of_their_models_do(world: World) -> None:
    """Every turn once, and those of a session in their order."""

    def script(prompt: str) -> list[Step]:
        scripts: list[list[Step]] = [saying(GOOD), [Fail("CUDA error")], saying(GOOD, BAD), [Die()]]
        return scripts[len(prompt) % 4]

    large, _ = a_model(script)
    small, _ = a_model(lambda prompt: saying(GOOD), "small", "small_model")
    generations = world.of(large, small)
    for i in range(120):
        asked = "How can I return this?" + "!" * (i % 4)
        generations.submit(a_task(a_route(f"t{i}", f"s{i % 30}", at=i, text=asked), fast=knows, deadline=60.0))
    ended = world.ended(generations, 120)
    assert sorted(turn for turn, _ in ended) == sorted(f"t{i}" for i in range(120))
    assert all(made.answer is not None for _, made in ended)
    for session in range(30):
        numbers = [int(turn[1:]) for turn, _ in ended if int(turn[1:]) % 30 == session]
        assert numbers == sorted(numbers)
    assert generations.unsettled == 0


def test_unsettled_counts_what_was_not_polled(world: World) -> None:
    """Whether it has ended or not."""
    serving, _ = a_model(saying(GOOD))
    generations = world.of(serving)
    assert generations.unsettled == 0
    for i in range(3):
        generations.submit(a_task(a_route(f"t{i}", f"s{i}")))
    assert generations.unsettled == 3
    world.ended(generations, 3)
    assert generations.unsettled == 0


def test_a_cancelled_turn_is_polled_as_cancelled(world: World) -> None:
    """Before it began as well as under way; the turns after it in its session are made."""
    serving, _ = a_model(lambda prompt: saying(GOOD) if "two" in prompt else [Silence()])
    generations = world.of(serving)
    generations.submit(a_task(a_route("t1", at=1)))
    generations.submit(a_task(a_route("t2", at=2, text="Question two: how can I return this?")))
    generations.submit(a_task(a_route("t3", "s3", at=2)))
    for turn in ("t1", "t3", "unknown"):
        generations.cancel(turn)
    ended = dict(world.ended(generations, 3))
    assert ended["t1"].cancelled
    assert ended["t1"].answer is None
    assert ended["t3"].cancelled
    assert ended["t2"].rung == "large_model"


def test_a_bug_in_a_turn_is_raised_by_poll(world: World) -> None:
    """And by every later poll: a worker that goes on would leave the turn unanswered."""

    def broken(rung: str) -> Answer | str:
        raise ZeroDivisionError(rung)

    generations = world.of()
    generations.submit(a_task(fast=broken))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            world.ended(generations, 1)


def test_models_that_come_later_make_the_turns_that_begin_later(world: World) -> None:
    """A swap takes effect with the next turn."""

    class Swapped(FixedModels):
        def __init__(self, *serving: Serving) -> None:
            super().__init__(*serving)
            self.now = serving[:1]

        def offers(self, tenant: str, session: str) -> tuple[Serving, ...]:
            return self.now

    blue, _ = a_model(saying(GOOD), "blue")
    green, _ = a_model(saying(GOOD), "green")
    models = Swapped(blue, green)
    generations = world.of(models=models)
    made = []
    for i, serving in enumerate((blue, green)):
        models.now = (serving,)
        generations.submit(a_task(a_route(f"t{i}", at=i)))
        made.append(only(world, generations))
    assert [m.generated.model.partition("@")[0] for m in made if m.generated] == ["blue", "green"]


def test_closing_ends_what_is_under_way(world: World) -> None:
    """The thread is gone, and the models were told."""
    serving, model = a_model([Silence()])
    before = threading.active_count()
    generations = world.of(serving)
    generations.submit(a_task(deadline=0.5))
    generations.close()
    assert threading.active_count() <= before
    assert model.seen.under_way == 0


def test_a_pause_that_is_short_is_waited_for(world: World) -> None:
    """Between two sentences."""
    serving, _ = a_model([Say(GOOD, 8), Pause(0.01), Say(MORE, 8)])
    generations = world.of(serving)
    generations.submit(a_task())
    made = only(world, generations)
    assert made.answer is not None
    assert made.answer.text == GOOD + MORE
