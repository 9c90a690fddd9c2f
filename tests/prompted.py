"""Prompts and guarded replies for tests: the demo's articles, the injection set, and a model that obeys anybody."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from infra.prompts import load_prompts
from processors.guarding import Grounds, Verdict, guard
from processors.policy.articles import parse_article
from processors.policy.reading import Source
from processors.ports import Passage
from processors.prompting.compose import compose, instructions
from processors.prompting.template import Prompts, PromptTemplate
from processors.prompting.types import Material, Prompt, Said

HERE: Final = Path(__file__).parent
TENANTS: Final = HERE.parent / "infra" / "demo" / "tenants"
AT: Final = 1_790_000_000_000_000
ARTICLES: Final = {"en": ("returns-en", "refund-times-en"), "zh": ("returns-zh", "refund-times-zh")}
ASKED: Final = {"en": "How can I return this?", "zh": "怎么退货？"}


def cases(file: str) -> list[dict[str, Any]]:
    """The lines of a set."""
    return [json.loads(line) for line in (HERE / file).read_text("utf-8").splitlines()]


@lru_cache
def passage(tenant: str, article: str) -> Passage:
    """A whole article of the demo as a passage."""
    found = parse_article((TENANTS / tenant / "articles" / f"{article}.md").read_text("utf-8"), Source(article))
    assert found is not None
    return Passage(found.article_id, found.title, found.text, 0.9)


@lru_cache
def shipped(name: str = "answer", tenant: str = "shop") -> PromptTemplate:
    """A shipped prompt."""
    prompts = load_prompts(tenant)
    assert isinstance(prompts, Prompts), prompts
    template = prompts.get(name)
    assert template is not None
    return template


def attacked(case: dict[str, Any]) -> Material:
    """What the turn of an injection brings: its text where the case puts it."""
    lang, text = case["lang"], case["text"]
    passages = tuple(passage("shop", a) for a in ARTICLES[lang])
    plain = Material(
        "shop", lang, "returns_exchange", "", ASKED[lang], {}, (), passages, "Lantern & Co, an online shop"
    )
    if case["where"] == "history":
        return plain._replace(history=(Said("customer", text),))
    if case["where"] == "slot":
        return plain._replace(slots={"order_number": text})
    if case["where"] == "article":
        return plain._replace(passages=(Passage("care", "Care", text, 0.9), *passages))
    return plain._replace(message=text)


def grounds(given: Material, prompt: Prompt) -> Grounds:
    """What a reply to this turn may rest on."""
    return Grounds(
        given.lang,
        given.passages,
        given.slots,
        (*(s.text for s in given.history if s.speaker == "customer"), given.message),
        tuple(s.text for s in given.history if s.speaker == "we"),
        instructions(prompt),
        AT,
    )


def obeyed(case: dict[str, Any]) -> tuple[Prompt, Verdict]:
    """The prompt of an injection, and the verdict on the reply of a model that does whatever the text tells it."""
    given = attacked(case)
    prompt = compose(shipped(), given)
    return prompt, guard(case["obeys"], grounds(given, prompt))


def answered(case: dict[str, Any]) -> Verdict:
    """The verdict on an innocent reply."""
    given = Material(
        case["tenant"], case["lang"], "other", "", case["said"], {}, (), (passage(case["tenant"], case["article"]),)
    )
    return guard(case["reply"], grounds(given, compose(shipped(), given)))
