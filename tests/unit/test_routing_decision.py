"""What is decided about a turn."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from processors import routing
from processors.labels import FAMILY, LABELS
from processors.policy import Rules
from processors.routing import Signals
from schemas.events import Customer, MessageReceived, Record, SessionClosed, SessionReturned
from tests.unit.dialogues import SECOND, START, Dialogue, a_message, a_meta, an_order_number, heard, some_rules

GOLD = Customer("c-2", tier="gold")


def test_a_first_turn_begins_an_episode_named_after_it() -> None:
    """The first turn of a session is number 1 of an episode with its own id."""
    route = Dialogue().says("where is my order", heard("track_order", "logistics"))
    assert (route.state.seq, route.state.turn_seq) == (1, 1)
    assert route.state.episode_id == route.meta.turn_id
    assert route.earlier_deadline_at is None
    assert (route.owner, route.scenario, route.step, route.trigger) == (
        "reply", "logistics", "which", "intent:track_order",
    )  # fmt: skip


def test_the_same_turn_is_decided_the_same_at_any_time() -> None:
    """Nothing but the time at which it was made differs between two decisions on one turn."""
    rules, record = some_rules(), a_message("hello")
    signals = heard("greeting", "chit_chat")
    first = routing.decide(rules, "k", None, record, signals, START)
    again = routing.decide(rules, "k", None, record, signals, START + 999 * SECOND)
    assert again._replace(meta=again.meta._replace(occurred_at=first.meta.occurred_at)) == first


def test_a_pause_longer_than_the_timeout_begins_a_new_episode() -> None:
    """By log time; the count of changes goes on, the count of turns begins anew."""
    talk = Dialogue()
    talk.says("hi", heard("greeting", "chit_chat"))
    second = talk.says("hi again", heard("greeting", "chit_chat"), after=600)
    third = talk.says("hello?", heard("greeting", "chit_chat"), after=601)
    assert (second.state.turn_seq, second.state.episode_id != second.meta.turn_id) == (2, True)
    assert (third.state.seq, third.state.turn_seq, third.state.episode_id) == (3, 1, third.meta.turn_id)


def test_a_closed_conversation_begins_anew() -> None:
    """After SessionClosed the next message begins an episode, and nothing is left of the old one."""
    talk = Dialogue()
    talk.says("where is my order", heard("track_order", "logistics"))
    talk.closed()
    route = talk.says("ok", heard("confirm", "dialogue_act"))
    assert (route.state.turn_seq, route.state.seq, route.scenario) == (1, 3, "other")


def test_an_acknowledgement_continues_the_task() -> None:
    """An order number alone goes on in the scenario, to the step that waited for it."""
    talk = Dialogue()
    talk.says("where is my order", heard("track_order", "logistics"))
    route = talk.says("20260001", heard("give_details", "dialogue_act", entities=(an_order_number(),)))
    assert (route.scenario, route.step, route.template, route.rungs) == (
        "logistics", "found", "found", ("template", "fallback"),
    )  # fmt: skip
    assert route.slots == {"order_number": "20260001"}
    assert route.trigger == "continues:give_details"


def test_a_step_is_passed_when_the_message_already_names_what_it_waits_for() -> None:
    """Who gives the order number at once is not asked for it."""
    route = Dialogue().says("where is 20260001", heard("track_order", "logistics", entities=(an_order_number(),)))
    assert route.step == "found"


def test_an_aside_leaves_the_task_where_it_is() -> None:
    """Thanks between question and answer do not make the bot forget the question."""
    talk = Dialogue()
    talk.says("where is my order", heard("track_order", "logistics"))
    aside = talk.says("thanks", heard("thanks", "chit_chat"))
    route = talk.says("20260001", heard("give_details", "dialogue_act", entities=(an_order_number(),)))
    assert (aside.scenario, aside.state.scenario, aside.state.step) == ("chit_chat", "logistics", "which")
    assert (route.scenario, route.step) == ("logistics", "found")
    assert route.state.history == ("logistics", "chit_chat", "logistics")


def test_a_faint_intent_does_not_lead_out_of_a_task() -> None:
    """Below switch_confidence a follow-up stays in the task; without a task it counts."""
    faint = heard("refund_request", "returns_exchange", confidence=0.5)
    assert Dialogue().says("and the money", faint).scenario == "returns_exchange"
    talk = Dialogue()
    talk.says("where is my order", heard("track_order", "logistics"))
    route = talk.says("and the money", faint)
    assert (route.scenario, route.trigger) == ("logistics", "stays:refund_request")


def test_keywords_lead_without_any_intent() -> None:
    """English keywords count as whole words, Chinese ones anywhere, in any width and case."""
    nothing = heard("unknown", "other", confidence=0.0)
    assert Dialogue().says("I want my ＭＯＮＥＹ  back", nothing).trigger == "keyword:money back"
    assert Dialogue().says("我想退换一下", nothing).scenario == "returns_exchange"
    assert Dialogue().says("moneybacked", nothing).scenario == "other"


def test_entry_path_and_history_count_together() -> None:
    """A trigger holds only when all of its conditions do."""
    talk = Dialogue()
    nothing = heard("unknown", "other", confidence=0.0)
    assert talk.says("hm", nothing, path="returns/new").scenario == "other"
    talk.says("where is my order", heard("track_order", "logistics"))
    route = talk.says("hm", nothing, path="returns/new")
    assert (route.scenario, route.trigger) == ("returns_exchange", "entry_path:returns/")


def test_identity_counts() -> None:
    """What asks for a verified customer is not open to another."""
    wish = heard("start_service", "service_change")
    assert Dialogue(customer=Customer("c", verified=True)).says("join", wish).scenario == "service_change"
    assert Dialogue().says("join", wish).scenario == "other"


def test_what_is_not_understood_is_asked_back_then_handed_over() -> None:
    """The policy's number of turns in a row; the reason says why."""
    talk, unclear = Dialogue(), heard("unknown", "other", confidence=0.1)
    first = talk.says("the thing", unclear)
    second = talk.says("that thing", unclear)
    assert (first.template, first.rungs, first.handoff, first.state.failures) == (
        "ask", ("knowledge", "template", "fallback"), False, 1,
    )  # fmt: skip
    assert (second.handoff, second.handoff_reason, second.rungs) == (True, "low_confidence", ("human",))


def test_a_turn_that_is_understood_ends_the_row_of_failures() -> None:
    """Failures count in a row."""
    talk, unclear = Dialogue(), heard("unknown", "other", confidence=0.1)
    talk.says("the thing", unclear)
    talk.says("hello", heard("greeting", "chit_chat"))
    assert not talk.says("that thing", unclear).handoff


def test_being_stuck_in_a_step_hands_over() -> None:
    """Who never gives what the step waits for is not asked for ever."""
    talk = Dialogue()
    talk.says("where is my order", heard("track_order", "logistics"))
    ok = heard("confirm", "dialogue_act")
    assert not talk.says("ok", ok).handoff
    assert talk.says("ok", ok).handoff_reason == "repeated_failure"


def test_who_was_not_helped_is_handed_over() -> None:
    """Saying so twice is a repeated failure."""
    talk, no = Dialogue(), heard("not_helped", "dialogue_act")
    talk.says("my lamp", heard("return_item", "returns_exchange"))
    assert talk.says("that did not help", no).template == "ask"
    assert talk.says("still not", no).handoff_reason == "repeated_failure"


def test_who_asks_for_a_human_gets_one_and_is_told_once() -> None:
    """The turn's reply says so; later turns are the human's, and the bot is silent."""
    talk = Dialogue()
    route = talk.says("human please", heard("request_human", "human_handoff"))
    later = talk.says("hello?", heard("greeting", "chit_chat"))
    assert (route.owner, route.handoff, route.handoff_reason, route.rungs, route.template) == (
        "reply", True, "asked_for", ("human",), "human",
    )  # fmt: skip
    assert (later.owner, later.handoff, later.rungs, later.state.handed_off) == ("human", False, ("human",), True)


def test_the_desk_returns_the_session_to_the_bot() -> None:
    """After SessionReturned the bot answers again, with nothing held against the customer."""
    talk = Dialogue()
    talk.says("human please", heard("request_human", "human_handoff", anger=0.5))
    talk.returned()
    route = talk.says("hello", heard("greeting", "chit_chat"))
    assert (route.owner, route.state.handed_off, route.state.failures, route.state.anger) == ("reply", False, 0, 0.0)


def test_a_handoff_ends_by_itself_when_its_time_is_up() -> None:
    """By log time, also when the customer paused longer than an episode lasts in between."""
    talk = Dialogue()
    talk.says("human please", heard("request_human", "human_handoff"))
    assert talk.says("still there?", heard("greeting", "chit_chat"), after=1800).owner == "human"
    assert talk.says("hello", heard("greeting", "chit_chat"), after=1).owner == "reply"


def test_a_return_counts_once_and_only_for_the_handoff_before_it() -> None:
    """Read again after a crash it changes nothing, and an unknown session has nothing to return."""
    talk = Dialogue()
    event = SessionReturned(a_meta(START), "agent-1")
    early = Record("chat.messages", 0, 0, START, event)
    assert routing.after_return(None, early, START) is None
    talk.says("human please", heard("request_human", "human_handoff"))
    assert routing.after_return(talk.state, early, START) is None
    talk.returned()
    assert routing.after_return(talk.state, early._replace(appended_at=talk.at), START) is None


def test_a_close_counts_once() -> None:
    """Closing what is closed, or was never open, or has gone on since, changes nothing."""
    talk = Dialogue()
    close = Record("chat.messages", 0, 0, START, SessionClosed(a_meta(START)))
    assert routing.after_close(None, close, START) is None
    talk.says("hi", heard("greeting", "chit_chat"))
    assert routing.after_close(talk.state, close, START) is None
    talk.closed()
    assert routing.after_close(talk.state, close._replace(appended_at=talk.at), START) is None


def test_anger_soothes_then_hands_over() -> None:
    """One angry message is soothed; anger that stays hands over. The newest weighs most."""
    talk = Dialogue()
    angry = heard("delivery_time", "logistics", anger=0.8)
    first = talk.says("WHERE IS IT", angry)
    second = talk.says("ANSWER ME", angry)
    assert (first.soothing, first.handoff, first.state.anger) == ("sorry", False, 0.56)
    assert (second.soothing, second.handoff_reason) == ("sorry", "anger")


def test_tier_and_intent_rules_hand_over_at_once() -> None:
    """A scenario may hand over certain customers and certain wishes without trying."""
    complaint = heard("complaint", "complaint")
    assert Dialogue(customer=GOLD).says("I complain", complaint).handoff_reason == "policy"
    assert not Dialogue().says("I complain", complaint).handoff
    assert Dialogue().says("I was hacked", heard("fraud", "account_security")).handoff_reason == "policy"


def test_missing_signals_are_named_and_do_no_harm() -> None:
    """Without an intent the task goes on, or is asked for; it counts as no failure of the customer's."""
    talk = Dialogue()
    route = talk.says("where is my order", Signals())
    assert route.signals.missing == ("intent", "sentiment", "entities")
    assert (route.scenario, route.trigger, route.template, route.state.failures) == ("other", "no_signal", "ask", 0)
    talk.says("where is my order", heard("track_order", "logistics"))
    assert talk.says("and?", Signals()).scenario == "logistics"


def test_out_of_scope_is_its_own_scenario() -> None:
    """By the threshold of the policy."""
    weather = heard("off_topic", "out_of_scope", out_of_scope=0.9)
    assert Dialogue().says("the weather?", weather).scenario == "out_of_scope"


def test_the_answer_is_in_the_language_of_the_text_else_of_the_customer() -> None:
    """A text without a language, such as a number, is answered in the customer's."""
    number = heard("give_details", "dialogue_act", lang="und")
    chinese = Customer("c", attributes={"lang": "zh"})
    assert Dialogue().says("退货", heard("return_item", "returns_exchange", lang="zh")).lang == "zh"
    assert Dialogue().says("我要 return", heard("return_item", "returns_exchange", lang="mixed")).lang == "zh"
    assert Dialogue(customer=chinese).says("123", number).lang == "zh"
    assert Dialogue(customer=Customer("c", attributes={"lang": "fr"})).says("123", number).lang == "en"


def test_deadlines_accumulate_so_that_replies_keep_their_order() -> None:
    """A turn's reply may be held back for earlier ones until their latest deadline."""
    talk = Dialogue()
    first = talk.says("hi", heard("greeting", "chit_chat"))
    second = talk.says("hi", heard("greeting", "chit_chat"))
    assert second.earlier_deadline_at == first.meta.deadline_at
    assert second.state.deadline_at == second.meta.deadline_at


def test_a_rejected_message_gets_the_fallback_by_the_times_of_the_log() -> None:
    """Garbage in its fields reaches nobody; the turn counts, and the task stays."""
    talk = Dialogue()
    talk.says("where is my order", heard("track_order", "logistics"))
    at = talk.at + SECOND
    event = a_message("x", at, 7).event
    assert isinstance(event, MessageReceived)
    meta = event.meta._replace(occurred_at=-5, turn_started_at=77, deadline_at=None)
    event = event._replace(text="\x00" * 9, channel="we\x00b", meta=meta)
    route = routing.reject(talk.rules, "k", talk.state, Record("chat.messages", 0, 7, at, event), "text is odd", at)
    assert (route.rungs, route.owner, route.rejected, route.text, route.channel) == (
        ("fallback",), "reply", "text is odd", "", "web",
    )  # fmt: skip
    assert (route.meta.turn_started_at, route.meta.deadline_at) == (at, at + 5 * SECOND)
    assert (route.state.turn_seq, route.state.scenario, route.state.last_turn_at) == (2, "logistics", at)


def test_a_state_of_another_policy_version_is_no_obstacle() -> None:
    """A scenario or step that the version in force does not have is left behind."""
    talk = Dialogue()
    talk.says("where is my order", heard("track_order", "logistics"))
    policy = talk.rules.policy
    scenarios = {k: v for k, v in policy.scenarios.items() if k != "logistics"}
    talk.rules = Rules(replace(policy, scenarios=scenarios))
    assert talk.says("ok", heard("confirm", "dialogue_act")).scenario == "other"


some_signals = st.one_of(
    st.just(Signals()),
    st.builds(
        lambda label, confidence, anger: heard(label, FAMILY[label], confidence, anger),
        st.sampled_from(LABELS),
        st.floats(0, 1),
        st.floats(0, 1),
    ),
)
some_events = st.one_of(st.tuples(some_signals, st.floats(0, 4_000)), st.sampled_from(["return", "close"]))


@given(st.lists(some_events, max_size=12))
@settings(max_examples=150, deadline=None)
def test_whatever_happens_a_turn_has_one_owner_and_a_way_to_answer(events: list[tuple[Signals, float] | str]) -> None:
    """In any order of wishes, moods, pauses, returns and closes; counts go up, and only a handoff silences the bot."""
    talk = Dialogue()
    rules = talk.rules
    for event in events:
        before = talk.state
        if isinstance(event, tuple):
            route = talk.says("text", event[0], after=event[1])
            state = route.state
            assert state.seq == (before.seq + 1 if before is not None else 1)
            assert state.turn_seq == 1 or (before is not None and state.turn_seq == before.turn_seq + 1)
            assert (state.turn_seq == 1) == (state.episode_id == route.meta.turn_id)
            assert (route.owner == "human") == (state.handed_off and not route.handoff)
            assert route.handoff == (route.handoff_reason is not None)
            assert route.rungs[-1] in ("fallback", "human")
            assert route.template is None or route.template in rules.policy.templates
            assert route.scenario in rules.policy.scenarios
            assert 0 <= state.anger <= 1
        elif event == "return" and before is not None and before.handed_off:
            talk.returned()
        elif event == "close" and before is not None and before.turn_seq:
            talk.closed()
