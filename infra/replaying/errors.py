"""Errors of a replay, named by what the user can do about them.

    StackError
    └── ReplayError       the replay cannot be done as asked: the message says what to change
        ├── OtherRun      a run of that name was asked for otherwise: name this one otherwise, or delete that one
        └── ReplayDied    a process of it ended by itself: what was done stays; the same command goes on
"""

from __future__ import annotations

from infra.local.errors import StackError


class ReplayError(StackError):
    """The replay cannot be done as asked."""


class OtherRun(ReplayError):
    """There is a run of that name, and it is another one."""


class ReplayDied(ReplayError):
    """A process of the replay ended by itself, or could not go on."""
