"""English messages out of the word lists: posts to a company, chat, reviews; contrast, scorn, denial, questions."""

from __future__ import annotations

import random
from typing import Final

from infra.training.texts.sentiment_lists import Domain, Message, anger, phrases

_SHARES: Final = ((-1, 0.56), (0, 0.22), (1, 0.22))
"""Who writes to a company mostly has a reason to."""
_WEIGHTS: Final = {"airline": 8.0, "service": 4.0, "blame": 7.0, "asking": 2.0, "chat": 2.0}
_PLAIN_WEIGHTS: Final = {"airline": 8.0, "service": 5.0, "asking": 8.0, "chat": 6.0}
_ASIDES: Final = {-1: (45, 40, 15), 1: (75, 20, 5)}
"""How many statements of no feeling stand in a message of some: who complains tells what happened."""
_DETAILS: Final = {-1: (45, 30, 17, 8), 0: (55, 30, 10, 5), 1: (65, 25, 8, 2)}
_say: Final = phrases("en")


def message(domains: tuple[Domain, ...], rng: random.Random) -> Message:
    """One message of a kind of goods and a feeling drawn by chance, dressed as people write."""
    polarity = rng.choices([p for p, _ in _SHARES], [w for _, w in _SHARES])[0]
    weights = _WEIGHTS if polarity else _PLAIN_WEIGHTS
    chosen = rng.choices(domains, [weights.get(d.name, 1.0) for d in domains])[0]
    said = _feeling(chosen, rng.choice(domains), polarity, rng) if polarity else _plain(chosen, rng)
    text = _dressed(said, polarity, rng)
    return Message(text, polarity, _anger(text, rng) if polarity < 0 else 0.0)


def _anger(text: str, rng: random.Random) -> float:
    louder = 0.15 * text.isupper() + 0.1 * ("!!" in text) + 0.1 * any(face in text for face in ("😡", "😠", "😤"))
    return round(min(1.0, anger(text, "en") + louder + rng.uniform(-0.05, 0.05)), 2)


def _clause(d: Domain, polarity: int, rng: random.Random) -> str:
    """Praise or blame: a word denied, a clause of the lists, or what is said of an aspect."""
    chance = rng.random()
    if chance < 0.05:
        return _say.felt("frames", polarity, rng).format(w=_say.felt("words", -polarity, rng))
    if chance < 0.68:
        return rng.choice(d.good if polarity > 0 else d.bad).text
    aspect = rng.choice(d.aspects)
    opinion = rng.choice(aspect.good if polarity > 0 else aspect.bad).text
    return _say.one("about", rng).format(a=aspect.name, o=opinion, k=_say.one("places", rng))


def _feeling(d: Domain, other: Domain, polarity: int, rng: random.Random) -> str:
    chance = rng.random()
    if chance < 0.13:
        return _contrast(d, polarity, rng)
    if polarity < 0 and chance < 0.23:
        doing = _say.one("doings", rng).format(n=rng.randrange(20, 95, 5))
        return _say.one("scorn", rng).format(doing=doing, bad=_clause(d, -1, rng))
    if chance < 0.38:
        return _clause(d, polarity, rng)
    clauses = [_clause(d, polarity, rng) for _ in range(rng.choices((1, 2, 3, 5), (20, 45, 28, 7))[0])]
    for _ in range(rng.choices((0, 1, 2), _ASIDES[polarity])[0]):
        clauses.insert(rng.randrange(len(clauses) + 1), rng.choice(rng.choice((d, other)).plain).text)
    if rng.random() < 0.25:
        clauses.insert(0, _say.felt("openings", polarity, rng))
    if rng.random() < 0.35:
        clauses.append(_say.felt("tails", polarity, rng))
    return _joined(clauses, rng)


def _contrast(d: Domain, polarity: int, rng: random.Random) -> str:
    words = {name: _clause(d, 1, rng) for name in ("good", "good2")}
    words |= {name: _clause(d, -1, rng) for name in ("bad", "bad2")}
    words |= {"plain": rng.choice(d.plain).text, "tail": _say.felt("tails", 1, rng)}
    return _say.felt("contrasts", polarity, rng).format(**words)


def _plain(d: Domain, rng: random.Random) -> str:
    """What says nothing for or against: questions, statements, one of each."""
    words = {"plain": rng.choice(d.plain).text, "aspect": rng.choice(d.aspects).name, "kind": rng.choice(d.kinds)}
    chance = rng.random()
    if chance < 0.35:
        return _say.one("questions", rng).format(**words, n=_say.one("whom", rng))
    if chance < 0.40:
        return _say.felt("contrasts", 0, rng).format(**words, good=_clause(d, 1, rng), bad=_clause(d, -1, rng))
    return _joined([rng.choice(d.plain).text for _ in range(rng.choices((1, 2, 3), (45, 42, 13))[0])], rng)


def _joined(clauses: list[str], rng: random.Random) -> str:
    text = clauses[0]
    for clause in clauses[1:]:
        text += _say.one("joints", rng) + clause
    return text


def _detail(rng: random.Random) -> str:
    """Where, when, with whom: what real messages are full of, and what says nothing about feeling."""
    found = _say.one("details", rng)
    while "{city}" in found:
        found = found.replace("{city}", _say.one("city", rng), 1)
    words = {name: _say.one(name, rng) for name in ("day", "time", "kin")}
    words |= {"gate": rng.choice("ABCDEF") + str(rng.randrange(1, 60)), "half": rng.choice(("am", "pm"))}
    return found.format(**words, n=rng.randrange(2, 6000), h=rng.randrange(1, 13), m=rng.randrange(10, 60))


def _detailed(text: str, polarity: int, rng: random.Random) -> str:
    """The text with some details between its words or behind it."""
    for _ in range(rng.choices((0, 1, 2, 3), _DETAILS[polarity])[0]):
        words = text.split(" ")
        place = rng.choice((len(words), rng.randrange(len(words) + 1)))
        text = " ".join((*words[:place], _detail(rng), *words[place:]))
    return text


def _dressed(text: str, polarity: int, rng: random.Random) -> str:
    """Handle, details, capitals, shorthand, marks, tags and faces."""
    text = _detailed(text, polarity, rng)
    chance = rng.random()
    if chance < 0.45:
        text = text[0].upper() + text[1:]
    elif chance < 0.48:
        text = text.upper()
    elif chance < 0.55:
        text = text.lower()
    if rng.random() < 0.12:
        listed = _say.all("short")
        for whole, short in zip(listed[::2], listed[1::2], strict=True):
            text = text.replace(whole, short) if rng.random() < 0.6 else text
    text += _say.felt("ends", polarity, rng)
    if rng.random() < 0.10:
        text += " " + _say.felt("faces", polarity, rng) * rng.choice((1, 1, 1, 3))
    if rng.random() < 0.14:
        text += " " + _say.felt("tags", polarity, rng)
    if rng.random() < 0.5:
        text = f"{_say.one('handles', rng)} {text}"
    return text.strip()
