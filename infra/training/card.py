"""The model card of a bundle: what it is, what it learned from and by whose leave, its figures, its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COLUMNS = ("head", "part", "rows", "accuracy", "macro-F1", "ECE", "out-of-scope recall", "anger AUC")
_LIMITS = {
    "intent": (
        "It knows the labels below and no others: a text outside them gets a high out-of-scope score, not always.",
        "It reads one message at a time; what was said before is not known to it.",
        "Chinese and English. Other languages get an answer that means little.",
    ),
    "sentiment": (
        "It reads one message at a time; irony and quoted opinions are often taken at their word.",
        "Anger is how likely it is that the writer is angry at what happened, not a measure of strength.",
        "Chinese and English. Other languages get an answer that means little.",
    ),
}


def card(manifest: Mapping[str, Any]) -> str:
    """The README.md of the bundle with this manifest."""
    return "\n".join(
        [
            f"# {manifest['name']} {manifest['version']}",
            "",
            f"A bundle for {manifest['task']}: {_kinds(manifest['parts'])}. "
            + ("May be published." if manifest["release"] else "Not for publication: see the licences below."),
            "",
            "## Heads",
            *_table(("head", "labels", "languages"), _heads(manifest)),
            "",
            "## Figures",
            "On text kept back, by head and part. ECE: no row is judged by a calibration fitted on it.",
            "Out-of-scope recall: the share found with 95 % of in-scope text kept.",
            "",
            *_table(_COLUMNS, _figures(manifest)),
            "",
            "## Data",
            *_table(("set", "rows", "licence", "by"), _data(manifest)),
            "",
            "## Limits",
            *(f"- {limit}" for limit in _LIMITS[manifest["task"]]),
            "",
            "## Made by",
            "```",
            str(manifest["training"]["command"]),
            "```",
            "With " + ", ".join(f"{name} {v}" for name, v in manifest["training"]["versions"].items()) + ".",
            "",
        ]
    )


def _kinds(parts: Sequence[Mapping[str, Any]]) -> str:
    said = {"hashed": "hashed n-grams", "encoder": "a sentence encoder"}
    beside = {True: " with n-grams beside it", False: ""}
    return "; ".join(f"{said[part['kind']]}{beside['grams' in part]} for {', '.join(part['langs'])}" for part in parts)


def _heads(manifest: Mapping[str, Any]) -> list[Sequence[object]]:
    return [
        (
            f"{name} (default)" if name == manifest["default_head"] else name,
            len(head["labels"]),
            ", ".join(lang for number in head["parts"] for lang in manifest["parts"][number]["langs"]),
        )
        for name, head in manifest["heads"].items()
    ]


def _figures(manifest: Mapping[str, Any]) -> list[Sequence[object]]:
    columns = ("rows", "accuracy", "macro_f1", "ece", "outside_recall", "anger_auc")
    return [
        (head, part, *(found.get(column, "") for column in columns))
        for head, by_part in manifest["metrics"].items()
        for part, found in by_part.items()
    ]


def _data(manifest: Mapping[str, Any]) -> list[Sequence[object]]:
    return [(d["name"], d.get("rows", ""), d["licence"], d["attribution"]) for d in manifest["data"]]


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
