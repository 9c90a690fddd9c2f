"""What the drills of generation measure, and whom they send: pure, or with a link that answers from memory."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from pathlib import Path

import pytest

from infra.generation.settings import load_generation
from infra.generation_drills import burst_drill, swap_drill
from infra.generation_drills.fault_drill import FaultReport, Suffered
from infra.generation_drills.load import Asked, Load
from infra.generation_drills.measures import back_after, by, entitled, fairness, group, jain, reasons
from infra.generation_drills.runs import How, pool, uneven
from infra.generation_drills.showing import percent, shown_burst, shown_faults, shown_swaps
from infra.generation_drills.straight import Reply, speed_of
from infra.generation_drills.tenants import names, write_tenants
from infra.generation_drills.turns import Turn, turns_of
from infra.play_links import Answer, Report
from infra.tenants import load_tenant
from processors.policy import Tenant
from schemas.events import LIVE, AgentReplied, MadeBy, MessageReceived, Meta, PassedOver, Record, ReplyProduced
from streams.channels.client import wall_clock

SECOND = 1_000_000


def asked(turn: str, sent: float, tenant: str = "a", deadline: float = 5.0) -> Asked:
    """A turn that was sent at this second."""
    at = int(sent * SECOND)
    return Asked(turn, tenant, "s", at, at + int(deadline * SECOND), True, at + SECOND, "small_model")


def turn(number: int, sent: float, rung: str = "small_model", took: float | None = 1.0, tenant: str = "a") -> Turn:
    """A turn and how it ended."""
    of = asked(str(number), sent, tenant)
    replied = None if took is None else of.sent_at + int(took * SECOND)
    passed = () if rung == "small_model" else (PassedOver("small_model", "model_first"),)
    return Turn(of, "generation", of.sent_at, replied, rung, passed)


def test_a_turn_is_in_time_by_its_deadline_and_late_after_it() -> None:
    """A reply at the deadline itself is in time, one after it is not, and no reply never is."""
    found = group([turn(1, 0.0, took=5.0), turn(2, 0.0, took=5.001), turn(3, 0.0, took=None), turn(4, 0.0)])
    assert (found.turns, found.in_time, found.p50) == (4, 0.5, 5.0)


def test_a_share_is_never_rounded_up() -> None:
    """One of 200,000 turns late is not all of them in time."""
    late = turn(0, 0.0, took=9.0)
    assert group([late, *[turn(1, 0.0)] * 199_999]).in_time == 0.99999


def test_turns_are_grouped_and_their_reasons_counted() -> None:
    """By rung; of a turn that no model made, the reason of the model's rung counts."""
    turns = [turn(1, 0.0), turn(2, 0.0, "knowledge"), turn(3, 0.0, "knowledge"), turn(4, 0.0, "", None)]
    turns[3].passed = ()
    counts = {name: g.turns for name, g in by(turns, lambda t: t.rung).items()}
    assert counts == {"": 1, "knowledge": 2, "small_model": 1}
    assert reasons(turns) == {"model_first": 2, "unanswered": 1}


def test_the_share_is_back_when_a_whole_window_has_it() -> None:
    """After 10 s without a model the share is back from the tenth second on, or one step of half a second later."""
    turns = [turn(n, n / 10, "knowledge" if n < 100 else "small_model") for n in range(300)]
    back = back_after(turns, 0.0, 1.0, 30.0)
    assert back is not None
    assert 9.5 <= back <= 10.0


def test_a_share_that_does_not_come_back_is_said_to_be_away() -> None:
    """Also where the time ends before a whole window."""
    turns = [turn(n, n / 10, "knowledge" if n < 100 else "small_model") for n in range(300)]
    assert back_after(turns, 0.0, 1.0, 12.0) is None


def test_nobody_is_entitled_to_more_than_it_wants() -> None:
    """What small tenants leave is shared by the large ones."""
    assert entitled({"a": 100.0, "b": 10.0, "c": 40.0}, 90.0) == {"b": 10.0, "c": 40.0, "a": 40.0}


def test_jains_index_is_one_for_equal_parts_and_one_nth_for_one_alone() -> None:
    """And nothing is no share at all."""
    assert (jain([3.0, 3.0, 3.0]), jain([1.0, 0.0, 0.0, 0.0]), jain([])) == (1.0, 0.25, 0.0)


def test_a_flood_that_gets_only_its_part_is_fair() -> None:
    """A tenant that asks for ten times as much and is made what the others leave lowers nothing."""
    flood = [turn(n, 0.0, "small_model" if n < 30 else "knowledge", tenant="big") for n in range(100)]
    rest = [turn(n, 0.0, tenant=name) for name in "bc" for n in range(10)]
    assert fairness(flood + rest) == 1.0
    starved = [turn(n, 0.0, "knowledge", tenant=name) for name in "bc" for n in range(10)]
    assert fairness(flood + starved) < 0.5


def reply(of: str, event_id: str, at: int, rung: str) -> Record:
    """A reply in the log."""
    meta = Meta(event_id, "a", "s", of, 0, LIVE, of, at, 5 * SECOND, MadeBy("reply", "reply@1"))
    rest = ((), (), "en", "other", None, "p", "k", "e", 1, None, False, 0.0)
    produced = ReplyProduced(meta, "text", rung, *rest)  # type: ignore[arg-type]
    return Record("chat.replies", 0, at, at, produced)


def test_the_first_reply_of_a_turn_counts_and_another_id_is_seen() -> None:
    """A repeat under the same id changes nothing; a second id is an answer given twice."""
    made = [("one", 10, "small_model"), ("one", 20, "small_model"), ("two", 30, "fallback")]
    records = [reply("t", *each) for each in made]
    (found,) = turns_of([asked("t", 0.0), Asked("unsent", "a", "s", 0, 0)], records)
    assert (found.rung, found.replied_at, found.copies, found.ids) == ("small_model", 10, 3, {"one", "two"})


class Echo:
    """A link whose pipeline answers each message at the next look."""

    def __init__(self) -> None:
        self.sent: list[MessageReceived] = []
        self._answers: deque[Answer] = deque()
        self.many = threading.Event()
        self.most_open = 0
        self.closed = False

    def begin(self, stored: bool) -> None: ...

    @property
    def caught_up(self) -> bool:
        return True

    def send(self, event: MessageReceived, with_human: bool, report: Report) -> None:
        self.sent.append(event)
        report(None)
        self._answers.append(Answer("r", event.meta.event_id, "small_model", None, False, False, wall_clock()))
        self.most_open = max(self.most_open, len(self._answers))
        if len(self.sent) >= 40:
            self.many.set()

    def answer(self, event: AgentReplied, request: str, report: Report) -> None: ...

    def take(self, seconds: float) -> list[Answer]:
        threading.Event().wait(min(seconds, 0.001))
        found = list(self._answers)
        self._answers.clear()
        return found

    def close(self) -> None:
        self.closed = True


def test_an_open_load_sends_what_its_rates_say_whoever_answers() -> None:
    """A tenant with rate 0 sends nothing until its rate is set; a session has three turns at most."""
    link = Echo()
    with Load(link, "x", {"a": 400.0, "b": 0.0}, 5.0) as load:
        assert link.many.wait(20)
        load.set_rate("b", 4000.0)
        link.many.clear()
        before = len(link.sent)
        while len(link.sent) < before + 100:
            assert link.many.wait(20)
        found = load.finish()
    assert {a.tenant for a in found} == {"a", "b"}
    assert link.closed
    assert not {a.tenant for a in found[:40]} & {"b"}
    assert max(Counter(a.session for a in found).values()) <= 3
    assert all(a.acked and a.answered_at is not None and a.rung == "small_model" for a in found)


def test_a_closed_load_has_as_many_under_way_as_asked() -> None:
    """Never more, of the tenants in turn."""
    link = Echo()
    with Load(link, "x", {"a": 0.0, "b": 0.0}, 5.0, at_once=7) as load:
        assert link.many.wait(20)
        found = load.finish()
    assert link.most_open == 7
    counts = Counter(a.tenant for a in found)
    assert abs(counts["a"] - counts["b"]) <= 1


def test_what_goes_wrong_in_the_load_is_raised_by_whoever_ends_it() -> None:
    """A load that died unseen would make every drill a success."""

    class Broken(Echo):
        def take(self, seconds: float) -> list[Answer]:
            raise OSError("no route to the broker")

    load = Load(Broken(), "x", {"a": 10.0}, 5.0)
    load.__enter__()
    with pytest.raises(OSError, match="no route"):
        load.finish()


def test_the_tenants_of_the_drills_are_tenants(tmp_path: Path) -> None:
    """Their policy and articles are without a mistake, and theirs alone: name and deadline are what was asked."""
    write_tenants(tmp_path, names(2), 7.5)
    for name in names(2):
        tenant = load_tenant(tmp_path / name)
        assert isinstance(tenant, Tenant), tenant
        assert (tenant.rules.tenant, tenant.rules.policy.deadline("web")) == (name, 7.5)


def test_speed_counts_what_ended_while_more_was_asked_for() -> None:
    """Neither the warm-up nor the draining of what was under way at the end."""
    replies = [Reply(0.5, 100, 0.9), Reply(1.0, 30, 0.1), Reply(2.5, 30, 0.3), Reply(3.0, 100, 0.9)]
    found = speed_of(replies, 1.0, 3.0)
    assert (found.replies, found.tokens_per_s, found.first_p99) == (2, 30.0, 0.3)


def test_a_burst_is_judged_by_what_the_others_waited() -> None:
    """The burster's own turns, slow or not, are no part of the others' p99."""
    calm = [turn(n, n / 10, tenant=name) for n in range(100) for name in ("big", "b")]
    loud = [turn(n, 10 + n / 10, took=1.1, tenant="b") for n in range(100)]
    flood = [turn(n, 10 + n / 100, took=4.0, tenant="big") for n in range(1000)]
    report = burst_drill.reported(calm + loud + flood, [(0.0, 10.0)], [(10.0, 20.0)], "big")
    assert report.ratio == 1.1
    assert (report.usual.turns, report.burst.turns) == (200, 1100)
    assert "1.10 times" in shown_burst(report)


def test_a_swap_is_judged_by_what_was_late_before_it() -> None:
    """Turns late during a swap, and unanswered ones, are told apart from those before."""
    turns = [turn(1, 0.0, took=9.0), turn(2, 11.0), turn(3, 12.0, took=9.0), turn(4, 30.0, took=None)]
    report = swap_drill.reported(turns, [(10.0, 20.0)])
    assert (report.late_before, report.late, report.unanswered, report.during.turns) == (1, 3, 1, 2)
    assert "late 3, of them before the first swap 1" in shown_swaps(report)


def report(**wrong: object) -> FaultReport:
    """A drill in which nothing was broken, but for what is given."""
    whole = group([turn(1, 0.0)])
    fault = Suffered("killed", 3.0, True, 1.5, whole, {"model_away": 2}, [])
    sound: dict[str, object] = {
        **dict.fromkeys(("late", "unanswered", "lost", "doubled", "disorder", "orphans"), ()),
        **{"all": whole, "healthy": whole, "faults": [fault], "by_rung": {"small_model": whole}, "by_tenant": {}},
        **{"balanced": True, "ledger": {"received": 1}},
    }
    return FaultReport(**{**sound, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"unanswered": ["t"]}, "unanswered"),
        ({"lost": ["t"]}, "lost"),
        ({"doubled": ["t"]}, "doubled"),
        ({"disorder": ["s"]}, "disorder"),
        ({"orphans": [7]}, "orphans"),
        ({"balanced": False}, "ledger"),
        ({"faults": [Suffered("killed", 3.0, False, None, group([]), {}, [])]}, "killed"),
        ({"faults": [Suffered("killed", 3.0, True, 1.0, group([]), {}, [9])]}, "killed"),
    ],
)
def test_every_broken_promise_of_a_drill_is_said(wrong: dict[str, object], word: str) -> None:
    """And a drill in which none was broken says none, how slow it ever was."""
    assert report().broken() == []
    (said,) = report(**wrong).broken()
    assert word in said
    assert shown_faults(report(**wrong))


def test_a_share_is_shown_without_rounding_up() -> None:
    """99.999 % is not 100 %."""
    assert (percent(1.0), percent(0.99999), percent(0.9995)) == ("100 %", "99.99 %", "99.95 %")


def test_the_pools_settings_are_settings(tmp_path: Path) -> None:
    """Their file is read by the stage without a mistake, for any number of turns."""
    for turns in (1, 16, 1024):
        file = tmp_path / f"{turns}.yaml"
        file.write_text(json.dumps(pool(turns)), encoding="utf-8")
        assert load_generation(file).caps.turns == turns


def test_the_tenant_that_bursts_has_a_fifth_of_the_load() -> None:
    """And the rest is dealt evenly."""
    rates = uneven(How(tenants=5), 10.0)
    assert rates == {"drill-00": 2.0, **dict.fromkeys(names(5)[1:], 2.0)}
    assert sum(uneven(How(tenants=12), 7.0).values()) == pytest.approx(7.0)
