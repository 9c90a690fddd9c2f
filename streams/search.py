"""A tenant's articles, searchable: one index a language, made when the tenant's articles are first asked for."""

from __future__ import annotations

from collections.abc import Sequence

from processors.ports import Passage
from schemas.events import Article


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

    def search(self, text: str, lang: str, scope: Sequence[str], limit: int = 3) -> Sequence[Passage]:
        """The best passages in `lang`, of articles with a tag in `scope` (empty: of all), best first."""
        index = self._by_lang.get(lang)
        return index.search(text, frozenset(scope), limit) if index is not None else ()
