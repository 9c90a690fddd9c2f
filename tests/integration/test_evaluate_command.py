"""`spillway evaluate` on real bundles: what it writes, and with which exit code it ends."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.cli import main
from tests.bundles import INTENTS, SENTIMENTS, Examples, a_hashed_bundle, an_encoder_bundle, rewrite

RUN = CliRunner()
PLAIN = ("--no-latency",)
OTHER: Examples = {**INTENTS, "greeting": ("where are you",), "refund": ("hello there", "hi", "你好呀")}
"""The same labels learnt from examples that mislead."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles `good`, `poor`, `reads` (an encoder) and `feels`, and data that `good` knows by heart."""
    folder = tmp_path_factory.mktemp("evaluate")
    a_hashed_bundle(folder / "good", heads={"service": INTENTS, "plain": {"a": ("aaa",), "b": ("bbb",)}})
    a_hashed_bundle(folder / "poor", heads={"service": OTHER})
    an_encoder_bundle(folder / "reads")
    a_hashed_bundle(folder / "feels", task="sentiment")
    rows = [{"text": text, "label": label, "lang": "en"} for label, texts in INTENTS.items() for text in texts]
    save(folder / "known.jsonl", rows)
    moods = [{"text": text, "label": label} for label, texts in SENTIMENTS.items() for text in texts]
    save(folder / "moods.jsonl", moods)
    labels = {"known": {"order_query": ["order_status"], "chit_chat": ["greeting"], "out_of_scope": ["off_topic"],
                        "returns_exchange": "*"}}  # fmt: skip
    (folder / "map.json").write_text(json.dumps(labels), "utf-8")
    return folder


def save(path: Path, records: list[dict[str, Any]]) -> Path:
    """JSON lines."""
    path.write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records), "utf-8")
    return path


def run(*words: object) -> Result:
    """`spillway evaluate` with these words."""
    return RUN.invoke(main._top, ["evaluate", *map(str, words)])


def figures(*words: object, code: int = 0) -> Mapping[str, Any]:
    """What `--json -` prints, which is all that it prints."""
    said = run(*words, *PLAIN, "--json", "-")
    assert said.exit_code == code, said.stderr
    found: Mapping[str, Any] = json.loads(said.stdout)
    return found


@pytest.mark.parametrize("bundle", ["good", "reads"])
def test_a_bundle_that_knows_its_data_has_accuracy_one(place: Path, bundle: str) -> None:
    """With `accuracy` at the top, groups by name, and the hashes of what was read."""
    found = figures(place / bundle, "--data", place / "known.jsonl")
    assert list(found)[:4] == ["format", "accuracy", "accuracy_interval", "verdict"]
    assert (found["accuracy"], found["rows"], found["macro_f1"], found["passed"]) == (1.0, 16, 1.0, None)
    assert found["groups"]["known"]["head"] == "service"
    assert found["groups"]["known"]["unknown_labels"] == {}
    assert re.fullmatch(rf"{bundle}@1\.0\.0#[0-9a-f]{{12}}", found["fingerprint"])
    assert [(Path(f["path"]).name, f["rows"], len(f["sha256"])) for f in found["files"]] == [("known.jsonl", 16, 64)]
    assert found["latency"] is None


def test_several_files_follow_one_option(place: Path) -> None:
    """Each is a group, answered by the head that knows its labels."""
    letters = save(place / "letters.jsonl", [{"text": "aaa", "label": "a"}, {"text": "bbb", "label": "b"}])
    found = figures(place / "good", "--data", place / "known.jsonl", letters)
    assert {name: group["head"] for name, group in found["groups"].items()} == {"known": "service", "letters": "plain"}
    assert (found["accuracy"], found["rows"]) == (1.0, 18)


def test_by_a_label_map_families_are_compared(place: Path) -> None:
    """And what maps to out_of_scope is out of scope."""
    found = figures(place / "good", "--data", place / "known.jsonl", "--label-map", place / "map.json")
    group = found["groups"]["known"]
    assert (group["by"], group["in_scope"], group["accuracy"]) == ("family", 12, 1.0)
    assert {family["name"] for family in group["families"]} == {"order_query", "chit_chat", "returns_exchange"}
    assert group["out_of_scope"]["rows"] == 4
    assert group["out_of_scope"]["recall_at_95"] == 1.0


def test_sentiment_is_measured_like_any_other(place: Path) -> None:
    """By a bundle of that task."""
    found = figures(place / "feels", "--data", place / "moods.jsonl")
    assert (found["accuracy"], found["answered"], found["out_of_scope"]) == (1.0, None, None)


def test_a_worse_bundle_ends_with_one_and_a_better_one_with_zero(place: Path) -> None:
    """The default gate stands against the other bundle; the verdict comes first."""
    data = ("--data", place / "known.jsonl", *PLAIN)
    worse = run(place / "poor", *data, "--against", place / "good")
    assert worse.exit_code == 1
    assert worse.stdout.startswith("FAILED: accuracy is ")
    better = run(place / "good", *data, "--against", place / "poor")
    assert better.exit_code == 0
    assert better.stdout.startswith("PASSED: ")
    found = figures(place / "good", "--data", place / "known.jsonl", "--against", place / "poor")
    against = found["against"]
    assert against["only_other"] == 0
    assert against["only_this"] > 0
    assert against["both"] + against["only_this"] == 16
    assert against["difference"] == pytest.approx(found["accuracy"] - against["other"]["accuracy"])
    assert {(each["this"] == each["truth"]) for each in against["fixed"]} == {True}


def test_a_bundle_is_no_worse_than_itself(place: Path) -> None:
    """Whatever the machine does meanwhile."""
    said = run(place / "good", "--data", place / "known.jsonl", "--against", place / "good", *PLAIN)
    assert said.exit_code == 0
    assert "as often right as good@1.0.0#" in " ".join(said.stdout.split())
    assert "no difference shown" in said.stdout


def test_a_gate_without_another_bundle_is_of_numbers(place: Path) -> None:
    """Kept: 0; broken: 1; each is told with the figure."""
    data = ("--data", place / "known.jsonl")
    kept = figures(place / "good", *data, "--gate", "accuracy >= 99%")
    assert (kept["passed"], [finding["kept"] for finding in kept["gate"]]) == (True, [True])
    broken = figures(place / "good", *data, "--gate", "accuracy > 1", "--gate", "macro_f1 >= 0.5", code=1)
    assert (broken["passed"], [finding["kept"] for finding in broken["gate"]]) == (False, [False, True])
    assert broken["verdict"].startswith("FAILED: accuracy is 1.0000, needs > 1.0000")


def test_latency_is_measured_in_the_same_run(place: Path) -> None:
    """By batch size and length, features included."""
    said = run(place / "good", "--data", place / "known.jsonl", "--json", "-", "--robustness")
    found = json.loads(said.stdout)
    assert [speed["batch"] for speed in found["latency"]["by_batch"]] == [1, 8, 32, 128]
    assert all(speed["median_us"] > 0 for speed in found["latency"]["by_batch"])
    assert found["robustness"]["all_caps"]["rows"] == 8
    assert found["robustness"]["traditional"]["after"] is not None


def test_labels_that_no_head_knows_are_said_loudly(place: Path) -> None:
    """On the terminal and in the verdict; their rows are wrong."""
    data = save(place / "strange.jsonl", [{"text": "hello", "label": "greeting"}, {"text": "hi", "label": "salute"}])
    said = run(place / "good", "--data", data, *PLAIN)
    assert said.exit_code == 0
    assert said.stdout.startswith("Accuracy 50.0 %")
    assert "1 of them with labels that it does not know, counted as wrong" in " ".join(said.stdout.split())
    assert "salute (1)" in said.stdout
    (warning,) = figures(place / "good", "--data", data)["warnings"]
    assert warning.startswith("strange: 1 of 2 rows have labels that the head service does not know")


def test_labels_that_the_other_bundle_does_not_know_are_said_too(place: Path, tmp_path: Path) -> None:
    """Else it would seem that it had lost a fair race."""
    narrow = a_hashed_bundle(tmp_path / "narrow", heads={"service": {k: INTENTS[k] for k in ("greeting", "refund")}})
    found = figures(place / "good", "--data", place / "known.jsonl", "--against", narrow)
    (warning,) = found["warnings"]
    assert warning.startswith(f"{found['against']['fingerprint']}: known: 8 of 16 rows have labels")


def test_a_bundle_measured_on_what_it_learnt_is_said_so(place: Path, tmp_path: Path) -> None:
    """By the hash of the file; not where only rows that were kept back are taken."""
    data = save(tmp_path / "learnt.jsonl", [{"text": "hello", "label": "greeting", "split": "val"}] * 3)
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    bundle = Path(shutil.copytree(place / "good", tmp_path / "learner"))
    rewrite(bundle, lambda document: document["data"][0].update(sha256=digest))
    said = run(bundle, "--data", data, *PLAIN)
    assert "The bundle was trained on" in said.stdout
    assert "--held-out SEED" in " ".join(said.stdout.split())
    for option in (("--split", "val"), ("--held-out", 7)):
        assert "The bundle was trained on" not in run(bundle, "--data", data, *PLAIN, *option).stdout
    assert figures(bundle, "--data", data)["files"][0]["trained_on"] is True
    assert figures(place / "good", "--data", data)["files"][0]["trained_on"] is False


def test_a_bundle_is_found_by_name_in_the_model_store(place: Path, tmp_path: Path) -> None:
    """As it is after an activation."""
    stored = tmp_path / "models" / "good" / "0123456789ab"
    stored.parent.mkdir(parents=True)
    shutil.copytree(place / "good", stored)
    found = figures("good", "--data", place / "known.jsonl", "--data-dir", tmp_path)
    assert (found["bundle"], found["accuracy"]) == ("good", 1.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("absent", "--data", "{place}/known.jsonl"), "there is no bundle absent"),
        (("{place}/absent", "--data", "{place}/known.jsonl"), "absent: is not a folder"),
        (("{place}/good", "--data", "{place}/none.jsonl"), "none.jsonl: cannot be read"),
        (("{place}/good", "--data", "{place}/moods.jsonl"), "knows none of its labels (negative,"),
        (("{place}/good", "--data", "{place}/known.jsonl", "--head", "x"), "has no such head; it has service, plain"),
        (("{place}/good", "--data", "{place}/known.jsonl", "--split", "val"), "no row has the split 'val'"),
        (("{place}/good", "--data", "{place}/known.jsonl", "--gate", "ece <= other"), "name it with --against"),
        (("{place}/good", "--data", "{place}/known.jsonl", "--gate", "nonsense"), "is no rule"),
        (("{place}/good", "--data", "{place}/moods.jsonl", "--label-map", "{place}/map.json"), "no set for moods"),
        (("{place}/good", "--data", "{place}/known.jsonl", "--html", "{place}/good/all.onnx/x"), "cannot be written"),
    ],
)
def test_what_cannot_be_measured_ends_with_two(place: Path, words: tuple[str, ...], message: str) -> None:
    """And one line on standard error that says what to do; nothing else is printed."""
    said = run(*(word.format(place=place) for word in words), *PLAIN)
    assert said.exit_code == 2
    assert message in said.stderr
    assert said.stdout == ""


class Page(HTMLParser):
    """Collects what a page would load, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in ("meta", "br", "rect", "circle", "line", "polyline", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "circle", "line", "polyline", "path"):
            assert self.open.pop() == tag


def test_the_report_is_one_page_that_needs_nothing_else(place: Path, tmp_path: Path) -> None:
    """No script, no style sheet, no picture from elsewhere; texts are escaped; the verdict comes first."""
    texts = {
        "hello <script>alert('x')</script>": "refund",
        "i want a refund": "refund",
        "你好 & hello": "order_status",
        "sing": "oos",
    }
    evil = save(tmp_path / "evil.jsonl", [{"text": text, "label": label} for text, label in texts.items()])
    page = tmp_path / "deep" / "report.html"
    words = ("--data", evil, place / "known.jsonl", "--against", place / "poor", "--robustness", "--html", page)
    assert run(place / "good", *words).exit_code in (0, 1)
    text = page.read_text("utf-8")
    parsed = Page()
    parsed.feed(text)
    assert (parsed.loads, parsed.open) == ([], [])
    assert "script" not in parsed.tags
    assert "url(" not in text
    assert "@import" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in text
    assert "你好 &amp; hello" in text
    assert text.index('class="verdict') < text.index("<table")
    assert parsed.tags.count("svg") == 3
    assert "prefers-color-scheme: dark" in text
