"""Sections of the report: how faithful the replay was, what it took, and exactly what was compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.comparing import pictures
from infra.comparing.result import Comparison, Identity, RunInfo, Speed
from infra.comparing.summary import EFFECTS, gap_told, parts_of, side, speed_told, stretch
from infra.comparing.wording import NONE, counted, seconds, share
from infra.reporting.markup import Content, Html, element, joined, table
from infra.reporting.page import note, tile, tiles

_PARTS: Final = {
    "human_reply": "a human's reply",
    "generation": "a model's reply",
    "cache": "reply cache",
    "route": "routing",
}


def fidelity(c: Comparison) -> Html:
    """Identical share, what differs, what was recomputed, what the record lacks, gaps, speed."""
    parts: list[Content] = [_alike(c), _by_field(c), _recomputed(c), _missing(c), _gaps(c), _speed(c)]
    return joined(parts)


def _alike(c: Comparison) -> Html:
    i = c.identity
    only = f"{i.only_a:,} only in A, {i.only_b:,} only in B" if i.only_a or i.only_b else "each turn is in both"
    return tiles(
        [
            tile("identical", share(i.share), f"of {counted(i.turns, 'turn')}"),
            tile("turns that differ", f"{i.different:,}", only),
            tile("largest difference of a score", *_scores(i)),
        ]
    )


def _scores(i: Identity) -> tuple[str, str]:
    """With what is to be known of it; of two models' scores there is none."""
    if not i.scored:
        return NONE, "not compared: other models made them"
    same = "up to 0.001 counts as the same"
    return f"{i.score_difference:.2g}", same if i.scored == i.turns else f"{same}; {counted(i.scored, 'turn')} compared"


def _by_field(c: Comparison) -> Html:
    left_out = f" Not compared: {', '.join(c.identity.not_compared)}, which name what was replaced."
    left_out = left_out if c.identity.not_compared else ""
    found = sorted(c.identity.by_field.items(), key=lambda item: (-item[1], item[0]))
    if not found:
        return note(f"No decision differs in any turn.{left_out}")
    of = c.identity.turns
    rows = ([name.replace("_", " ").replace(".", ": "), f"{n:,}", share(n / of) if of else NONE] for name, n in found)
    said = f"In which decisions the runs differ.{left_out}"
    return table(("decision", "turns that differ", "of all"), rows, caption=said)


def _recomputed(c: Comparison) -> Html:
    known = [(name, p) for name, p in zip("AB", c.provenance, strict=True) if p is not None]
    if not known:
        return note("Neither run was replayed: nothing was recomputed or served.")
    rows = []
    for part in parts_of([shares for _, p in known for shares in (p.recomputed, p.served)]):
        row: list[Content] = [_PARTS.get(part, part)]
        for _, p in known:
            row += [_share(p.recomputed, part), _share(p.served, part)]
        rows.append(row)
    columns = ["part of a turn", *(f"{name} {what}" for name, _ in known for what in ("recomputed", "served"))]
    said = "Shares of turns. What was served from the record says nothing about a candidate."
    return table(columns, rows, caption=said)


def _share(shares: Mapping[str, float], part: str) -> str:
    return share(shares[part]) if part in shares else NONE


def _missing(c: Comparison) -> Html:
    rows = [
        [name, EFFECTS.get(effect, effect.replace("_", " ")), f"{turns:,}"]
        for name, p in zip("AB", c.provenance, strict=True)
        if p is not None
        for effect, turns in sorted(p.missing_effects.items())
    ]
    if not rows:
        return note("The record lacks nothing that a candidate called for.")
    said = "What a candidate called for and the record lacks. It was not made up."
    return table(("run", "effect", "turns"), rows, left=2, caption=said)


def _gaps(c: Comparison) -> Html:
    if not c.gaps:
        return note("The stretch is whole: nothing of it is gone from the log.")
    said = element("p", "Gone from the log, and so from the comparison:")
    return joined([said, element("ul", *(element("li", gap_told(gap)) for gap in c.gaps))])


def _speed(c: Comparison) -> Html:
    cards = [_took(name, speed) for name, speed in zip("AB", c.speed, strict=True) if speed is not None]
    return element("div", *cards, class_="pair") if cards else Html("")


def _took(name: str, speed: Speed) -> Html:
    parts: list[Content] = [element("h3", f"How fast {name} was replayed"), element("p", f"{speed_told(speed)}.")]
    total = sum(speed.by_part.values())
    if total > 0:
        by_share = [(part, s / total, s) for part, s in speed.by_part.items()]
        by_share.sort(key=lambda row: (-row[1], row[0]))
        label = "; ".join(f"{part} {share(of)}" for part, of, _ in by_share)
        parts.append(pictures.shares([(part, of) for part, of, _ in by_share], label))
        rows = (
            [joined([_swatch(i), _PARTS.get(part, part)]), seconds(s), share(of)]
            for i, (part, of, s) in enumerate(by_share)
        )
        parts.append(table(("part", "time", "of all"), rows, caption="Where the time went, of all processes together."))
    return element("div", *parts, class_="card")


def _swatch(i: int) -> Html:
    return element("span", "", class_=f"swatch s{i % 6}", aria_hidden="true")


def provenance(c: Comparison) -> Html:
    """Both runs with every fingerprint, and the seed: enough to do it again."""
    rows = []
    for label, find in (
        ("run", lambda run: run.run_id),
        ("what it is", side),
        ("mode", lambda run: run.mode or "live"),
        ("state", lambda run: run.status),
        ("stretch", lambda run: stretch(run.window) if run.window else "all of the log"),
        ("turns, conversations", lambda run: f"{run.turns:,}, {run.sessions:,}"),
    ):
        rows.append([label, find(c.a), find(c.b)])
    for part in dict.fromkeys([*c.a.fingerprints, *c.b.fingerprints]):
        rows.append([part, _fingerprints(c.a, part), _fingerprints(c.b, part)])
    shown = table(("", "A", "B"), rows, left=3, texts=(1, 2), caption="Both runs, and the versions that made them.")
    return joined([shown, note(f"Seed of everything drawn: {c.seed}.")])


def _fingerprints(run: RunInfo, part: str) -> Content:
    found = run.fingerprints.get(part, ())
    return joined(element("div", element("code", each)) for each in found) if found else NONE
