"""A tenant's articles, searchable: one index a language, made when the tenant's articles are first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from processors.ports import Passage
from schemas.events import Article

MAX_QUERY: Final = 300
"""Characters of a query that are looked at."""
KEPT: Final = 2_048
"""Answers that are kept with an index, since customers say the same things."""


class ArticleSearch:
    """The port Knowledge, over one version of one tenant's articles."""

    def __init__(self, articles: Sequence[Article], fingerprint: str) -> None:
        # Here, since numpy and bm25s take 18 MB, and most processes know policies without ever searching.
        from streams.article_index import PassageIndex, passages

        self.fingerprint = fingerprint
        self._by_lang: dict[str, PassageIndex] = {}
        for lang in sorted({article.lang for article in articles}):
            pieces = [(article, p) for article in articles if article.lang == lang for p in passages(article.text)]
            if pieces:
                self._by_lang[lang] = PassageIndex(pieces)
        self._found = lru_cache(maxsize=KEPT)(self._look)

    def search(self, text: str, lang: str, scope: Sequence[str], limit: int = 3) -> Sequence[Passage]:
        """The best passages in `lang`, of articles with a tag in `scope` (empty: of all), best first."""
        return self._found(text[:MAX_QUERY], lang, frozenset(scope), limit)

    def _look(self, text: str, lang: str, scope: frozenset[str], limit: int) -> tuple[Passage, ...]:
        index = self._by_lang.get(lang)
        return tuple(index.search(text, scope, limit)) if index is not None else ()
