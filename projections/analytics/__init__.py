"""What analysts query: facts, and the turns made of them, in ClickHouse."""

from projections.analytics.schema import migrate, revert

__all__ = ["migrate", "revert"]
