"""Pinning: a schema gets an id once, and the id stands for it for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from schemas.catalogue import RECORDS
from schemas.codec import Ids, Schema, expanded, pinned_schema

FOLDER: Final = Path(__file__).parent


def bare(schema: Any) -> Any:
    """A schema without what is only for people: two schemas are the same if these are."""
    if isinstance(schema, dict):
        return {k: bare(v) if k != "default" else v for k, v in schema.items() if k != "doc"}
    return [bare(s) for s in schema] if isinstance(schema, list) else schema


def unpinned() -> list[str]:
    """Records whose schema is not what their newest id stands for, or that have no id."""
    ids = Ids.pinned().ids
    return [
        record
        for record in RECORDS
        if not ids.get(record) or bare(expanded(record)) != bare(pinned_schema(ids[record][-1], record))
    ]


def pin(folder: Path = FOLDER) -> dict[str, int]:
    """Gives every unpinned schema the next id, writing `ids.json` and `pinned/`; returns what was pinned.

    folder: the `schemas` folder of a checkout.
    """
    ids = Ids.pinned().ids
    following = 1 + max((n for numbers in ids.values() for n in numbers), default=0)
    new = {record: following + i for i, record in enumerate(unpinned())}
    for record, id_ in new.items():
        write_pinned(folder, id_, record, expanded(record))
        ids.setdefault(record, []).append(id_)
    if new:
        entries = {record: [{"id": n} for n in numbers] for record, numbers in ids.items()}
        (folder / "ids.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    return new


def write_pinned(folder: Path, id_: int, record: str, schema: Schema) -> None:
    """Keeps the schema that `id_` stands for. Raises FileExistsError where the id already stands for something."""
    path = folder / "pinned" / f"{id_}.{record}.avsc"
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
