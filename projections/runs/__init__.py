"""Replays as they are stored: what was asked for, how far it has come, and the facts of a run beside those of live."""

from projections.runs.facts import Forbidden, RunFacts
from projections.runs.names import LiveRefused, WrongRunName, checked_run_id
from projections.runs.replies import RunReplies
from projections.runs.store import Part, Run, RunStore
from projections.runs.took import Took, took

__all__ = [
    "Forbidden",
    "LiveRefused",
    "Part",
    "Run",
    "RunFacts",
    "RunReplies",
    "RunStore",
    "Took",
    "WrongRunName",
    "checked_run_id",
    "took",
]
