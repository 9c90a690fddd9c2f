"""Points in time, as they are written on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.replaying.moments import NoMoment, moment

NOW = 1_793_700_000_000_000


def micros(*parts: int) -> int:
    """A time in UTC."""
    year, month, day, hour, minute, second = (*parts, *[0] * (6 - len(parts)))
    return round(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("earliest", 0),
        ("-30s", NOW - 30_000_000),
        ("-30m", NOW - 1_800_000_000),
        ("-2h", NOW - 7_200_000_000),
        ("-1.5h", NOW - 5_400_000_000),
        ("-7d", NOW - 604_800_000_000),
        ("2026-11-03", micros(2026, 11, 3)),
        ("2026-11-03T14:30", micros(2026, 11, 3, 14, 30)),
        ("2026-11-03 14:30:05", micros(2026, 11, 3, 14, 30, 5)),
        ("2026-11-03T14:30Z", micros(2026, 11, 3, 14, 30)),
        ("2026-11-03T14:30+01:00", micros(2026, 11, 3, 13, 30)),
        (" 2026-11-03T14:30:00.123456Z ", micros(2026, 11, 3, 14, 30) + 123_456),
    ],
)
def test_a_moment_is_what_it_says(text: str, expected: int) -> None:
    """ISO 8601 with and without a zone, how long ago, now, and earliest."""
    assert moment(text, NOW) == expected


WRONG = ["", "yesterday", "2h", "-2", "-2 hours", "14:30", "2026-13-01", "1969-12-31", "9" * 30]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_moment_is_told_what_is_accepted(text: str) -> None:
    """The message repeats what was given, and says what may be."""
    with pytest.raises(NoMoment, match=r"ISO 8601.*earliest.*now.*-2h") as refused:
        moment(text, NOW)
    assert repr(text) in str(refused.value)


def test_long_ago_is_earliest() -> None:
    """No time lies before the epoch."""
    assert moment("-99999d", NOW) == 0
