"""Chinese messages out of the word lists: one clause or many, contrast, disappointed hope, denial, scorn, questions."""

from __future__ import annotations

import random
from typing import Final

from infra.training.texts.sentiment_lists import Domain, Message, anger, phrases

_SHARES: Final = ((-1, 0.40), (0, 0.28), (1, 0.32))
"""More is said against than for, and most praise of goods names a flaw: the lists and these shares say so."""
_WEIGHTS: Final = {
    "general": 2.0,
    "service": 2.0,
    "chat": 1.5,
    "food": 2.0,
    "hotel": 1.5,
    "travel": 0.6,
    "app": 0.6,
    "person": 0.5,
}
_PLAIN_WEIGHTS: Final = {"service": 5.0, "chat": 12.0}
"""By kind of goods, 1 where not named; what says nothing is said in chats, not in reviews."""
_GOODS: Final = frozenset({"clothes", "tablet", "shampoo", "computer", "heater", "fruit", "milk", "book"})
_LENGTHS: Final = ((2, 3, 4, 6, 9), (34, 32, 20, 9, 5))
_say: Final = phrases("zh")


def message(domains: tuple[Domain, ...], rng: random.Random) -> Message:
    """One message of a kind of goods and a feeling drawn by chance, dressed as people write."""
    polarity = rng.choices([p for p, _ in _SHARES], [w for _, w in _SHARES])[0]
    weights = _WEIGHTS if polarity else _PLAIN_WEIGHTS
    chosen = rng.choices(domains, [weights.get(d.name, 1.0) for d in domains])[0]
    general = next(d for d in domains if d.name == "general")
    text = _plain(chosen, rng) if polarity == 0 else _feeling(chosen, general, polarity, rng)
    text = _dressed(text, polarity, rng)
    return Message(text, polarity, _anger(text, rng) if polarity < 0 else 0.0)


def _anger(text: str, rng: random.Random) -> float:
    louder = 0.1 * ("！！" in text) + 0.1 * any(face in text for face in ("😡", "😤", "😠", "[怒]", "🤮"))
    return round(min(1.0, anger(text, "zh") + louder + rng.uniform(-0.05, 0.05)), 2)


def _clause(d: Domain, general: Domain, polarity: int, rng: random.Random) -> str:
    """Praise or blame: a clause of the lists, or what is said of an aspect."""
    home = general if d.name in _GOODS and rng.random() < 0.3 else d
    chance = rng.random()
    if chance < 0.06:
        return _denial(polarity, rng)
    if chance < 0.56:
        return rng.choice(home.good if polarity > 0 else home.bad).text
    aspect = rng.choice(home.aspects)
    opinion = rng.choice(aspect.good if polarity > 0 else aspect.bad).text
    very = _say.one("very", rng) if len(opinion) <= 2 else ""
    subject = rng.choice(("", "", "", rng.choice(d.kinds), rng.choice(d.kinds) + "的", rng.choice(d.kinds) + "，"))
    return f"{subject}{aspect.name}{_say.one('links', rng)}{very}{opinion}"


def _denial(polarity: int, rng: random.Random) -> str:
    """A bad word denied is praise, a good word denied is blame."""
    if rng.random() < 0.35:
        return _say.felt("denials", polarity, rng)
    return _say.felt("frames", polarity, rng).format(w=_say.felt("words", -polarity, rng))


def _feeling(d: Domain, general: Domain, polarity: int, rng: random.Random) -> str:
    chance = rng.random()
    if chance < (0.24 if polarity > 0 else 0.14):
        return _contrast(d, general, polarity, rng)
    if polarity < 0 and chance < 0.18:
        words = {"thing": rng.choice(d.aspects).name, "time": _say.one("times", rng)}
        words |= {"good": _clause(d, general, 1, rng), "bad": _clause(d, general, -1, rng)}
        return _say.one("scorn", rng).format(**words)
    if chance < 0.38:
        return _clause(d, general, polarity, rng)
    clauses = [_clause(d, general, polarity, rng) for _ in range(rng.choices(*_LENGTHS)[0])]
    if rng.random() < 0.2:
        clauses.insert(0, rng.choice(d.plain).text)
    if rng.random() < (0.25 if polarity > 0 else 0.12):
        clauses.insert(rng.randrange(len(clauses)), _clause(d, general, -polarity, rng))
    if rng.random() < 0.4:
        clauses.append(_say.felt("tails", polarity, rng))
    opening = _say.felt("openings", polarity, rng) if rng.random() < 0.25 else ""
    return opening + _joined(clauses, rng)


def _contrast(d: Domain, general: Domain, polarity: int, rng: random.Random) -> str:
    words = {name: _clause(d, general, 1, rng) for name in ("good", "good2", "good3")}
    words |= {name: _clause(d, general, -1, rng) for name in ("bad", "bad2")}
    return _say.felt("contrasts", polarity, rng).format(**words, end=_say.felt("tails", polarity, rng))


def _plain(d: Domain, rng: random.Random) -> str:
    """What says nothing for or against: statements, questions, one of each."""
    words = {"kind": rng.choice(d.kinds), "aspect": rng.choice(d.aspects).name, "plain": rng.choice(d.plain).text}
    chance = rng.random()
    if chance < 0.35:
        return _say.one("questions", rng).format(**words)
    if chance < 0.42:
        words |= {"good": _clause(d, d, 1, rng), "bad": _clause(d, d, -1, rng)}
        return _say.felt("contrasts", 0, rng).format(**words)
    said = [rng.choice(d.plain).text for _ in range(rng.choices((1, 2, 3), (40, 45, 15))[0])]
    return _say.one("greetings", rng) + _joined(said, rng)


def _joined(clauses: list[str], rng: random.Random) -> str:
    """One mark between all clauses, as hasty writers do, or another each time."""
    same = _say.one("joints", rng) if rng.random() < 0.5 else ""
    text = clauses[0]
    for clause in clauses[1:]:
        text += (same or rng.choice("，，，。！ ；")) + clause
    return text


def _dressed(text: str, polarity: int, rng: random.Random) -> str:
    text += _say.felt("ends", polarity, rng)
    if polarity and rng.random() < 0.07:
        text += _say.felt("faces", polarity, rng) * rng.choice((1, 1, 2, 3))
    if rng.random() < 0.05:
        text = text.replace("，", ",").replace("。", ".").replace("！", "!")
    return text
