"""Data in a prompt: what customers and articles say, so written that it can be nothing but data.

A block is `<name>`, its lines, `</name>`. Each of its lines is a key, `> `, and text in which no character is left
that opens a tag, a role or an instruction in any prompt format: they are replaced by others that look alike. Two
locks, then: no data line begins as a line of the template does, and no data text holds a marker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from unicodedata import category, normalize

MAX_TEXT: Final = 20_000
"""Characters of one data text that are looked at."""
MARK: Final = "> "
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_BREAKS: Final = re.compile("\r\n|[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
_LIKE: Final = {"<": "‹", ">": "›", "[": "⟦", "]": "⟧", "|": "∣", "#": "♯", "`": "ˊ", "{": "❴", "}": "❵", ":": "∶"}
"""What stands for a character that could be part of a marker. None of these folds back to it under NFKC."""
_ALWAYS: Final = frozenset("<>")
_WORDS: Final = (
    "system|assistant|user|human|ai|bot|model|developer|tool|function|ipython|customer|we|agent|operator|admin"
    "|administrator|instructions?|prompt|response|input|output|answer|question|context"
    "|系统|助手|助理|用户|人类|客服|机器人|顾客|客户|我方|开发者|工具|管理员|指令|指示|提示|提示词|回答|问题|模型"
)
_MARKER: Final = re.compile(
    rf"^[\s*_\-=>~.]*(?:{_WORDS})(?:[ _]?(?:message|prompt|note|instructions?|turn|消息|提示"
    rf"|指令))?\s*[*_]{{0,2}}(?P<colon>:)"
    r"|(?P<brackets>\[\s*/?\s*[a-z_ ]{2,24}\s*\])"
    r"|(?P<bars>\|+)|(?P<hashes>#{2,}|^\s*#)|(?P<ticks>`{2,})|(?P<braces>[{}]{2,}|\{%|%\})"
)


def _folded(c: str) -> str:
    """The one letter that it stands for, small, or itself: positions stay."""
    if c.isascii():
        return c.lower()
    parts = normalize("NFKD", c)
    for like in _LIKE:
        if like in parts:
            return like
    plain = normalize("NFKC", c).casefold()
    return plain if len(plain) == 1 else c


def _seen(c: str) -> bool:
    if c.isascii():
        return c >= " " and c != "\x7f"
    return c not in _BLANK and category(c) not in _DROPPED and not _varies(c)


def _varies(c: str) -> bool:
    return "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef"


def data_lines(text: str, limit: int = MAX_TEXT) -> list[str]:
    """The lines of a text as data: unseen characters gone, markers replaced, no empty lines; any text whatever.

    The same text always gives the same lines, and lines given again come out unchanged.
    """
    found = []
    for line in _BREAKS.split(text[:limit].replace("\t", " ")):
        plain = " ".join("".join(filter(_seen, line)).split())
        if plain:
            found.append(_disarmed(plain))
    return found


def _disarmed(line: str) -> str:
    folded = "".join(map(_folded, line))
    letters = list(line)
    for i, c in enumerate(folded):
        if c in _ALWAYS:
            letters[i] = _LIKE[c]
    for match in _MARKER.finditer(folded):
        group = match.lastgroup or ""
        for i in range(*match.span(group)):
            letters[i] = _LIKE.get(folded[i], letters[i])
    return "".join(letters)


class Line(NamedTuple):
    """A line of data: `key` says whose it is: an article's number, a speaker, a slot, or nothing."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.key}{MARK}{self.text}"


class Block(NamedTuple):
    """A stretch of data as it stands in a prompt."""

    name: str
    lines: tuple[Line, ...]

    def __str__(self) -> str:
        return "\n".join((f"<{self.name}>", *map(str, self.lines), f"</{self.name}>"))


def lines_of(key: str, text: str) -> list[Line]:
    """A text's lines, each with the key. `key`: small letters, digits and _."""
    return [Line(key, line) for line in data_lines(text)]


_LINE: Final = re.compile(r"([a-z0-9_]{0,32})> (.*)").fullmatch


def parted(text: str, names: Iterable[str]) -> tuple[list[str], list[Block]] | None:
    """A prompt taken apart: the instructions before, between and behind its blocks, byte for byte, and the blocks.

    None where the text is no prompt of ours: a block that is not closed, or a line in one that is no data line.
    """
    known = frozenset(names)
    instructions: list[list[str]] = [[]]
    blocks: list[Block] = []
    name, lines = "", list[Line]()
    for line in text.split("\n"):
        if name:
            match = _LINE(line)
            if line == f"</{name}>":
                blocks.append(Block(name, tuple(lines)))
                instructions.append([])
                name, lines = "", []
            elif match is None:
                return None
            else:
                lines.append(Line(match[1], match[2]))
        elif line[:1] == "<" and line[-1:] == ">" and line[1:-1] in known:
            name = line[1:-1]
        else:
            instructions[-1].append(line)
    return None if name else (["\n".join(part) for part in instructions], blocks)


def texts(block: Block, keys: Sequence[str] = ()) -> list[str]:
    """The texts of a block's lines, of those with one of the keys where any are given."""
    return [line.text for line in block.lines if not keys or line.key in keys]
