"""What every benchmark's result is made of: warmed up, repeated, its spread told, and written where the user asked.

A result is a frozen dataclass with the fields `machine` and `limit` (one sentence: what limits), and a method `page`.
Its JSON is flat: a `Spread` gives four entries, the median under the field's own name.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from infra.local.errors import StackError
from infra.reporting.saving import save

if TYPE_CHECKING:
    from infra.benches.machine import Machine

Say = Callable[[str], None]
"""Takes a line on how far a benchmark is; commands print it to the standard error output."""
T = TypeVar("T")


class BenchError(StackError):
    """A benchmark cannot begin, or did not do its work; the message says what to change."""


@dataclass(frozen=True)
class Spread:
    """What repetitions gave: their median, the lowest, the highest, and each."""

    median: float
    low: float
    high: float
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Raises ValueError of no values."""
        found = tuple(values)
        if not found:
            raise ValueError("nothing was measured")
        return cls(statistics.median(found), min(found), max(found), found)

    def shown(self, digits: int = 0, unit: str = "") -> str:
        """The median, and from where to where the values lie."""
        said = f"{self.median:,.{digits}f}{unit}"
        return said if len(self.values) < 2 else f"{said} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


class Result(Protocol):
    """What `write` takes: a frozen dataclass with these."""

    @property
    def machine(self) -> Machine: ...

    @property
    def limit(self) -> str: ...

    def page(self) -> str:
        """The whole HTML file."""
        ...


def repeated(rounds: int, warm_up: int, run: Callable[[], T], say: Say) -> list[T]:
    """What `run` returns, of each of so many rounds; those of the warm-up come before, and are thrown away."""
    for number in range(warm_up):
        say(f"warm-up {number + 1} of {warm_up}")
        run()
    found = []
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        found.append(run())
    return found


def write(result: Result, json_file: Path | None, html_file: Path | None) -> None:
    """The result in the files that the user named. Raises BenchError where one cannot be written."""
    if json_file is not None:
        save(json_file, as_json(result), BenchError)
    if html_file is not None:
        save(html_file, result.page(), BenchError)


def as_json(result: Result) -> str:
    """The result as a JSON object, with the time of writing (`measured_at`, UTC); numbers that are none are null."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({**plain(result), "measured_at": now}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def plain(result: Any) -> dict[str, Any]:
    """A dataclass as JSON has it. A field x that is a Spread becomes x (the median), x_low, x_high and x_values."""
    found: dict[str, Any] = {}
    for each in fields(result):
        value = getattr(result, each.name)
        if isinstance(value, Spread):
            found[each.name] = _value(value.median)
            found |= {f"{each.name}_{part}": _value(getattr(value, part)) for part in ("low", "high", "values")}
        else:
            found[each.name] = _value(value)
    return found


def _value(value: Any) -> Any:
    if is_dataclass(value):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(key): _value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_value(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
