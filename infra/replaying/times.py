"""Times as people type them: the beginning and the end of a stretch."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from infra.replaying.errors import ReplayError

_AGO: Final = re.compile(r"-(\d+)([smhd])").fullmatch
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def micros(text: str, option: str, now: int) -> int:
    """Microseconds UTC of `now`, `-2h` (s, m, h, d before now), a date, or a time by ISO 8601; UTC without a zone.

    Raises ReplayError, which names the option.
    """
    if text == "now":
        return now
    if ago := _AGO(text):
        return now - int(ago[1]) * _SECONDS[ago[2]] * 1_000_000
    try:
        time = datetime.fromisoformat(text)
    except ValueError as err:
        raise ReplayError(
            f"{option} {text!r} is no time; write 2026-11-20T18:00 (UTC), 2026-11-20, -2h (s, m, h, d ago) or now"
        ) from err
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def shown(at: int) -> str:
    """A time for people and for the definition of a run."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
