"""What a message names: orders and parcels, money, days and times, people and how to reach them, goods, places.

Positions count code points of the text as it was written. Kinds, values and limits: `docs/entities.md`.
"""

from __future__ import annotations

from processors.entities.extraction import LIMIT, PatternEntities
from processors.entities.kinds import KINDS, PERSONAL

__all__ = ["KINDS", "LIMIT", "PERSONAL", "PatternEntities"]
