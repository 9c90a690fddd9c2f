"""What has no place in a reply: the prompt's own words, marks of prompt formats, links of others, hidden writing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from processors.text import normalise

_WORDS_IN_A_ROW, _HAN_IN_A_ROW = 7, 11
_DICTATED: Final = 6
"""Han characters, or half as many words, from which on a sentence is not repeated by chance."""
_LATIN_ENDS: Final = "\u33ff"
_PIECE: Final = re.compile("[\u3400-\u9fff]|[a-z0-9']+")
_TELLS: Final = re.compile(
    r"\b(?:system|hidden|initial|secret|original|internal) (?:prompt|instructions?|message"
    r"|rules)\b[^.?!]{0,40}?\b(?:is|are|says?|reads?|tells?|begins?|was|were)\b"
    r"|\bmy (?:instructions?|rules|guidelines|prompt|configuration|programming) (?:is|are|says?|tells?|reads?"
    r"|begins?|include)\b"
    r"|\bi (?:was|am|have been|'ve been) (?:told|instructed|programmed|configured|prompted)\b"
    r"|\bas an? (?:ai|language model|large language)\b|\bi am (?:an ai|a language model|chatgpt|gpt|dan|qwen|llama)\b"
    r"|\bi'm (?:an ai|a language model|chatgpt|gpt|dan)\b|\b(?:developer|debug|admin|god|root|maintenance"
    r"|unrestricted|jailbreak) mode\b"
    r"|\b(?:new|updated) (?:instructions|rules) (?:accepted|received|loaded)\b|\bignoring (?:all |my "
    r"|the )?(?:previous|prior|rules|instructions)\b"
    r"|(?:系统|初始|隐藏|内部)(?:提示词?|指令|消息|规则)[^。！？]{0,6}(?:是|为|如下|写|说)|我的(?:指令|规则|设定"
    r"|提示词?|配置|编程)[^。！？]{0,4}(?:是|为|如下|写|说|包括)"
    r"|我(?:被|是被)(?:要求|设定|告知|指示|编程|训练)|我是(?:一个)?(?:人工智能|语言模型|大模型|ai)"
    r"|作为(?:一个)?(?:ai|人工智能|语言模型)"
    r"|(?:开发者|调试|管理员|越狱|无限制|维护|上帝)模式|忽略(?:了)?(?:之前|以上|所有|前面)的?"
)
_FORM: Final = re.compile(
    r"<\||\|>|</?[a-z][a-z0-9_ =\"'/-]{0,60}>|\[/?inst\]|<<sys>>|^\s*(?:system|assistant|user|human|系统|用户|助手)\s*:"
    r"|```|!\[|javascript:|^\s*(?:[a-z0-9_]{0,32})> |\{[\"'{%]|\bdrop table\b|\bselect \* from\b|\brm -rf\b"
    r"|(?:\b[a-z0-9] ){7,}|(?:\b[a-z]-){7,}|(?:[\u3400-\u9fff][ \-·.*_/|]){7,}",
    re.MULTILINE,
)
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_=-]{24,}|(?:[01]{8} ?){3,}|(?:\\x[0-9a-f]{2}){3,}|(?:\b[0-9a-f]{2} ){6,}")
_LINK: Final = re.compile(
    r"https?://[!-~]{1,300}|\bwww\.[!-~]{1,200}"
    r"|\b(?:[a-z0-9-]{1,63}(?:\.| ?\[?dot\]? ))+(?:com|net|org|cn|io|co|uk|info|biz|top|xyz|ru|me|app|shop|site"
    r"|online|link|test|example|cc|vip)\b"
    r"(?:/[!-~]{0,200})?"
)


def repeated(reply: str, instructions: Iterable[str], allowed: Iterable[str]) -> str:
    """A stretch of the instructions that stands in the reply, and in none of the texts allowed; empty without."""
    own, free = _grams(tuple(instructions)), _grams(tuple(allowed))
    for gram in _row([reply]):
        if gram in own and gram not in free:
            return gram
    match = _TELLS.search(normalise(reply, 20_000)) if reply else None
    return match.group() if match else ""


def dictated(sentence: str, said: Iterable[str], allowed: str) -> bool:
    """Whether a whole sentence is word for word a stretch of what the customer said, and of no article."""
    own = _PIECE.findall(normalise(sentence))
    if sum(2 if piece <= _LATIN_ENDS else 1 for piece in own) < _DICTATED or normalise(sentence).endswith("?"):
        return False
    row = f" {' '.join(own)} "
    if row in f" {' '.join(_PIECE.findall(normalise(allowed, 50_000)))} ":
        return False
    return any(row in f" {' '.join(_PIECE.findall(normalise(text, 20_000)))} " for text in said)


@lru_cache(maxsize=200)
def _grams(texts: tuple[str, ...]) -> frozenset[str]:
    """Instructions and articles come again with every turn."""
    return frozenset(_row(texts))


def _row(texts: Iterable[str]) -> Iterator[str]:
    """Every so many words in a row; a Han character counts as a word, of which more are needed."""
    for text in texts:
        pieces = _PIECE.findall(normalise(text, 50_000))
        for i in range(len(pieces)):
            end = i + _WORDS_IN_A_ROW
            if any(len(p) == 1 and p > "\u33ff" for p in pieces[i:end]):
                end = i + _HAN_IN_A_ROW
            if end <= len(pieces):
                yield " ".join(pieces[i:end])


def foreign_form(reply: str, allowed: str) -> str:
    """A mark of a prompt format, code, or encoded writing; empty without. allowed: what the articles say."""
    lowered = reply.lower()
    for match in (*_FORM.finditer(lowered), *_ENCODED.finditer(reply)):
        if match.group() not in allowed and match.group() not in allowed.lower():
            return match.group().strip()
    return ""


def foreign_link(reply: str, allowed: str) -> str:
    """A link or a domain that no article has; empty without."""
    known = allowed.lower()
    for match in _LINK.finditer(reply.lower()):
        if match.group().rstrip(".,;:!?)。，") not in known:
            return match.group()
    return ""
