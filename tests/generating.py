"""A shop whose questions about returns a model answers, for tests of the generation stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from schemas.events import Article, PolicyActivated, PromptFile
from streams.testing import SMALL_POLICY, a_policy

PROMPT: Final = """\
---
name: answer
version: "1"
langs: [en, zh]
max_tokens: 120
budget: {total: 600, message: 100, passages: 300, history: 100}
---
# en
Answer from the articles.
{passages}
{history}
{message}

# zh
用文章回答。
{passages}
{history}
{message}
"""
ARTICLE: Final = Article(
    "returns", "Returns", "en", ("returns",), "Orders may be sent back within 30 days. We send you a free label."
)
ASKED: Final = "I want to return this"
SAID: Final = "You can return an order within 30 days."
RUNGS: Final = "cache, small_model, knowledge, template"


def a_generating_policy(
    rungs: str = RUNGS, kept: str = "feedback", deadline: float = 5.0, version: str = "1",
    articles: Sequence[Article] = (ARTICLE,),
) -> PolicyActivated:  # fmt: skip
    """The kit's policy, with `rungs` for questions about returns, and one article about them."""
    text = SMALL_POLICY.replace("rungs: [knowledge, template], template", f"rungs: [{rungs}], template")
    text = text.replace("cache: false", f"cache: true\ngeneration: {{{{cache: {kept}}}}}")
    text = text.replace("deadline: 5", f"deadline: {deadline:g}").replace("min_score: 0.4", "min_score: 0.0")
    made = a_policy(text=text, version=version, articles=articles)
    return made._replace(prompts=(PromptFile("answer", PROMPT, ""),))
