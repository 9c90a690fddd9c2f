"""A stretch of the recorded log, and what another candidate makes of it."""
