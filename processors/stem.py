"""English words to a common form, lightly: plurals and -ed and -ing, no more; what is cut is cut everywhere alike."""

from __future__ import annotations

from functools import lru_cache

_WORDS_KEPT = (
    "this was is his us yes does news always thus plus gas bus address business less during thing something anything "
    "nothing everything evening morning red need speed feed seed deed bed hundred king ring string spring bring sing"
)
_KEEP = frozenset(_WORDS_KEPT.split())


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The common form of a word in small letters: orders → order, refunded → refund, shipping → ship."""
    if len(word) < 4 or word in _KEEP or not word.isascii():
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for end in ("ing", "ed"):
        if word.endswith(end) and len(word) - len(end) >= 3 and word not in _KEEP:
            word = word[: -len(end)]
            if word[-1] == word[-2] and word[-1] not in "lse":
                word = word[:-1]
            break
    return word[:-1] if len(word) > 4 and word.endswith("e") else word
