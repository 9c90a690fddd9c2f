"""Whatever the data is like, its evaluation can be shown, written and read."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from infra.evaluation.report import report
from infra.evaluation.result import Result
from infra.evaluation.run import Request, run
from infra.evaluation.showing import show
from streams.models.bundle import Head
from tests.scripted_model import ScriptedModel

INTENTS = {"pair": Head(("yes", "no"), {"yes": "payment", "no": "complaint"})}
SAID = {"pair": {"": ((0.8, 0.2), 0.6), "sure": ((0.9, 0.1), 0.1)}}
MOODS = {"mood": Head(("negative", "neutral", "positive"))}
FELT = {"mood": {"": ((0.2, 0.5, 0.3), 0.1)}}


def files(folder: Path, *labels: str) -> tuple[Path, ...]:
    """A file for each string of labels, of which each is a row."""
    paths = tuple(folder / f"set{i}.jsonl" for i in range(len(labels)))
    for path, words in zip(paths, labels, strict=True):
        rows = [{"text": f"<{path.stem}> [bold]{i}", "label": label} for i, label in enumerate(words.split())]
        path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return paths


def shown(result: Result) -> str:
    """The terminal's text, spaces put together."""
    written = io.StringIO()
    show(result, Console(file=written, width=120))
    return " ".join(written.getvalue().split())


@pytest.mark.parametrize(
    ("labels", "begins"),
    [
        (("yes no yes",), "Accuracy 66.7 % (20.8–93.9) on 3 rows of scripted@1#0"),
        (("oos oos",), "Out-of-scope recall 100.0 % (34.2–100.0) on 2 rows of scripted@1#0"),
        (("yes oos",), "Accuracy 100.0 % (20.7–100.0) on 1 row in scope of scripted@1#0"),
        (("yes maybe",), "Accuracy 50.0 % (9.5–90.5) on 2 rows (1 of them with labels that it does not know, counted"),
        (("yes",) * 5, "Accuracy 100.0 % (56.6–100.0) on 5 rows of scripted@1#0"),
    ],
)
def test_any_data_can_be_shown(tmp_path: Path, labels: tuple[str, ...], begins: str) -> None:
    """The verdict first; the texts are told as they are, and the JSON has no figure that is none."""
    request = Request(files(tmp_path, *labels), robustness=True)
    result = run(request, "scripted", ScriptedModel(INTENTS, SAID), ScriptedModel(INTENTS, SAID, "other@1#1"))
    alone = run(Request(request.data, latency=False), "scripted", ScriptedModel(INTENTS, SAID))
    assert shown(alone).startswith(begins)
    assert shown(result).startswith(("PASSED: ", "FAILED: "))
    for found in (alone, result):
        page = report(found)
        assert begins.partition(" on ")[0].lower() in page.lower()
        assert "<set0>" not in page
        written = json.loads(json.dumps(found.as_json(), allow_nan=False))
        assert (len(written["groups"]), "confusions" in written["groups"]["set0"]) == (len(labels), True)


def test_text_on_the_terminal_is_no_markup(tmp_path: Path) -> None:
    """What a customer writes in brackets stays."""
    request = Request(files(tmp_path, "no no"), latency=False)
    assert "<set0> [bold]0" in shown(run(request, "scripted", ScriptedModel(INTENTS, SAID)))


def test_sentiment_can_be_shown(tmp_path: Path) -> None:
    """With no figure that only intents have."""
    result = run(Request(files(tmp_path, "positive negative")), "scripted", ScriptedModel(MOODS, FELT))
    assert shown(result).startswith("Accuracy 50.0 %")
    assert "out of scope" not in shown(result).lower()
    assert "only positive and negative are compared" in report(result)


def test_all_but_time_is_the_same_in_every_run(tmp_path: Path) -> None:
    """Resampling, drawing and damage are seeded."""

    def figures() -> dict[str, object]:
        request = Request(files(tmp_path, "yes no yes no oos"), robustness=True, limit=4, latency=False)
        other = ScriptedModel(INTENTS, {"pair": {"": ((0.3, 0.7), 0.1)}}, "other@1#1")
        found = run(request, "scripted", ScriptedModel(INTENTS, SAID), other).as_json()
        return {name: value for name, value in found.items() if name not in ("at", "seconds")}

    assert figures() == figures()


def test_progress_is_told_in_rows(tmp_path: Path) -> None:
    """Each step by its name, with as many rows as it has."""
    told: dict[str, int] = {}

    def progress(name: str, rows: int | None) -> Callable[[int], None]:
        told[name] = 0

        def done(more: int) -> None:
            told[name] += more

        return done

    request = Request(files(tmp_path, "yes no", "no"), robustness=True)
    run(request, "scripted", ScriptedModel(INTENTS, SAID), progress=progress)
    assert (told["answering"], told["measuring latency"]) == (3, 0)
    assert told["damaging"] >= 3
