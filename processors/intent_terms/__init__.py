"""What customers write when they want something: for each intent its family, and the terms that speak for it."""

from __future__ import annotations

from typing import Final

from processors.intent_terms import asking, buying, paying, talking
from processors.intent_terms.term import Terms

TERMS: Final[dict[str, Terms]] = {**buying.TERMS, **paying.TERMS, **asking.TERMS, **talking.TERMS}
