"""How a customer feels, by a lexicon with negation, and by how they write: capitals, repeated marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from processors.ports import Sentiment
from processors.stem import stem
from processors.text import normalise
from schemas.identity import fingerprint

LIMIT: Final = 2_000
"""Characters looked at."""

WORDS: Final = {
    2.0: "love excellent wonderful fantastic amazing perfect brilliant awesome superb delighted",
    1.0: "good great nice happy thanks thank helpful pleased glad appreciate lovely cool fine satisfied fast easy well "
    "beautiful kind best cheers thx",
    -1.0: "bad problem wrong late slow broken damaged faulty disappointed disappointing poor missing lost confused "
    "confusing annoying annoyed unhappy upset sad unfortunately worried trouble failed refuse hate difficult waiting "
    "still cheap useless waste ignored nobody never cant cracked delay delayed concerned stolen",
    -2.0: "terrible awful horrible worst unacceptable disgusting disgusted disgrace disgraceful appalling pathetic "
    "ridiculous outrageous furious angry rude scam thieves liar liars lying fraud incompetent garbage rubbish crap "
    "shit fuck fucking damn hell bullshit wtf idiots stupid joke shambles",
}
ANGRY: Final = {
    0.25: "annoyed annoying disappointed unhappy upset still again nobody ignored waste never waiting useless",
    0.45: "terrible awful horrible worst unacceptable ridiculous disgrace disgraceful appalling pathetic rude angry "
    "complaint complain fed sick joke incompetent lying liar liars shambles rubbish garbage crap hell damn stupid",
    0.7: "furious disgusting disgusted outrageous scam thieves idiots bullshit shit fuck fucking wtf sue lawyer "
    "ombudsman",
}
ZH_WORDS: Final = {
    2.0: "太棒 非常满意 太好了 完美 非常好 很喜欢",
    1.0: "谢谢 感谢 不错 满意 喜欢 好评 很好 真好 开心 辛苦 漂亮 挺好 给力",
    -1.0: "慢 坏 破 错 少发 没收到 着急 急 失望 麻烦 不满 不行 不好 难用 质量差 没人 怎么还 还没 一直 裂 碎 "
    "无语 难受 郁闷 等了 没用",
    -2.0: "垃圾 骗子 骗 太差 恶心 气死 投诉 举报 差评 黑店 坑人 过分 恶劣 滚 他妈 妈的 傻 混蛋 忍无可忍 受够 烂 "
    "火大 愤怒 不负责 操",
}
ZH_ANGRY: Final = {
    0.25: "怎么还 没人 一直 无语 失望 到底 还没 等了 敷衍 催了 不满 太慢",
    0.45: "投诉 举报 差评 太差 过分 推卸 不负责 烂 恶劣 坑人 受够 生气 垃圾 什么态度 忽悠 12315 耍我",
    0.7: "骗子 气死 忍无可忍 滚 他妈 妈的 混蛋 恶心 黑店 愤怒 火大 傻",
}
_NEGATION_WORDS: Final = "not no never dont doesnt didnt isnt wasnt cant wont without hardly aint"
_NEGATIONS: Final = frozenset(_NEGATION_WORDS.split())
_ZH_NEGATIONS: Final = ("不", "没", "别", "未", "无")
_STRENGTHS: Final = {
    "very": 1.4, "really": 1.3, "so": 1.2, "extremely": 1.7, "absolutely": 1.6, "totally": 1.4, "too": 1.2,
    "completely": 1.5, "utterly": 1.7,
}  # fmt: skip
_WORD: Final = re.compile(r"[a-z0-9]+").findall
_APOSTROPHES: Final = re.compile(r"(?<=[a-z])['’`](?=[a-z])")
_SHOUT: Final = re.compile(r"\b[A-Z]{3,}\b").findall
_MARKS: Final = re.compile(r"[!！]{2,}|[?？]{2,}|[!！?？]{3,}").findall
_FACES: Final = re.compile("[😠😡🤬👿💢]").findall
_GLAD: Final = re.compile("[😀😃😄😊🙂😍👍❤🥰🎉]").findall
_SAD: Final = re.compile("[😞😢😭🙁☹👎😤😒]").findall


def _weights(listed: dict[float, str], stemmed: bool) -> dict[str, float]:
    return {stem(w) if stemmed else w: weight for weight, words in listed.items() for w in words.split()}


_VALENCE: Final = _weights(WORDS, True)
_ANGER: Final = _weights(ANGRY, True)
_ZH_VALENCE: Final = _weights(ZH_WORDS, False)
_ZH_ANGER: Final = _weights(ZH_ANGRY, False)
_ZH: Final = re.compile(
    "|".join(sorted(map(re.escape, {*_ZH_VALENCE, *_ZH_ANGER}), key=len, reverse=True))
).finditer


class LexiconSentiments:
    """The port SentimentModel, by a lexicon."""

    def __init__(self) -> None:
        self.fingerprint = fingerprint("lexicon", "1", repr((WORDS, ANGRY, ZH_WORDS, ZH_ANGRY)).encode())

    def score(self, texts: Sequence[str]) -> Sequence[Sentiment]:
        """One sentiment a text, in order, for any text whatever."""
        return [_score(text[:LIMIT]) for text in texts]


def _score(text: str) -> Sentiment:
    plain = _APOSTROPHES.sub("", normalise(text))
    valence, anger, hits = _english(plain)
    if not plain.isascii():
        more, angrier, n = _chinese(plain)
        good, bad, angry = len(_GLAD(text)), len(_SAD(text)), len(_FACES(text))
        valence += more + min(good, 3) - min(bad, 3) - 2 * min(angry, 2)
        anger += angrier + 0.5 * min(angry, 2) + 0.1 * min(bad, 2)
        hits += n + good + bad + angry
    if hits and valence < 0:
        anger += min(0.12 * len(_MARKS(text)), 0.3)
        shouts = len(_SHOUT(text))
        anger += 0.25 if shouts >= 3 else 0.1 * shouts
    elif len(_SHOUT(text)) >= 4:
        anger += 0.3
        valence -= 1
        hits += 1
    score = valence / (abs(valence) + 1.5)
    label = "negative" if score < -0.25 else "positive" if score > 0.25 else "neutral"
    return Sentiment(score, label, min(max(anger, 0.0), 1.0), hits / (hits + 1.0) if hits else 0.3)


def _english(plain: str) -> tuple[float, float, int]:
    valence = anger = 0.0
    hits = 0
    words = _WORD(plain)
    for i, word in enumerate(words):
        root = stem(word)
        weight = _VALENCE.get(root, 0.0)
        heat = _ANGER.get(root, 0.0)
        if not weight and not heat:
            continue
        before = words[max(0, i - 3) : i]
        strength = _STRENGTHS.get(before[-1], 1.0) if before else 1.0
        denied = not _NEGATIONS.isdisjoint(before)
        hits += 1
        valence += -0.6 * weight if denied else weight * strength
        anger += 0.05 if denied else heat * strength
    return valence, anger, hits


def _chinese(plain: str) -> tuple[float, float, int]:
    valence = anger = 0.0
    hits = 0
    for found in _ZH(plain):
        term = found.group()
        denied = plain[max(0, found.start() - 2) : found.start()].endswith(_ZH_NEGATIONS) and term[0] not in "没不"
        weight = _ZH_VALENCE.get(term, -0.5)
        hits += 1
        valence += -0.6 * weight if denied else weight
        anger += 0.0 if denied else _ZH_ANGER.get(term, 0.0)
    return valence, anger, hits
