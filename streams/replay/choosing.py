"""Which sessions are chosen: the same ones on every host, whatever order the log is read in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.identity import SEPARATOR
from streams.replay.stretch import Selection

SessionName = tuple[str, str]
"""Tenant and session."""


def session_of(key: bytes | None) -> SessionName | None:
    """The session whose records lie under this key; None for a key of another kind."""
    try:
        tenant, separator, session = (key or b"").decode().partition(SEPARATOR)
    except UnicodeDecodeError:
        return None
    return (tenant, session) if separator else None


def rank(seed: int, name: SessionName) -> str:
    """Where a session stands in the order that a seed gives."""
    return hashlib.sha256(f"{seed}|{name[0]}|{name[1]}".encode()).hexdigest()


def cutoff(selection: Selection, names: Iterable[SessionName]) -> str | None:
    """The highest rank that is still chosen of these sessions; None where all of them are.

    Raises ValueError where fewer than one is asked for.
    """
    if selection.sessions is None:
        return None
    if selection.sessions < 1:
        raise ValueError(f"sessions: {selection.sessions} is not a number of sessions; give 1 or more")
    ranks = sorted(rank(selection.seed, name) for name in names)
    return None if len(ranks) <= selection.sessions else ranks[selection.sessions - 1]


@dataclass(frozen=True)
class Choice:
    """A selection, with the rank up to which sessions are chosen. The scenario is not looked at here."""

    selection: Selection
    cutoff: str | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is left out, not even records of no session."""
        return self.selection.tenant is None and self.selection.scenario is None and self.cutoff is None

    def takes(self, name: SessionName | None) -> bool:
        """Whether this session is meant, as far as its name says."""
        if name is None:
            return self.everything
        tenant = self.selection.tenant
        if tenant is not None and name[0] != tenant:
            return False
        return self.cutoff is None or rank(self.selection.seed, name) <= self.cutoff
