"""When a model is not asked for a while, and that this ends by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.generation.breaker import Breaker, Breakers, Limits, Permit, Verdict, verdict
from streams.generation.ports import Fault, Finish, Reason

LIMITS = Limits()
VERDICTS = st.sampled_from(["bad", "bad", "bad", "slow", "none", "good"])
WHAT = st.sampled_from(["ask", "ask", "ask", "tell", "tell", "tell", "forget"])
STEPS = st.lists(st.tuples(st.floats(-0.5, 3.0), WHAT, st.integers(0, 50), VERDICTS), max_size=200)
History = list[tuple[float, str, int, Verdict]]


def played(breaker: Breaker, history: History) -> float:
    """Asks and tells as the history says, in any order of ends; the time when it is over."""
    now, held = 0.0, list[Permit]()
    for wait, what, which, became in history:
        now += wait
        if what == "ask":
            permit = breaker.ask(now)
            if permit is not None:
                held.append(permit)
        elif held and what == "tell":
            breaker.tell(held.pop(which % len(held)), became, now)
        elif held:
            held.pop(which % len(held))
    return now


def filled(breaker: Breaker, verdicts: list[Verdict], now: float = 0.0, apart: float = 0.01) -> float:
    """One request after another, each through; the time when it is over."""
    for became in verdicts:
        permit = breaker.ask(now)
        assert permit is not None
        breaker.tell(permit, became, now)
        now += apart
    return now


def opened() -> tuple[Breaker, float]:
    """A breaker that has just opened."""
    breaker = Breaker()
    now = filled(breaker, ["bad"] * LIMITS.in_a_row)
    assert breaker.state(now) == "open"
    return breaker, now


def test_it_opens_after_so_many_in_a_row() -> None:
    """With little traffic nobody waits for a share; one good answer begins the row anew."""
    breaker = Breaker()
    almost: list[Verdict] = ["bad"] * (LIMITS.in_a_row - 1)
    now = filled(breaker, [*almost, "good", *almost])
    assert breaker.state(now) == "closed"
    filled(breaker, ["bad"], now)
    assert (breaker.state(now), breaker.ask(now), breaker.opened) == ("open", None, 1)


def test_it_opens_on_the_share_that_failed() -> None:
    """Half the requests failing, none of them in a row, is enough once there are enough of them."""
    breaker = Breaker()
    half: list[Verdict] = ["good", "bad"] * (LIMITS.least // 2)
    now = filled(breaker, half[:-1])
    assert breaker.state(now) == "closed"
    filled(breaker, ["bad"], now)
    assert breaker.state(now) == "open"


def test_it_opens_on_first_texts_that_come_late() -> None:
    """A model that answers, slowly, is left too; those that fail count along."""
    breaker = Breaker()
    now = filled(breaker, ["slow", "good", "bad", "good"] * (LIMITS.least // 4))
    assert breaker.state(now) == "open"


def test_what_is_long_ago_does_not_count() -> None:
    """Only the window does."""
    breaker = Breaker()
    now = filled(breaker, ["bad", "bad", "bad", "good"] * 4, apart=0.0)
    now = filled(breaker, ["good"] * 40, now + LIMITS.window + 0.001)
    assert breaker.state(now) == "closed"


def test_a_request_that_says_nothing_counts_for_nothing() -> None:
    """Customers who leave, and prompts that are wrong, close no model."""
    breaker = Breaker()
    now = filled(breaker, ["none"] * 500)
    assert breaker.state(now) == "closed"
    filled(breaker, ["bad"] * LIMITS.in_a_row, now)
    assert breaker.state(now) == "open"


def test_after_the_pause_a_few_are_let_through() -> None:
    """One that says nothing makes room for another; those that were under way before do not count."""
    breaker = Breaker()
    under_way = [permit for _ in range(LIMITS.least) if (permit := breaker.ask(0.0)) is not None]
    now = filled(breaker, ["bad"] * LIMITS.in_a_row)
    assert 0 < breaker.retry_after(now) <= LIMITS.pause
    now += breaker.retry_after(now)
    assert (breaker.state(now), breaker.retry_after(now)) == ("probing", 0.0)
    first, second, third = breaker.ask(now), breaker.ask(now), breaker.ask(now)
    assert first is not None
    assert second is not None
    assert third is None
    for late in under_way:
        breaker.tell(late, "bad", now)
    breaker.tell(first, "none", now)
    assert breaker.state(now) == "probing"
    assert breaker.ask(now) is not None
    assert breaker.ask(now) is None


def test_it_closes_after_enough_good_ones() -> None:
    """And has forgotten why it was open."""
    breaker, now = opened()
    now = filled(breaker, ["good"] * LIMITS.closing, now + LIMITS.pause)
    assert breaker.state(now) == "closed"
    assert breaker.state(filled(breaker, ["bad"] * (LIMITS.in_a_row - 1), now)) == "closed"


def test_a_probe_that_fails_doubles_the_pause() -> None:
    """A late first text is no recovery either; the longest pause is never exceeded; recovered, it is short again."""
    breaker, now = opened()
    pauses = []
    for became in ("bad", "slow", "bad", "bad", "bad"):
        pauses.append(round(breaker.retry_after(now), 6))
        now += breaker.retry_after(now)
        permit = breaker.ask(now)
        assert permit is not None
        breaker.tell(permit, became, now)
    assert pauses[1:] == [2.0, 4.0, 8.0, 8.0]
    now = filled(breaker, ["good"] * LIMITS.closing, now + LIMITS.longest)
    now = filled(breaker, ["bad"] * LIMITS.in_a_row, now, apart=0.0)
    assert breaker.retry_after(now) == LIMITS.pause


def test_a_probe_that_is_lost_is_bad() -> None:
    """It does not keep the model closed to all others for ever."""
    breaker, now = opened()
    now += LIMITS.pause
    assert breaker.ask(now) is not None
    assert breaker.ask(now) is not None
    assert breaker.state(now + LIMITS.patience) == "open"


@given(STEPS)
def test_it_closes_by_itself_after_any_history(history: History) -> None:
    """Once the model is well and asked for, it is closed within the longest pause, a lost probe, and the probes."""
    breaker = Breaker()
    begin = played(breaker, history) + 3.0  # time may have gone back in the history
    now = begin
    while breaker.state(now) != "closed":
        permit = breaker.ask(now)
        now += 0.25
        if permit is not None:
            breaker.tell(permit, "good", now)
    assert now - begin <= LIMITS.patience + LIMITS.longest + 0.25 * (LIMITS.closing + 1) + 3.0


@given(STEPS)
def test_there_are_never_more_probes_than_allowed(history: History) -> None:
    """Of those that may still be told, whatever happens."""
    breaker = Breaker()
    now = played(breaker, history) + 3.0
    if breaker.state(now) == "closed":
        return
    now += breaker.retry_after(now)
    assert sum(breaker.ask(now) is not None for _ in range(100)) <= LIMITS.probes


@given(STEPS)
def test_a_model_that_is_well_is_never_refused(history: History) -> None:
    """No traffic, however dense or sparse, opens it."""
    breaker = Breaker()
    well: History = [(wait, what, n, "good" if became == "bad" else "none") for wait, what, n, became in history]
    played(breaker, well)
    assert (breaker.opened, breaker.state(0.0)) == (0, "closed")


@given(STEPS)
def test_equal_histories_have_equal_ends(history: History) -> None:
    """Nothing but what it is told decides."""
    one, other = Breaker(), Breaker()
    now = played(one, history)
    assert played(other, history) == now
    assert one.retry_after(now) == other.retry_after(now)
    assert (one.state(now), one.opened) == (other.state(now), other.opened)


@given(st.floats(10.0, 600.0), st.floats(0.05, 1.0))
def test_a_dead_model_is_asked_little(seconds: float, apart: float) -> None:
    """However long it is dead and however many ask: a few at first, then the probes of each pause."""
    breaker, now, through = Breaker(), 0.0, 0
    while now < seconds:
        permit = breaker.ask(now)
        if permit is not None:
            through += 1
            breaker.tell(permit, "bad", now)
        now += apart
    assert through <= LIMITS.in_a_row + 4 + seconds / LIMITS.longest


def test_each_model_has_its_own() -> None:
    """One that is open refuses nobody another's answers."""
    breakers = Breakers()
    filled(breakers.of("a"), ["bad"] * LIMITS.in_a_row)
    assert breakers.of("a").ask(1.0) is None
    assert breakers.of("b").ask(1.0) is not None


def finish(reason: Reason, fault: Fault = "", first: float | None = 0.1, seconds: float = 1.0) -> Finish:
    """A finish of which only this matters."""
    return Finish(reason, "", 1, first, seconds, fault)


def test_what_a_finish_says_of_the_model() -> None:
    """What the customer or the prompt did is not held against it, and neither is a deadline that left no time."""
    late = LIMITS.slow_first + 0.01
    assert verdict(finish("stop"), LIMITS) == "good"
    assert verdict(finish("length"), LIMITS) == "good"
    assert verdict(finish("stop", first=late, seconds=3.0), LIMITS) == "slow"
    assert verdict(finish("stop", first=None, seconds=late), LIMITS) == "slow"
    assert verdict(finish("cancelled"), LIMITS) == "none"
    assert verdict(finish("error", "refused"), LIMITS) == "none"
    assert verdict(finish("error", "away"), LIMITS) == "bad"
    assert verdict(finish("error", "unready"), LIMITS) == "bad"
    assert verdict(finish("deadline", "first", None, LIMITS.fair), LIMITS) == "bad"
    assert verdict(finish("deadline", "total", None, LIMITS.fair / 2), LIMITS) == "none"
    assert verdict(finish("deadline", "total", None, LIMITS.fair), LIMITS) == "bad"


def test_text_that_was_cut_by_the_turn_s_deadline_is_slow() -> None:
    """Under overload that is every turn's fate: five in a row do not close the pool to all others."""
    cut = verdict(finish("deadline", "total", 0.1, 4.0), LIMITS)
    assert cut == "slow"
    assert verdict(finish("deadline", "total", 0.01, LIMITS.fair / 2), LIMITS) == "none"
    assert verdict(finish("deadline", "between", 0.1, 4.0), LIMITS) == "bad"
    breaker = Breaker()
    now = filled(breaker, [cut] * (LIMITS.least - 1))
    assert breaker.state(now) == "closed"
