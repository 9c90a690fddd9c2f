"""An example of everything that can happen, for the documents, the tests, and whoever writes an adapter.

`<Record>.<case>.json` holds the event as `codec.to_dict` gives it; bytes stand as the characters U+0000 to U+00FF, as
in Avro's own JSON.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, get_args, get_type_hints

from schemas.catalogue import RECORDS
from schemas.codec import from_dict
from schemas.events import Event


def names() -> list[str]:
    """The examples, as `<Record>.<case>`, sorted."""
    found = (f.name for f in files("schemas").joinpath("examples").iterdir() if f.name.endswith(".json"))
    return sorted(name.removesuffix(".json") for name in found)


def document(name: str) -> dict[str, Any]:
    """An example as it is written."""
    path = files("schemas").joinpath("examples", f"{name}.json")
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def event(name: str) -> Event:
    """An example as an event."""
    record = name.partition(".")[0]
    values = document(name)
    for field, hint in get_type_hints(RECORDS[record]).items():
        if bytes in (hint, *get_args(hint)) and values[field] is not None:
            values[field] = values[field].encode("latin-1")
    return from_dict(record, values)


def every_event() -> dict[str, Event]:
    """All examples by name."""
    return {name: event(name) for name in names()}
