"""Points in time as a person writes them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

ACCEPTED: Final = (
    "give a time in ISO 8601 (2026-11-03T14:00, 2026-11-03T14:00+01:00; without a zone it is UTC), a date (its first "
    "moment), earliest, now, or how long ago (-30s, -30m, -2h, -7d)"
)
EARLIEST: Final = 0
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
AGO: Final = re.compile(r"-(\d+(?:\.\d+)?)([smhd])")


class NoMoment(ValueError):
    """This text names no point in time; the message says what is accepted."""


def moment(text: str, now: int) -> int:
    """The point in time that a text names. `now` and what is returned: microseconds UTC.

    Raises NoMoment.
    """
    given = text.strip()
    if given == "now":
        return now
    if given == "earliest":
        return EARLIEST
    ago = AGO.fullmatch(given)
    if ago is not None:
        return max(EARLIEST, now - round(float(ago[1]) * SECONDS[ago[2]] * 1_000_000))
    try:
        found = datetime.fromisoformat(given)
    except ValueError as err:
        raise NoMoment(f"{text!r} is no time: {ACCEPTED}") from err
    since = (found if found.tzinfo is not None else found.replace(tzinfo=UTC)) - datetime.fromtimestamp(0, UTC)
    if since.days < 0:
        raise NoMoment(f"{text!r} lies before 1970: {ACCEPTED}")
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def shown(at: int) -> str:
    """A time (microseconds UTC) for people, and for the definition of a run; `moment` reads it back."""
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
