"""Recorded conversations, as files have them: one JSON object a line, `.gz` or not.

    {"conversation_id": …, "lang": "en", "turns": [{"speaker": "customer" | "agent", "text": …}]}

A conversation may also have tenant, channel, customer {id, tier, verified, attributes} and entry_path; a customer's
turn a scenario (its label) and webhook_repeats (how often the channel sends it again). Other fields are passed over.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from infra.local.errors import StackError
from schemas.events import SCENARIOS, Customer
from schemas.validation import MAX_TEXT, wrong_name

MAX_REPEATS = 100


class RecordingError(StackError):
    """A recording cannot be played; the message names file, line, field and remedy."""


@dataclass(frozen=True)
class Said:
    """One thing that was said. `scenario`: its label, for a customer's."""

    speaker: Literal["customer", "agent"]
    text: str
    scenario: str | None = None
    webhook_repeats: int = 0


@dataclass(frozen=True)
class Recorded:
    """A recorded conversation. `tenant` None: whoever plays it decides."""

    conversation_id: str
    lang: str
    turns: tuple[Said, ...]
    tenant: str | None = None
    channel: str = "web"
    customer: Customer | None = None
    entry_path: str = ""


def read_recordings(path: Path, limit: int | None = None) -> list[Recorded]:
    """The first `limit` conversations of a file, all of them checked. Raises RecordingError."""
    found: list[Recorded] = []
    seen: dict[str, int] = {}
    for number, line in _lines(path):
        if limit is not None and len(found) >= limit:
            break
        recorded = _conversation(_Where(path, number), line)
        earlier = seen.setdefault(recorded.conversation_id, number)
        if earlier != number:
            raise _Where(path, number).wrong("conversation_id", f"is that of line {earlier} too", "give each its own")
        found.append(recorded)
    if not found:
        raise RecordingError(f"{path}: no conversations; one JSON object a line is meant")
    return found


@dataclass(frozen=True)
class _Where:
    path: Path
    line: int

    def wrong(self, field: str, problem: str, remedy: str) -> RecordingError:
        return RecordingError(f"{self.path}:{self.line}: {field} {problem}: {remedy}")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as raw:
            lines = io.TextIOWrapper(raw, encoding="utf-8")
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as err:
        raise RecordingError(f"{path}: cannot be read after line {number}: {err}; check the path and the file") from err
    except UnicodeDecodeError as err:
        raise RecordingError(f"{path}: line {number + 1} or after is no UTF-8 ({err}); convert the file") from err


def _conversation(where: _Where, line: str) -> Recorded:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise where.wrong("line", f"is no JSON ({err})", "write one whole JSON object a line") from err
    if not isinstance(content, dict):
        raise where.wrong("line", "is no JSON object", "write one whole JSON object a line")
    turns = content.get("turns")
    if not isinstance(turns, list):
        raise where.wrong("turns", "is no list", 'give a list of {"speaker": "customer", "text": "…"}')
    return Recorded(
        _name(where, content, "conversation_id", None),
        _text(where, content, "lang", "und"),
        tuple(_said(where, f"turns[{i}]", turn) for i, turn in enumerate(turns)),
        _name(where, content, "tenant", "") or None,
        _name(where, content, "channel", "web"),
        _customer(where, content.get("customer")),
        _text(where, content, "entry_path", ""),
    )


def _said(where: _Where, field: str, turn: Any) -> Said:
    if not isinstance(turn, dict):
        raise where.wrong(field, "is no JSON object", 'give {"speaker": "customer", "text": "…"}')
    speaker = turn.get("speaker")
    if speaker not in ("customer", "agent"):
        raise where.wrong(f"{field}.speaker", f"is {speaker!r}", "give customer or agent")
    scenario = turn.get("scenario")
    if scenario is not None and scenario not in SCENARIOS:
        raise where.wrong(f"{field}.scenario", f"is {scenario!r}", f"give one of {', '.join(SCENARIOS)}")
    repeats = turn.get("webhook_repeats", 0)
    if not isinstance(repeats, int) or not 0 <= repeats <= MAX_REPEATS:
        raise where.wrong(f"{field}.webhook_repeats", f"is {repeats!r}", f"give a number from 0 to {MAX_REPEATS}")
    return Said(speaker, _text(where, turn, "text", None, f"{field}."), scenario, repeats)


def _customer(where: _Where, customer: Any) -> Customer | None:
    if customer is None:
        return None
    if not isinstance(customer, dict) or not isinstance(customer.get("attributes", {}), dict):
        raise where.wrong("customer", "is no JSON object", 'give {"id": "c1", "tier": "gold", "attributes": {}}')
    attributes = {str(k): str(v) for k, v in customer.get("attributes", {}).items()}
    tier = _text(where, customer, "tier", "standard", "customer.")
    verified = customer.get("verified", False)
    if not isinstance(verified, bool):
        raise where.wrong("customer.verified", f"is {verified!r}", "give true or false")
    return Customer(_name(where, customer, "id", None, "customer."), tier, verified, attributes)


def _text(where: _Where, content: dict[str, Any], field: str, missing: str | None, inside: str = "") -> str:
    value = content.get(field, missing)
    if not isinstance(value, str):
        problem = "is missing" if value is None else f"is {value!r}"[:80]
        raise where.wrong(f"{inside}{field}", problem, "give a text")
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise where.wrong(f"{inside}{field}", "contains half a surrogate pair", "write whole characters")
    return value


def _name(where: _Where, content: dict[str, Any], field: str, missing: str | None, inside: str = "") -> str:
    value = _text(where, content, field, missing, inside)
    wrong = wrong_name(value) if value or missing is None else None
    if wrong:
        raise where.wrong(f"{inside}{field}", wrong, "give a name of 1 to 256 characters without control characters")
    return value


def playable(text: str) -> str | None:
    """A recorded text as it can be sent: without NUL, cut to what a message may have; None where nothing is left."""
    text = text.replace("\x00", "")[:MAX_TEXT]
    return text if text.strip() else None
