"""Sessions as PostgreSQL has them: every turn of every session, and the dialogue's state."""

from projections.session_state.schema import migrate, prepare, revert

__all__ = ["migrate", "prepare", "revert"]
