"""Whether a generated reply may reach the customer: as it is, cut at a sentence, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from processors.guarding.figures import CITATION, Known, mentions
from processors.guarding.grounding import MIN_UNITS, ground_of, units
from processors.guarding.leaks import dictated, foreign_form, foreign_link, repeated
from processors.guarding.promises import asks_secret, claims_act
from processors.guarding.sentences import clauses, ends, sentences
from processors.language import language
from processors.ports import Passage
from processors.text import normalise

REASONS: Final[Mapping[str, str]] = {
    "empty": "nothing was said",
    "wrong_language": "not in the customer's language",
    "repeats_instructions": "tells what the prompt says, or speaks as a machine whose rules were changed",
    "foreign_form": "holds marks of a prompt, code, or hidden writing",
    "foreign_link": "holds a link or a domain that no article has",
    "cites_unknown": "cites an article that was not given",
    "invented_order": "names an order or a parcel that nobody gave",
    "invented_amount": "names an amount that nobody gave",
    "invented_date": "names a date or a time that nobody gave",
    "invented_number": "names another number that nobody gave",
    "customers_word": "states as ours a number that only the customer gave",
    "personal_data": "holds personal data that the customer did not say",
    "claims_act": "claims or promises an act that nothing stands behind",
    "dictated": "repeats a sentence of the customer's as ours",
    "asks_secret": "asks for a password, a code or a card's number",
    "not_grounded": "says what no article says",
    "too_long": "is longer than the limit",
    "unfinished": "ends within a sentence",
}
"""Every outcome of a guard, as replies and metrics name it."""
MENDED: Final = frozenset({"not_grounded", "too_long", "unfinished", "invented_number", "cites_unknown"})
"""What a cut mends. After the others the rest of the reply is not to be trusted either."""
MIN_SHARE: Final[Mapping[str, float]] = {"en": 0.51, "zh": 0.45}
"""Of what a sentence says must stand in the articles; pairs of characters break more easily than words."""
MAX_ASIDE: Final = 14
"""Words or pairs that a question, or a "we do not know", may have of its own."""
_OPEN: Final = re.compile(
    r"[?？]\s*$|\b(?:i|we)(?:'m| am|'re| are)? (?:do not|don't|cannot|can't|could not|couldn't|not|unable|have no)\b"
    r"|\bnot sure\b|\bno information\b|\b(?:colleague|human)\b"
    r"|^(?:and |so )?please (?:tell|let|provide|describe|check|confirm|contact|share|wait|send|give|ask|see|try)\b"
    r"|^let me know\b|看不到|不清楚|不知道|没有找到|找不到|查不到|没有查到"
    r"|无法|没法|没有相关|没有写|没有说明|我[^。，]{0,6}不能"
    r"|人工|同事|请您?(?:告诉|提供|说明|补充|描述|联系|稍)|麻烦您"
)
"""Asks, or says openly that it does not know."""
_COURTESY: Final = re.compile(
    r"\b(?:thanks?|sorry|apolog\w+|understand|congratulations)\b|抱歉|对不起|不好意思|感谢|谢谢|理解"
)
_COMPARES: Final = re.compile(
    r"\b(?:below|above|more than|less than|over|under|at least)\b|不满|超过|低于|高于|达到|满|不足|不到"
)
_SHORT: Final = 60
"""Characters of a reply that may be courtesy alone."""
_STATED: Final = frozenset({"invented_number", "invented_amount", "invented_date"})
_ECHOES: Final = re.compile(r"\b(?:you|your|you're|you've|yours|cannot|can't|don't|do not|not)\b|您|你|不|没|[?？]$")
"""Takes up what the customer said, or denies it, rather than stating it."""
_UNSEEN: Final = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\U000e0000-\U000e01ef]"
)


class Grounds(NamedTuple):
    """What a reply may rest on. Everything is this tenant's and this conversation's.

    said: the customer's own messages, this one among them. ours: what we said before. instructions: the prompt's
    (`compose.instructions`). at: when the customer wrote, microseconds UTC. acts: what stands behind the turn, for
    which a claim is allowed: none yet.
    """

    lang: str
    passages: tuple[Passage, ...] = ()
    slots: Mapping[str, str] = {}
    said: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    instructions: tuple[str, ...] = ()
    at: int = 0
    acts: frozenset[str] = frozenset()


class Limits(NamedTuple):
    """characters: of a reply. share: language to how much of a sentence must stand in the articles, 0 to 1."""

    characters: int = 900
    share: Mapping[str, float] = MIN_SHARE


class Finding(NamedTuple):
    """One guard's outcome: its word in REASONS, and the stretch of the reply that it is about."""

    reason: str
    stretch: str


class Verdict(NamedTuple):
    """`text`: what may be said; empty where the reply is refused, and the next rung answers."""

    outcome: Literal["passed", "mended", "refused"]
    text: str
    findings: tuple[Finding, ...]

    @property
    def reason(self) -> str:
        """The first guard's word; empty where the reply passed."""
        return self.findings[0].reason if self.findings else ""


def guard(reply: str, grounds: Grounds, limits: Limits = Limits(), complete: bool = True) -> Verdict:  # noqa: B008
    """Judges a reply. complete: false where the model was stopped by its limit or by the deadline.

    A mended reply is a beginning of what was generated, cut at a sentence, and was judged again. Any text whatever.
    """
    text = _UNSEEN.sub("", reply[:20_000]).strip()
    judge = _Judge(grounds, limits)
    found = sorted([*judge.whole(text), *(f for _, f in judge.parts(text))], key=lambda f: f.reason in MENDED)
    if not complete and text and not ends(text):
        found.append(Finding("unfinished", sentences(text)[-1]))
    if not found:
        return Verdict("passed", text, ())
    if all(f.reason in MENDED for f in found):
        cut = judge.cut(text, any(f.reason == "unfinished" for f in found))
        if cut and not judge.whole(cut) and not any(judge.parts(cut)):
            return Verdict("mended", cut, tuple(found))
    return Verdict("refused", "", tuple(found))


class _Judge:
    """The guards, with what they compare with made ready."""

    def __init__(self, grounds: Grounds, limits: Limits) -> None:
        self.grounds = grounds
        self.limits = limits
        articles = [part for p in grounds.passages for part in (p.title, p.text)]
        self.articles = "\n".join(articles)
        self.ground = ground_of(tuple(articles))
        self.share = limits.share.get(grounds.lang, max(limits.share.values()))
        self.heard = {unit for text in grounds.said for unit in units(text)}
        other = [*grounds.slots.values(), *grounds.ours, *grounds.said]
        self.numbers = {m.value for a in articles for m in mentions(normalise(a, 20_000), bare=True)}
        self.elsewhere = {m.value for t in other for m in mentions(normalise(t, 20_000), bare=True)}
        given = [*articles, *grounds.slots.values(), *grounds.ours]
        self.given = Known(given, grounds.at)
        self.known = Known([*given, *grounds.said], grounds.at)
        self.cited = len({p.article_id for p in grounds.passages})

    def whole(self, text: str) -> list[Finding]:
        """What the guards of the whole reply find."""
        if not text:
            return [Finding("empty", "")]
        found = []
        if not _in_language(text, self.grounds.lang):
            found.append(Finding("wrong_language", text[:60]))
        for reason, stretch in (
            ("repeats_instructions", repeated(text, self.grounds.instructions, [self.articles])),
            ("foreign_form", foreign_form(text, self.articles)),
            ("foreign_link", foreign_link(text, self.articles)),
            ("not_grounded", "" if self._says_something(text) else text[:60]),
            ("too_long", text[self.limits.characters :][:60]),
        ):
            if stretch:
                found.append(Finding(reason, stretch))
        return found

    def parts(self, text: str) -> Iterator[tuple[int, Finding]]:
        """What the guards of single sentences find, with the sentence's place."""
        for i, sentence in enumerate(sentences(text)):
            for number in CITATION.findall(sentence):
                if not 1 <= int(number) <= self.cited:
                    yield i, Finding("cites_unknown", f"[{number}]")
            invented = [*self.known.unknown(sentence), *self._misplaced(sentence)]
            for reason, stretch in invented:
                yield i, Finding(reason, stretch)
            plain = normalise(_plain(sentence))
            if not invented and not _ECHOES.search(plain) and not _COMPARES.search(plain):
                for reason, stretch in self.given.unknown(sentence):
                    if reason in _STATED:
                        yield i, Finding("customers_word", stretch)
            share = self.ground.share(_plain(sentence))
            part = self.ground.part(units(_plain(sentence)))
            claim = claims_act(_plain(sentence), part)
            if any(act in claim for act in self.grounds.acts):
                continue
            if claim:
                yield i, Finding("claims_act", claim)
            if not _opens(sentence) and (self.ground.denied(_plain(sentence)) or self.ground.overstated(sentence)):
                yield i, Finding("not_grounded", _plain(sentence))
            if dictated(_plain(sentence), self.grounds.said, self.articles):
                yield i, Finding("dictated", _plain(sentence))
            if secret := asks_secret(_plain(sentence), part):
                yield i, Finding("asks_secret", secret)
            if share < self.share:
                for clause in clauses(_plain(sentence)):
                    said = units(clause)
                    if len(said) >= MIN_UNITS and not self._holds(clause, said):
                        yield i, Finding("not_grounded", clause.strip())
                        break

    def _misplaced(self, sentence: str) -> Iterator[tuple[str, str]]:
        """Numbers that the articles have, but of something else."""
        near = self.ground.near(_plain(sentence))
        written = {m.value for s in near for m in mentions(normalise(s), bare=True)}
        for mention in mentions(normalise(CITATION.sub(" ", sentence)), bare=True):
            value = mention.value
            if len(value) < 5 and value in self.numbers and value not in written and value not in self.elsewhere:
                yield "invented_number", value

    def _holds(self, clause: str, said: Sequence[str]) -> bool:
        if self.ground.part(said) >= self.share:
            return True
        if len(said) <= MAX_ASIDE and _opens(clause):
            return True
        if _COURTESY.search(normalise(clause)):
            own = [unit for unit in said if unit not in self.heard]
            return len(own) < MIN_UNITS or self.ground.part(own) >= self.share
        return False

    def _says_something(self, text: str) -> bool:
        """Whether any sentence rests on an article, or says openly that it asks or does not know."""
        for sentence in sentences(text):
            plain = _plain(sentence)
            said = units(plain)
            if _opens(plain) or (len(said) >= 2 and self.ground.part(said) >= self.share):
                return True
            if _COURTESY.search(normalise(plain)) and len(text) < _SHORT:
                return True
            if any(m.value in self.numbers for m in mentions(normalise(plain))):
                return True
        return False

    def cut(self, text: str, unfinished: bool) -> str:
        """The beginning up to the first sentence with a finding, within the limit."""
        parts = sentences(text)
        stop = min([i for i, _ in self.parts(text)], default=len(parts))
        if unfinished:
            stop = min(stop, len(parts) - 1)
        kept = ""
        for part in parts[:stop]:
            if len((kept + part).rstrip()) > self.limits.characters:
                break
            kept += part
        return kept.rstrip()


def _opens(sentence: str) -> bool:
    return _OPEN.search(normalise(_plain(sentence))) is not None


def _plain(sentence: str) -> str:
    return CITATION.sub("", sentence).strip()


def _in_language(text: str, lang: str) -> bool:
    if lang not in ("zh", "en"):
        return True
    written = language(_plain(text))
    return written in {"zh": ("zh", "mixed"), "en": ("en",)}[lang] or (
        written == "und" and not any(c.isalpha() for c in text)
    )
