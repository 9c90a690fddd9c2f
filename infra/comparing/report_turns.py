"""Sections of the report: how turns moved, how far a free run went, and the turns that differ most, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from infra.comparing.identity import SCORES_DIFFER as SCORES
from infra.comparing.result import Comparison, Confusion, Survival, TurnDifference
from infra.comparing.wording import NONE, counted, share
from infra.reporting import svg
from infra.reporting.markup import Content, Html, element, joined, table
from infra.reporting.page import folded, note, tile, tiles
from streams.replay.differences import TOLERANCE

EMPTY: Final = "(empty)"
_MOVES: Final = 20
_LARGEST: Final = 16
"""Labels of which a whole table still can be read."""
_OPEN: Final = 3
"""So many turns are shown in full; the others open at a click."""
_FIRST: Final = (
    *("reply.text", "scenario", "step", "owner", "handoff", "handoff_reason", "reply.rung", "intent.label", "template"),
)


def confusions(c: Comparison) -> Html:
    """Which scenario and intent turns had in A and have in B."""
    return joined(_confusion(found) for found in c.confusions if found.cells)


def _confusion(found: Confusion) -> Html:
    moved = sorted(((a, b, n) for a, b, n in found.cells if a != b), key=lambda cell: (-cell[2], cell[0], cell[1]))
    of = share(found.moved / found.turns) if found.turns else NONE
    parts: list[Content] = [element("h3", found.about.capitalize())]
    if not moved:
        return joined([*parts, note(f"All {counted(found.turns, 'turn')} have the same {found.about} in both.")])
    rows = ([_label(a), _label(b), f"{n:,}"] for a, b, n in moved[:_MOVES])
    about = f"{counted(found.moved, 'turn')} of {found.turns:,} ({of}) moved"
    more = f"; the {_MOVES} most frequent of {len(moved)} moves" if len(moved) > _MOVES else ""
    parts.append(table(("in A", "in B", "turns"), rows, left=2, caption=f"{about}{more}."))
    labels = sorted({label for a, b, _ in found.cells for label in (a, b)}, key=lambda label: (not label, label))
    if len(labels) <= _LARGEST:
        parts.append(folded("The whole table", _whole(found, labels)))
    return joined(parts)


def _whole(found: Confusion, labels: Sequence[str]) -> Html:
    counts = {(a, b): n for a, b, n in found.cells}
    rows = [
        [_label(a), *(_cell(counts.get((a, b), 0), a == b) for b in labels)]
        for a in labels
        if any((a, b) in counts for b in labels)
    ]
    caption = f"Rows: {found.about} in A. Columns: in B. Bold: the same in both."
    return table(("A \\ B", *(_label(b) for b in labels)), rows, caption=caption)


def _cell(count: int, same: bool) -> Content:
    if not count:
        return element("span", "·", class_="soft")
    return element("b", f"{count:,}") if same else f"{count:,}"


def _label(label: str) -> str:
    return label or "(none)"


def survival(c: Comparison) -> Html:
    """Of a free run alone."""
    found = c.survival
    if found is None:
        return Html("")
    figures = tiles(
        [
            tile("turns that survived", f"{found.survived:,} of {found.turns:,}", _part(found.survived, found.turns)),
            tile(
                "conversations that survived whole",
                f"{found.sessions_whole:,} of {found.sessions:,}",
                _part(found.sessions_whole, found.sessions),
            ),
        ]
    )
    said = "A turn survives while every reply before it was equivalent to the one that the customer saw: the same "
    said += "text, the same template and step, the same articles, or both with a human. Only such turns count above."
    parts: list[Content] = [figures]
    if found.by_turn:
        title = element("h3", "By turn of the conversation")
        parts.append(element("div", title, _survived(found), class_="card"))
    return joined([*parts, note(said)])


def _part(count: int, of: int) -> str:
    return share(count / of) if of else NONE


def _survived(found: Survival) -> Html:
    """Bars by turn, each with its share written at its end."""
    shown = found.by_turn[:12]
    left, width, step = 56, 250, 22
    parts: list[Html] = []
    for i, (number, survived) in enumerate(shown):
        y = 4 + i * step
        parts.append(svg.text(left - 8, y + 13, f"turn {number}", "end"))
        parts.append(svg.tag("rect", "track", x=left, y=y, width=width, height=16, rx=2))
        parts.append(svg.tag("rect", "one", x=left, y=y, width=width * max(0.0, min(1.0, survived)), height=16, rx=2))
        parts.append(svg.text(left + width + 8, y + 13, share(survived, 0), "start"))
    label = "; ".join(f"turn {number} {share(survived, 0)}" for number, survived in shown)
    return svg.svg(left + width + 60, 8 + len(shown) * step, f"Share of turns that survived: {label}", parts, "bars")


def differences(c: Comparison) -> Html:
    """The turns themselves, weightiest first."""
    if not c.differences:
        return note("No turn differs.") if not c.identity.different else Html("")
    shown = len(c.differences)
    about = f"{shown:,} of {counted(c.identity.different, 'turn')} that differ, weightiest first: who answers counts "
    about += "most, then the scenario, the rung, the text."
    cards = (_difference(found, i < _OPEN) for i, found in enumerate(c.differences))
    return joined([note(about), *cards])


def _difference(found: TurnDifference, whole: bool) -> Html:
    said = element("b", f"“{found.text}”" if found.text else "(no text)")
    what = element("small", f" differs in {', '.join(found.fields) or 'nothing'}")
    where = note(f"{found.tenant} · session {found.session_id} · turn ", element("code", found.turn_id))
    differ = differing(found)
    same = [f for f in _ordered(found) if f not in differ]
    parts: list[Content] = [where]
    if differ:
        parts.append(_side_by_side(found, differ, "What differs."))
    if same:
        unchanged = _side_by_side(found, same, "What is the same.")
        parts.append(folded(f"{counted(len(same), 'decision')} the same", unchanged))
    opened = {"open": "open"} if whole else {}
    return element("details", element("summary", said, what), *parts, class_="turn", **opened)


def differing(found: TurnDifference) -> list[str]:
    """The decisions that differ, scores one by one, in the order in which people look at them."""
    scores = SCORES in found.fields
    return [f for f in _ordered(found) if f in found.fields or (scores and _apart(found, f))]


def _apart(found: TurnDifference, field: str) -> bool:
    """Whether it is a score, further off than rounding explains."""
    a, b = found.a.get(field), found.b.get(field)
    return isinstance(a, float) and isinstance(b, float) and abs(a - b) > TOLERANCE


def _ordered(found: TurnDifference) -> list[str]:
    """Every decision that either has: what people look at first, then as A has them."""
    every = list(dict.fromkeys([*found.a, *found.b, *(f for f in found.fields if f != SCORES)]))
    return [f for f in _FIRST if f in every] + [f for f in every if f not in _FIRST]


def _side_by_side(found: TurnDifference, fields: Iterable[str], caption: str) -> Html:
    rows = [[said_of(field), *(_shown(said) for said in sides(found, field))] for field in fields]
    return table(("decision", "A", "B"), rows, left=3, texts=(1, 2), caption=caption)


def said_of(field: str) -> str:
    """`reply: rung` of `reply.rung`."""
    return field.replace("_", " ").replace(".", ": ")


def sides(found: TurnDifference, field: str) -> tuple[str, str]:
    """What both decided, for people; of two mappings, such as states, only where they differ."""
    a, b = found.a.get(field), found.b.get(field)
    if isinstance(a, Mapping) and isinstance(b, Mapping) and a != b:
        apart = [key for key in dict.fromkeys([*a, *b]) if a.get(key) != b.get(key)]
        a, b = ({key: side.get(key) for key in apart} for side in (a, b))
    return _said(a), _said(b)


def _said(decision: Any) -> str:
    """What is not there is said so, and is not an empty text."""
    return NONE if decision is None else written(decision) or EMPTY


def _shown(said: str) -> Content:
    return element("span", said, class_="soft") if said in (NONE, EMPTY) else said


def written(decision: Any) -> str:
    """A decision for people: names and numbers, lists with commas, mappings with colons."""
    if isinstance(decision, bool):
        return "yes" if decision else "no"
    if isinstance(decision, float):
        return f"{decision:.4g}"
    if isinstance(decision, Mapping):
        return ", ".join(f"{key}: {written(item) or NONE}" for key, item in decision.items())
    if isinstance(decision, list | tuple):
        parts = [written(item) for item in decision]
        nested = any(isinstance(item, list | tuple | Mapping) for item in decision)
        return ("; " if nested else ", ").join(parts)
    return "" if decision is None else str(decision)
