"""One thing altered, replayed and compared: exactly the turns that it concerns differ, and all of them are listed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from infra.comparing.result import as_json
from streams.replay.engine import Mode
from tests.integration.compared_desk import TURNS, Desk

pytestmark = pytest.mark.clickhouse
MODES: tuple[Mode, ...] = ("teacher-forced", "free-run")
both_modes = pytest.mark.parametrize("mode", MODES)
CONCERNED = "SELECT DISTINCT turn_id FROM replies FINAL WHERE run_id = 'live' AND "


@pytest.fixture(scope="module")
def desk(clickhouse: str) -> Iterator[Desk]:
    """In a database of its own."""
    found = Desk(clickhouse, f"test_{uuid.uuid4().hex[:12]}", "shop")
    yield found
    found.close()


@both_modes
def test_one_text_altered_changes_the_turns_that_had_it(desk: Desk, mode: Mode) -> None:
    """Found by another question to the store; no other turn differs, though each names another policy."""
    run = desk.with_policy(mode, "Here is your order.", "Your order is here.")
    concerned = desk.turns(f"{CONCERNED} text = 'Here is your order.'")
    assert 0 < len(concerned) < TURNS
    found = desk.compared(run)
    assert {turn.turn_id for turn in found.different} == concerned
    assert found.identity.by_field == {"reply.text": len(concerned)}
    assert set(found.identity.not_compared) == {"policy", "reply.policy"}
    assert found.identical == 1 - len(concerned) / TURNS


def test_every_turn_is_listed_and_the_first_are_shown(desk: Desk) -> None:
    """However few are wanted side by side, the document has all, with what differs."""
    run = desk.with_policy("teacher-forced", "Here is your order.", "Order? Here.")
    found = desk.compared(run, differences=2)
    assert len(found.differences) == 2
    listed = as_json(found)["different"]
    assert len(listed) == found.identity.different > 2
    assert {row["turn_id"] for row in listed} == {turn.turn_id for turn in found.different}
    assert set(listed[0]) == {"tenant", "session_id", "turn_id", "fields"}
    assert listed[0]["fields"] == ["reply.text"]


@both_modes
def test_one_rule_altered_changes_the_turns_that_it_concerns(desk: Desk, mode: Mode) -> None:
    """A scenario gets another template. A free run counts those turns that still answer what was said before."""
    old = "rungs: [knowledge, template], template: order_help"
    run = desk.with_policy(mode, old, old.replace("order_help", "sorry"))
    concerned = desk.turns(
        "SELECT DISTINCT turn_id FROM routes FINAL "
        "WHERE run_id = 'live' AND scenario = 'returns_exchange' AND template = 'order_help'"
    )
    counted = desk.turns("SELECT turn_id FROM run_turns FINAL WHERE run_id = {run:String} AND on_policy", run)
    found = desk.compared(run)
    assert {turn.turn_id for turn in found.different} == concerned & counted
    assert concerned & counted
    assert (len(counted) < TURNS) == (mode == "free-run")
    for turn in found.different:
        assert set(turn.fields) == {"template", "reply.text", "reply.template"}


def test_another_model_differs_where_it_says_something_else(desk: Desk) -> None:
    """Its scores have no common scale with those of the other model, and are not compared; what it decides is."""
    run = desk.with_intents({"hm": ("track_order", "order_query")})
    concerned = desk.turns("SELECT DISTINCT turn_id FROM messages FINAL WHERE run_id = 'live' AND text = 'hm'")
    found = desk.compared(run)
    assert {turn.turn_id for turn in found.different} == concerned
    assert all("scores" not in turn.fields and "intent.label" in turn.fields for turn in found.different)


@both_modes
def test_the_replay_and_the_comparison_agree_on_what_is_identical(desk: Desk, mode: Mode) -> None:
    """Live again is, in every decision, by both."""
    run = desk.again(mode)
    found = desk.compared(run)
    assert (found.identical, found.identity.scored) == (desk.identical(run), TURNS) == (1.0, TURNS)
    assert found.different == ()
