"""Whatever models do, and whoever leaves: each turn ends once, in its session's order, and before its deadline."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ladder import USUAL, Speed
from processors.replying import made_reply
from schemas.events import ReplyPartial
from streams.generation.admission import Caps
from streams.generation.fairness import Bounds
from streams.generation.inline import InlineGenerations
from streams.generation.models import FixedModels
from streams.generation.tasks import Made
from streams.testing.generation import Cut, Die, Fail, Misshape, Pause, Say, Silence, Step
from streams.testing.virtual_time import VirtualLoop
from tests.handed_over import BAD, GOOD, MORE, RULES, a_model, a_route, a_task, knows, no_article, saying

STEPS: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from([GOOD, MORE + " ", BAD, "We pay ", "\u4f60", ""]).map(lambda text: Say(text, 6)),
    st.sampled_from([0.01, 0.3, 1.5, 30.0]).map(Pause),
    st.just(Silence()),
    st.just(Fail("CUDA error")),
    st.just(Die()),
    st.just(Cut()),
    st.sampled_from(["two texts", "garbage"]).map(Misshape),  # type: ignore[arg-type]
)
SCRIPTS: st.SearchStrategy[list[Step]] = st.one_of(
    st.sampled_from([0.0, 0.02, 0.5]).map(lambda pause: saying(GOOD, MORE + " ", "We pay ", pause=pause)),
    st.tuples(st.sampled_from([GOOD, MORE + " "]), STEPS).map(lambda it: [Say(it[0], 8), it[1]]),
    st.lists(STEPS, max_size=4),
)

QUICK = Speed(0.05, 0.002)


class Planned(NamedTuple):
    """A turn: what the two models do with it, and what its customer does."""

    session: int
    tenant: str
    large: list[Step]
    small: list[Step]
    deadline: float
    cancelled: bool
    knows: bool


TURNS = st.lists(
    st.builds(
        Planned,
        st.integers(0, 3),
        st.sampled_from(["shop", "shop", "inn"]),
        SCRIPTS,
        SCRIPTS,
        st.sampled_from([0.0, 1.0, 4.0, 9.0]),
        st.sampled_from([False, False, False, True]),
        st.booleans(),
    ),
    max_size=24,
)


class Run:
    """The turns of one example, made on a loop whose time is its own."""

    def __init__(self, turns: list[Planned], at_once: int, wait: float) -> None:
        self.turns = turns
        self.loop: VirtualLoop | None = None
        self.partials: list[ReplyPartial] = []
        self.ended_at: dict[str, float] = {}
        scripts = {f"Question number {i}, how can I return this?": turn for i, turn in enumerate(turns)}

        def script(prompt: str, rung: str) -> list[Step]:
            asked = next(text for text in scripts if f"> {text}\n</message>" in prompt)
            return scripts[asked].large if rung == "large_model" else scripts[asked].small

        self.large, self.seen_large = a_model(lambda p: script(p, "large_model"), speed=QUICK)
        self.small, self.seen_small = a_model(lambda p: script(p, "small_model"), "small", "small_model", QUICK)
        self.generations = InlineGenerations(
            FixedModels(self.large, self.small),
            lambda: 0,
            self.partials.append,
            Bounds(everything=8_000, tenant=6_000, wait=wait),
            Caps(everything=4_000, tenant=3_000, turns=at_once, replay=1_000),
            loop=self._open,
        )

    def _open(self) -> VirtualLoop:
        self.loop = VirtualLoop()
        return self.loop

    def made(self) -> list[tuple[str, Made]]:
        """Everything, in the order in which it was polled."""
        for i, turn in enumerate(self.turns):
            text = f"Question number {i}, how can I return this?"
            route = a_route(f"t{i}", f"s{turn.session}", turn.tenant, i, text)
            rungs = ("large_model", "template", "small_model", "knowledge", "fallback")

            def fast(rung: str, knows_it: bool = turn.knows) -> object:
                return knows(rung) if knows_it and rung == "knowledge" else no_article(rung)

            self.generations.submit(a_task(route, rungs, turn.deadline, fast))  # type: ignore[arg-type]
        for i, turn in enumerate(self.turns):
            if turn.cancelled:
                self.generations.cancel(f"t{i}")
        return self.generations.poll()


@settings(max_examples=50, deadline=None)
@given(TURNS, st.integers(1, 5), st.sampled_from([0.5, 5.0]), st.sampled_from([0.2, 1.0, 4.0, 9.0]))
def test_every_turn_ends_once_in_order_and_in_time(
    turns: list[Planned], at_once: int, wait: float, deadline: float
) -> None:
    """And nothing stays reserved, asked or known, whatever the models do."""
    turns = [turn._replace(deadline=deadline) for turn in turns]
    run = Run(turns, at_once, wait)
    ended = run.made()
    assert sorted(turn for turn, _ in ended) == sorted(f"t{i}" for i in range(len(turns)))
    lines: dict[tuple[str, int], list[int]] = defaultdict(list)
    for turn, _ in ended:
        number = int(turn[1:])
        lines[turns[number].tenant, turns[number].session].append(number)
    assert all(line == sorted(line) for line in lines.values())
    assert run.loop is None or run.loop.time() <= max(0.0, deadline - USUAL.reserve) + 0.001
    assert run.generations.unsettled == 0
    for seen in (run.seen_large.seen, run.seen_small.seen):
        assert seen.under_way == 0
        assert seen.most <= at_once
    sessions = run.generations.sessions
    if sessions is not None:
        assert (sessions.admission.tokens, sessions.admission.turns, sessions.admission.lost) == (0, 0, 0)
        assert sessions.pool.waiting == 0
    run.generations.close()


@settings(max_examples=50, deadline=None)
@given(TURNS)
def test_what_is_said_passed_the_guards_and_begins_as_it_was_handed_on(turns: list[Planned]) -> None:
    """A reply names its rung and every rung above it; a fault has a reason, an answer of a model has its record."""
    run = Run(turns, 5, 5.0)
    for turn, made in run.made():
        number = int(turn[1:])
        passed = [p.rung for p in made.passed]
        rungs = ["large_model", "template", "small_model", "knowledge"]
        assert passed == rungs[: len(passed)]
        assert made.cancelled <= turns[number].cancelled
        if made.answer is None:
            assert made.rung == ""
            assert made.cancelled or passed == rungs
        elif made.rung in ("large_model", "small_model"):
            assert made.generated is not None
            assert BAD not in made.answer.text
            assert made.answer.text
        else:
            assert made.rung == "knowledge"
            assert turns[number].knows
    pieces: dict[tuple[str | None, str], str] = defaultdict(str)
    for partial in run.partials:
        key = (partial.meta.turn_id, partial.attempt)
        assert partial.position == len(pieces[key])
        pieces[key] += partial.text
    assert all(BAD not in text for text in pieces.values())
    run.generations.close()


@settings(max_examples=60, deadline=None)
@given(SCRIPTS, SCRIPTS, st.booleans(), st.sampled_from(["en", "zh"]), st.sampled_from([1.0, 9.0]))
def test_each_piece_lies_at_its_place_in_the_reply(
    first: list[Step], then: list[Step], soothed: bool, lang: str, deadline: float
) -> None:
    """Of the attempt that made the reply, with a word of understanding before it or without: nothing shown moves."""
    scripts = iter([first])
    partials: list[ReplyPartial] = []
    serving, _ = a_model(lambda _: next(scripts, then), "small", "small_model", QUICK)
    generations = InlineGenerations(FixedModels(serving), lambda: 0, partials.append, loop=VirtualLoop)
    route = a_route()._replace(lang=lang, soothing="sorry" if soothed else None)
    generations.submit(a_task(route, ("small_model", "fallback"), deadline))
    ((_, made),) = generations.poll()
    generations.close()
    # A second try is made only where the first had no text, so of one rung one attempt at most has pieces.
    assert len({partial.attempt for partial in partials}) <= 1
    if made.answer is None:
        return
    text = made_reply(route, RULES, made.answer, made.rung, made.passed, 0).text
    assert text.startswith({"en": "I am sorry.", "zh": "非常抱歉。"}[lang]) == soothed
    for partial in partials:
        assert text[partial.position : partial.position + len(partial.text)] == partial.text
    assert [p.position for p in partials[:1]] in ([], [0])
