"""A turn's prompt: the template's instructions, and in its blocks what the turn brings, each within its tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from processors.ports import Passage
from processors.prompting.budget import Estimate, cut, cut_middle
from processors.prompting.data import Block, Line, data_lines, lines_of, parted
from processors.prompting.template import BLOCKS, PromptTemplate
from processors.prompting.types import Material, Prompt, Said, TokenCounter
from schemas.events import Citation, ScenarioRouted

MIN_PASSAGE: Final = 24
"""Tokens below which the beginning of a passage tells nothing."""
_PLACE: Final = re.compile(r"\{([a-z]+)\}")
_ESTIMATE: Final = Estimate()


def material(
    route: ScenarioRouted, passages: Sequence[Passage], history: Sequence[Said] = (), about: str = ""
) -> Material:
    """What a routed turn brings. passages: of its tenant and its scope alone, best first. history: oldest first."""
    return Material(
        route.meta.tenant_id,
        route.lang,
        route.scenario,
        route.step,
        route.text,
        route.slots,
        tuple(history),
        tuple(passages),
        about,
    )


def compose(template: PromptTemplate, given: Material, counter: TokenCounter = _ESTIMATE) -> Prompt:
    """The prompt of a turn. For any texts whatever, its instructions are the template's, byte for byte.

    What does not fit is left out: of the message its middle, of the articles the last, of the history the oldest.
    ValueError: the template is another tenant's.
    """
    if template.tenant not in ("", given.tenant):
        raise ValueError(f"prompt {template.name} is of tenant {template.tenant}, not of {given.tenant}")
    lang = template.lang(given.lang)
    body = template.text[lang]
    words = {
        "about": " ".join(data_lines(given.about, 500)),
        "lang": lang,
        "scenario": " ".join(data_lines(given.scenario, 100)),
        "step": " ".join(data_lines(given.step, 100)),
    }
    blocks = {name: Block(name, ()) for name in BLOCKS if f"{{{name}}}" in body}
    left = template.budget["total"] - counter.count(_filled(body, words, blocks))
    citations: tuple[Citation, ...] = ()
    for name in blocks:
        room = min(template.budget[name], left)
        if name == "passages":
            lines, citations = _passages(given.passages, room, counter)
        elif name == "history":
            lines = _history(given.history, room, counter)
        elif name == "details":
            lines = _details(given, room, counter)
        else:
            lines = _message(given.message, room, counter)
        default = template.defaults.get(name, {}).get(lang, "")
        blocks[name] = Block(name, tuple(lines or ([Line("", default)] if default else [])))
        left -= _tokens(blocks[name].lines, counter)
    text = _filled(body, words, blocks)
    return Prompt(
        text,
        template.name,
        template.fingerprint,
        counter.count(text),
        citations,
        template.stop,
        template.max_tokens,
    )


def instructions(prompt: Prompt) -> tuple[str, ...]:
    """What of a prompt is instruction, in its order. ValueError: it is no prompt of `compose`."""
    found = parted(prompt.text, BLOCKS)
    if found is None:
        raise ValueError(f"the prompt of {prompt.fingerprint} has a block that is not closed")
    return tuple(found[0])


def _filled(body: str, words: dict[str, str], blocks: dict[str, Block]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        return str(blocks[name]) if name in blocks else words.get(name, match[0])

    return _PLACE.sub(value, body)


def _tokens(lines: Sequence[Line], counter: TokenCounter) -> int:
    return counter.count("\n".join(map(str, lines)) + "\n") if lines else 0


def _message(text: str, room: int, counter: TokenCounter) -> list[Line]:
    written = "\n".join(data_lines(text))
    lines = lines_of("", written)
    over = max(_tokens(lines, counter) - room, 0)
    while over and written:
        tokens = max(counter.count(written) - over - 1, 0)
        written = cut_middle(written, tokens, counter) if tokens > 4 else ""
        lines = lines_of("", written)
        over = max(_tokens(lines, counter) - room, 0)
    return lines


def _details(given: Material, room: int, counter: TokenCounter) -> list[Line]:
    lines: list[Line] = []
    for kind in sorted(given.slots):
        key = "".join(c for c in kind if c.isascii() and (c.islower() or c == "_"))[:32] or "detail"
        more = [*lines, Line(key, " ".join(data_lines(given.slots[kind], 300)))]
        if _tokens(more, counter) <= room:
            lines = more
    return lines


def _passages(
    passages: Sequence[Passage], room: int, counter: TokenCounter
) -> tuple[list[Line], tuple[Citation, ...]]:
    lines: list[Line] = []
    cited: list[Citation] = []
    for passage in passages:
        citation = Citation(passage.article_id, passage.title)
        key = str((cited.index(citation) if citation in cited else len(cited)) + 1)
        title = [Line(key, " ".join(data_lines(passage.title, 300)))] if citation not in cited else []
        more = [*lines, *title, *lines_of(key, passage.text)]
        full = _tokens(more, counter) > room
        if full:
            left = room - _tokens([*lines, *title], counter)
            more = [*lines, *title, *lines_of(key, cut(passage.text, left * 4 // 5, counter))]
            if left < MIN_PASSAGE or _tokens(more, counter) > room:
                break
        lines = more
        if citation not in cited:
            cited.append(citation)
        if full:
            break
    return lines, tuple(cited)


def _history(history: Sequence[Said], room: int, counter: TokenCounter) -> list[Line]:
    """The newest that fit, without a gap."""
    lines: list[Line] = []
    for said in reversed(history):
        more = [*lines_of(said.speaker, said.text), *lines]
        if _tokens(more, counter) > room:
            break
        lines = more
    return lines
