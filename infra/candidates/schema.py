"""The JSON Schema of candidate files, for editors. `python -m infra.candidates.schema` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from infra.candidates.fields import FIELDS

SCHEMA: Final = Path(__file__).with_name("candidate.schema.json")


def candidate_schema() -> dict[str, Any]:
    """What the table of fields says, as JSON Schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A candidate: what would replace what is live, and what it must not make worse",
        "type": "object",
        "properties": {field.name: {"description": field.about, **field.shape} for field in FIELDS},
        "required": ["name"],
        "additionalProperties": False,
    }


def as_text() -> str:
    """The file's text."""
    return json.dumps(candidate_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(as_text(), encoding="utf-8")
