"""Plays a golden history through the whole pipeline in memory, with the product's models and the example tenants.

A history is a JSON file: `about`, `tenant`, `channel`, `customer`, `script`, and `turns`, which is what came of it.
A line of the script is one of

    {"says": TEXT}           a message; {"says": TEXT, "session": NAME} one of another session
    {"again": true}          the last message is delivered once more
    {"passes": SECONDS}      time passes
    {"returned": true}       the desk gives the session back to the bot
    {"closed": true}         the channel ends the conversation
    {"stops": STAGE}         a stage stops working; {"starts": STAGE} it goes on
    {"restarts": STAGE}      a stage loses its memory
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from infra.demo import TENANTS
from infra.tenants import activation, load_tenant
from processors.entities import PatternEntities
from processors.policy import Tenant
from schemas.codec import Codec
from schemas.events import Customer, MessageReceived, PolicyActivated, ReplyProduced, ScenarioRouted
from streams.testing import EPOCH, Conversations, Hold, Item, Pass, Release, Restart, a_close, a_message, a_return
from tests.shipped import intents, sentiments

HISTORIES: Final = Path(__file__).parent / "histories"
History = dict[str, Any]


def files() -> list[Path]:
    """The histories there are."""
    return sorted(HISTORIES.glob("*.json"))


def read(file: Path) -> History:
    """One of them."""
    history: History = json.loads(file.read_text(encoding="utf-8"))
    return history


def write(file: Path, history: History) -> None:
    """Writes a history as it is kept: one that has not changed stays the same, byte for byte."""
    file.write_text(json.dumps(history, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@cache
def _activations() -> tuple[PolicyActivated, ...]:
    tenants = [load_tenant(TENANTS / name) for name in ("bank", "shop")]
    return tuple(activation(t, 0, EPOCH) for t in tenants if isinstance(t, Tenant))


def play(history: History) -> list[dict[str, Any]]:
    """What comes of a history now, turn by turn."""
    talk = Conversations(_activations(), intents(), sentiments(), PatternEntities(), Codec())
    written: list[Item] = []
    for number, line in enumerate(history["script"]):
        item = _item(history, line, number, talk, written)
        written.append(item)
        talk.play([item], settle=False)
    talk.play([])
    order = {item.meta.event_id: n for n, item in reversed([*enumerate(written)]) if isinstance(item, MessageReceived)}
    replies = {r.meta.turn_id: r for r in talk.replies()}
    routes = sorted(talk.routes(), key=lambda route: order[route.meta.turn_id or ""])
    return [_turn(route, replies.get(route.meta.turn_id)) for route in routes]


def _item(history: History, line: dict[str, Any], number: int, talk: Conversations, written: list[Item]) -> Item:
    tenant, session, now = history["tenant"], line.get("session", "s-1"), talk.clock.now()
    match line:
        case {"says": text}:
            customer = Customer(**history.get("customer", {"id": "c-1"}))
            channel, entry = history.get("channel", "web"), history.get("entry_path", "")
            return a_message(text, tenant, session, now, f"m-{number}", 5.0, channel, customer, entry)
        case {"again": True}:
            return next(item for item in reversed(written) if isinstance(item, MessageReceived))
        case {"passes": seconds}:
            return Pass(seconds)
        case {"returned": True}:
            return a_return(tenant, session, now)
        case {"closed": True}:
            return a_close(tenant, session, now)
        case {"stops": stage}:
            return Hold(stage)
        case {"starts": stage}:
            return Release(stage)
        case {"restarts": stage}:
            return Restart(stage)
    raise ValueError(f"line {number} of the script says nothing that is known: {line}")


def _turn(route: ScenarioRouted, reply: ReplyProduced | None) -> dict[str, Any]:
    """What a reviewer must see of a turn; what is empty is left out."""
    state = route.state
    found = {
        "text": route.text,
        "session": route.meta.session_id if route.meta.session_id != "s-1" else "",
        "turn": state.turn_seq,
        "scenario": route.scenario,
        "step": route.step,
        "trigger": route.trigger,
        "owner": route.owner,
        "handoff": route.handoff_reason,
        "soothing": route.soothing,
        "slots": dict(sorted(route.slots.items())),
        "missing": list(route.signals.missing),
        "rejected": route.rejected,
        "failures": state.failures,
        "anger": round(state.anger, 1),
        "handed_off": state.handed_off,
        "rung": reply.rung if reply is not None else None,
        "passed_over": [f"{p.rung}: {p.reason}" for p in reply.passed_over] if reply is not None else [],
        "citations": [c.article_id for c in reply.citations] if reply is not None else [],
        "lang": reply.lang if reply is not None else None,
        "reply": reply.text if reply is not None else None,
    }
    return {key: value for key, value in found.items() if value not in (None, "", [], {}, 0, 0.0, False)}
