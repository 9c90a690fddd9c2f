"""Replaying a stretch of the log: what is asked for, the processes that do it, and what came of it."""
