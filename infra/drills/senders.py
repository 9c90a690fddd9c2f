"""Honest messages twice, out of order or late: what becomes of them equals what becomes of them sent well."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from infra.drills.drilling import Drilling
from infra.drills.load import Manner
from schemas.catalogue import MESSAGES, REPLIES, ROUTES
from schemas.codec import Codec
from schemas.events import MessageReceived, Record, ReplyProduced, ScenarioRouted
from streams.log import read_to_end

SHARES: Final = (0.05, 0.05, 0.05)
"""Of messages: published twice, after the next of their session, an hour late."""
LONG: Final = 60.0
"""Seconds for an answer: none of them may be made by a lower rung because the machine is busy."""


def unruly(rate: float) -> Manner:
    """Senders that repeat, reorder and delay."""
    repeated, reordered, late = SHARES
    return replace(_well_behaved(rate), repeated=repeated, reordered=reordered, late=late)


def _well_behaved(rate: float) -> Manner:
    return Manner(rate, deadline=LONG, over_http=False)


def senders(it: Drilling) -> None:
    """Unruly senders; afterwards their turns are held against those of well-behaved ones that said the same."""
    it.result.times = it.plan.times
    it.wait(2.0 * it.plan.times)
    clean = it.another_load(it.load.seed, _well_behaved(it.plan.rate))
    with clean:
        it.wait(2.0 * it.plan.times + it.plan.warm)
        clean.finish()
    it.load.finish()
    codec = it.load.codec or Codec()
    unruly_turns, clean_turns = _decided(it, codec, it.load.name), _decided(it, codec, clean.name)
    by_text = dict(clean_turns.values())
    different = {turn for turn, (text, made) in unruly_turns.items() if by_text.get(text, made) != made}
    it.note(f"{len(unruly_turns)} turns of unruly senders held against {len(clean_turns)} clean ones by their text")
    if different:
        it.problem(f"{len(different)} turns ended otherwise than clean: {sorted(different)[:3]}")
    repeats = sum(m.acked_repeats for m in it.load.manifest.messages)
    it.note(f"{repeats} of {it.load.sent} messages were published twice; about as many reordered, and late")


def _decided(it: Drilling, codec: Codec, name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Of each turn of these sessions: its text, and the scenario, rung and text of its first reply."""
    texts: dict[str, str] = {}
    made: dict[str, tuple[str, ...]] = {}
    scenario: dict[str, str] = {}
    for record in read_to_end(it.ground.bootstrap, [MESSAGES, ROUTES, REPLIES], codec):
        if not isinstance(record, Record) or not record.event.meta.session_id.startswith(f"{name}."):
            continue
        event, turn = record.event, record.event.meta.turn_id or ""
        if isinstance(event, MessageReceived):
            texts.setdefault(turn, event.text)
        elif isinstance(event, ScenarioRouted):
            scenario.setdefault(turn, event.scenario)
        elif isinstance(event, ReplyProduced):
            made.setdefault(turn, (event.rung, event.text))
    return {t: (texts[t], (scenario.get(t, ""), *made.get(t, ()))) for t in texts}
