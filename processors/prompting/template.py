"""Prompt templates: files of instructions with named places, checked when they are read. There is no code in them.

A file is Markdown: front matter (name, version, langs, max_tokens, stop, budget, defaults) between two lines of ---,
then `# zh`, `# en` and below each the whole prompt in that language. docs/prompting.md explains it to their writers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from processors.policy.model import LANGUAGES, canonical
from processors.policy.problem import Problem, instead
from processors.policy.reading import Fields, Source
from processors.prompting.budget import Estimate
from processors.prompting.data import data_lines
from processors.prompting.types import TokenCounter
from schemas.identity import fingerprint

SHAPE: Final = "begin with ---, then name, version, langs, max_tokens and budget, then ---, then # and a language"
BLOCKS: Final = ("message", "details", "passages", "history")
"""Places of data: each alone on its line. In the order in which they get their share of the budget."""
WORDS: Final = ("about", "lang", "scenario", "step")
"""Places within a line: what the tenant's policy and our own words fill."""
MOST: Final[Mapping[str, int]] = {"message": 300, "details": 80, "passages": 900, "history": 400}
"""Tokens of each block where the budget does not say."""
MAX_TOKENS: Final = 4_096
MAX_TOTAL: Final = 128_000
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}").fullmatch
_HEADING: Final = re.compile(r"# ([a-z]{2,3})\s*")
_PLACE: Final = re.compile(r"\{([^{}\n]*)\}")
_TAG: Final = re.compile(rf"</?(?:{'|'.join(BLOCKS)})>")


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """One version of a prompt. `tenant`: whose it is; empty for those that are shipped, which all may use.

    `text`: language to body. `budget`: block, and total, to tokens. `defaults`: block to language to what stands in it
    when there is nothing.
    """

    tenant: str
    name: str
    version: str
    langs: tuple[str, ...]
    max_tokens: int
    stop: tuple[str, ...]
    budget: Mapping[str, int]
    text: Mapping[str, str]
    defaults: Mapping[str, Mapping[str, str]]

    @property
    def fingerprint(self) -> str:
        """Who this version is; comments and layout of the front matter do not count."""
        name = f"{self.tenant}-{self.name}" if self.tenant else self.name
        return fingerprint(name, self.version, canonical(asdict(self)))

    def lang(self, wanted: str) -> str:
        """The language in which a turn is prompted: the one wanted, or the template's first."""
        return wanted if wanted in self.text else self.langs[0]


def parse_prompt(
    text: str, source: Source, tenant: str = "", counter: TokenCounter | None = None
) -> PromptTemplate | None:
    """The template of a file; None when it has no front matter. Mistakes are noted in `source`: use it only without."""
    front = source.front_matter(text, SHAPE)
    if front is None:
        return None
    root, lines, start = front
    name = root.text("name", "", "write a name that stays, such as name: answer")
    if name and not _NAME(name):
        root.wrong("name", f"{name!r} is no name", "use small letters, digits, - and _, at most 40, a letter first")
    version = root.text("version", "", 'write the version, such as version: "1"')
    langs = root.names("langs", LANGUAGES)
    if not langs:
        root.wrong("langs", "names no language", f"write those it is written in: [{', '.join(LANGUAGES)}]")
    if not root.has("max_tokens"):
        root.wrong("max_tokens", "is missing", "write how many tokens an answer may have, such as max_tokens: 200")
    max_tokens = root.whole("max_tokens", 200, 1, MAX_TOKENS)
    stop = root.names("stop")
    budget = _budget(root)
    defaults = _defaults(root, langs)
    bodies = _bodies(lines, start, langs, source)
    for lang, (line, body) in bodies.items():
        _check_places(source, line, lang, body)
        needed = (counter or Estimate()).count(_PLACE.sub("", body)) + budget["message"]
        if needed > budget["total"]:
            problem = f"is {budget['total']}, but the {lang} instructions and a message need {needed}"
            root.wrong("budget", f"total {problem}", "raise it, or shorten the text")
    root.close()
    return PromptTemplate(
        tenant, name, version, langs, max_tokens, stop, budget, {k: body for k, (_, body) in bodies.items()}, defaults
    )


def _budget(root: Fields) -> dict[str, int]:
    fields = root.inner("budget", "write how many tokens a prompt may have, such as budget: {total: 1800}")
    if fields is None:
        return {"total": MAX_TOTAL, **MOST}
    if not fields.has("total"):
        fields.wrong("total", "is missing", "write how many tokens the whole prompt may have")
    found = {block: fields.whole(block, MOST[block], 1 if block == "message" else 0, MAX_TOTAL) for block in BLOCKS}
    found["total"] = fields.whole("total", MAX_TOTAL, 1, MAX_TOTAL)
    fields.close()
    return found


def _defaults(root: Fields, langs: tuple[str, ...]) -> dict[str, dict[str, str]]:
    inner = root.inner("defaults")
    found: dict[str, dict[str, str]] = {}
    for block, fields in inner.entries() if inner is not None else ():
        if inner is not None and block not in BLOCKS:
            inner.wrong(block, "is no block", instead(block, BLOCKS))
        remedy = "write what stands there when there is nothing, in this language"
        found[block] = {lang: " ".join(data_lines(fields.text(lang, "", remedy))) for lang in langs}
        fields.close()
    return found


def _bodies(lines: list[str], begin: int, langs: tuple[str, ...], source: Source) -> dict[str, tuple[int, str]]:
    """Language to the line where its text begins, counted from 1, and the text."""
    headings = [(i, m[1]) for i, line in enumerate(lines[begin:], begin) if (m := _HEADING.fullmatch(line))]
    first = headings[0][0] if headings else len(lines)
    if any(line.strip() for line in lines[begin:first]):
        _note(source, begin, "text", "begins before the first # and language", "put it below a line such as # en")
    found: dict[str, tuple[int, str]] = {}
    ends = [i for i, _ in headings[1:]] + [len(lines)]
    for (i, lang), end in zip(headings, ends, strict=True):
        if lang not in langs:
            _note(source, i, lang, "is not in langs", f"add {lang} to langs, or remove this text")
        elif lang in found:
            _note(source, i, lang, "is there twice", "keep one of them")
        else:
            found[lang] = i + 2, "\n".join(lines[i + 1 : end]).strip("\n")
    for lang in langs:
        if lang not in found:
            remedy = f"write it below a line # {lang}, or take it out of langs"
            _note(source, len(lines) - 1, lang, "has no text", remedy)
    return found


def _check_places(source: Source, first: int, lang: str, body: str) -> None:
    seen: list[str] = []
    for at, line in enumerate(body.split("\n"), first - 1):
        for place in _PLACE.findall(line):
            if place not in (*BLOCKS, *WORDS):
                _note(source, at, lang, f"{{{place}}} is no place", instead(place, (*BLOCKS, *WORDS)))
            elif place in BLOCKS and line != f"{{{place}}}":
                _note(source, at, lang, f"{{{place}}} is not alone on its line", "give it a line of its own")
            elif place in BLOCKS and place in seen:
                _note(source, at, lang, f"{{{place}}} is there twice", "keep one of them")
            seen.append(place)
        if not {"{", "}"}.isdisjoint(_PLACE.sub("", line)):
            _note(source, at, lang, "has a { or } that is no place", "write {place}, or leave the brace out")
        if _TAG.search(line):
            _note(source, at, lang, "has the tag of a block in it", "write {message} alone: it brings its own tags")
        if "\x00" in line:
            _note(source, at, lang, "has a NUL in it", "remove it")
    if "message" not in seen:
        _note(source, first - 2, lang, "has no {message}", "put {message} on a line of its own, where it is to stand")


def _note(source: Source, index: int, field: str, problem: str, remedy: str) -> None:
    source.problems.append(Problem(source.file, index + 1, field, problem, remedy))


class Prompts:
    """The templates that one tenant may use: its own, and for the other names those that are shipped."""

    def __init__(self, tenant: str, templates: Mapping[str, PromptTemplate]) -> None:
        self.tenant = tenant
        self._templates = dict(templates)
        told = [self._templates[name].fingerprint for name in sorted(self._templates)]
        self.fingerprint = fingerprint(f"{tenant}-prompts", str(len(told)), canonical(told))

    def get(self, name: str) -> PromptTemplate | None:
        """A template by name; None where the tenant has none of it."""
        return self._templates.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._templates))


def check_prompts(
    tenant: str, own: Mapping[str, str], shipped: Mapping[str, str], counter: TokenCounter | None = None
) -> Prompts | tuple[Problem, ...]:
    """A tenant's prompts (`own`, `shipped`: file name to text), or every mistake in them."""
    templates: dict[str, PromptTemplate] = {}
    problems: list[Problem] = []
    for whose, texts in (("", shipped), (tenant, own)):
        files: dict[str, str] = {}
        for file in sorted(texts):
            source = Source(file)
            template = parse_prompt(texts[file], source, whose, counter)
            if template is not None and template.name:
                if template.name in files:
                    problem = f"{template.name!r} is also the name of {files[template.name]}"
                    source.problems.append(Problem(file, 2, "name", problem, "give each prompt a name of its own"))
                files.setdefault(template.name, file)
                templates[template.name] = template
            problems += source.problems
    return tuple(problems) if problems else Prompts(tenant, templates)
