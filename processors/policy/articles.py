"""A knowledge article: Markdown, begun by its front matter (id, title, lang, tags) between two lines of ---."""

from __future__ import annotations

import re
from typing import Final

from processors.policy.model import LANGUAGES
from processors.policy.problem import Problem
from processors.policy.reading import Source
from schemas.events import Article

SHAPE: Final = "begin with ---, then id, title, lang and tags, one a line, then ---, then the text"
MAX_TEXT: Final = 20_000
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}").fullmatch


def parse_article(text: str, source: Source) -> Article | None:
    """The article of a file; None when it has no front matter. Mistakes are noted in `source`."""
    front = source.front_matter(text, SHAPE)
    if front is None:
        return None
    fields, lines, start = front
    article_id = fields.text("id", "", "write an id that stays, such as id: returns-window")
    if article_id and not _ID(article_id):
        fields.wrong("id", f"{article_id!r} is no id", "use small letters, digits, . _ and -, at most 100")
    title = fields.text("title", "", "write the title that is shown where the article is cited")
    lang = fields.choice("lang", LANGUAGES, "write the language of the text") or ""
    tags = fields.names("tags")
    if not tags:
        fields.wrong("tags", "names no tag", "name the subjects by which scenarios find it, such as tags: [returns]")
    fields.close()
    body = "\n".join(lines[start:]).strip()
    source.offset = 0
    if not body:
        source.problems.append(_at(source, start, "is empty", "write the article below the second ---"))
    if len(body) > MAX_TEXT:
        problem = f"has {len(body)} characters"
        source.problems.append(_at(source, start, problem, f"at most {MAX_TEXT} are taken: split the article"))
    return Article(article_id, title, lang, tags, body)


def _at(source: Source, line: int, problem: str, remedy: str) -> Problem:
    return Problem(source.file, line, "text", problem, remedy)
