"""The questions that the small generating model is measured by: texts/generation_check.yaml, with what search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from infra.training.generation_check import Question
from schemas.events import Article
from streams.search import ArticleSearch

_FILE: Final = Path(__file__).parent / "texts" / "generation_check.yaml"
PASSAGES: Final = 4


def held_out() -> list[Question]:
    """Of both languages, on the articles of the file."""
    document: Mapping[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    found = []
    for lang, said in document.items():
        articles = [Article(name, a["title"], lang, (), a["text"]) for name, a in said["articles"].items()]
        found += asked(articles, [(text, lang, tuple(answers)) for text, answers in said["questions"]])
    return found


def asked(articles: Sequence[Article], questions: Sequence[tuple[str, str, tuple[str, ...]]]) -> list[Question]:
    """Questions (text, language, articles that answer) on these articles. Where search finds nothing, or not what
    answers, the question stands with what it found."""
    search = ArticleSearch(articles, "check")
    found = []
    for text, lang, answers in questions:
        found.append(Question(text, lang, tuple(search.search(text, lang, (), PASSAGES)), answers))
    return found
