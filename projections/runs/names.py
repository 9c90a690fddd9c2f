"""What a run may be called. Its name is the run_id of all its facts."""

from __future__ import annotations

import re
from typing import Final

from schemas.events import LIVE

_RUN_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}").fullmatch


class WrongRunName(ValueError):
    """No run can be called so; the message says what can."""


class LiveRefused(WrongRunName):
    """The run live was about to be written to, or removed. It belongs to the log alone."""


def checked_run_id(run_id: str) -> str:
    """The name, if a replay may have it. Raises LiveRefused for live, WrongRunName for what is no name."""
    if run_id == LIVE:
        raise LiveRefused(f"the run {LIVE!r} is what customers had: only the log writes it; name the replay otherwise")
    if not _RUN_ID(run_id):
        raise WrongRunName(
            f"{run_id[:60]!r} is no name for a run: 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit"
        )
    return run_id
