"""`spillway train`: from a folder of text to a bundle that answers, or a refusal that says why."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from infra.cli.train import command
from streams.models.bundle import load_bundle
from streams.models.manifest import read_manifest

APP = typer.Typer()
APP.command()(command)
ASKED = {
    "where": ("where is my {}", "has the {} been sent", "我的{}到哪了", "{}什么时候送到"),
    "return": ("i return the {}", "send the {} back", "我要退{}", "{}不合适要退"),
    "oos": ("sing about a {}", "what rhymes with {}", "讲个{}的笑话", "{}用英语怎么说"),
}
THINGS = ("shoes", "coat", "lamp", "kettle", "chair", "phone", "手机", "鞋子", "台灯", "外套", "book", "desk")


def train(*words: object) -> Result:
    """The command, as the console script calls it."""
    return CliRunner().invoke(APP, [str(word) for word in words])


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A folder with a small set in two languages, and one of feelings."""
    folder = tmp_path / "sets"
    folder.mkdir()
    said = [(t.format(thing), label) for label, templates in ASKED.items() for t in templates for thing in THINGS]
    random.Random(1).shuffle(said)
    lines = [json.dumps({"text": t, "label": label, "lang": "en", "source": "test"}) for t, label in said]
    (folder / "shop.jsonl").write_text("\n".join(lines), encoding="utf-8")
    felt = [
        (f"{word} {thing}", label, anger)
        for thing in THINGS
        for word, label, anger in (("lovely", "positive", 0), ("awful", "negative", 1), ("a", "neutral", 0))
    ]
    lines = [json.dumps({"text": t, "label": label, "anger": anger}) for t, label, anger in felt]
    (folder / "twitter_airline.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_a_folder_of_text_becomes_a_bundle_that_answers(sets: Path, tmp_path: Path) -> None:
    """Both languages, out-of-scope text too; with a card, and figures on what was kept back."""
    out, figures = tmp_path / "my shop", tmp_path / "figures.json"
    said = train("intent", "--data", sets, "--out", out, "--json", figures)
    assert said.exit_code == 0, said.output
    bundle = load_bundle(out)
    assert bundle.fingerprint.startswith("my-shop@1.0.0#")
    assert [part.langs for part in bundle.manifest.parts] == [("en", "und"), ("zh", "mixed")]
    texts = ["where is my lamp", "我要退台灯", "sing about a phone"]
    found = bundle.predict(texts)
    assert [bundle.heads["shop"].labels[n] for n in found.probabilities.argmax(1)[:2]] == ["where", "return"]
    assert found.second[2] > max(found.second[:2])
    written = json.loads(figures.read_text(encoding="utf-8"))
    assert written["fingerprint"] == bundle.fingerprint
    assert written["metrics"]["shop"]["en"]["accuracy"] > 0.8
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "spillway train intent --data DIR --out BUNDLE --seed 7" in card
    assert "| shop |" in card


def test_the_same_seed_is_the_same_bundle(sets: Path, tmp_path: Path) -> None:
    """By its content hash, wherever it is written; another seed is another bundle."""
    hashes = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert train("intent", "--data", sets, "--out", tmp_path / name, "--name", "x", "--seed", seed).exit_code == 0
        hashes.append(read_manifest(tmp_path / name).sha256)
    assert hashes[0] == hashes[1] != hashes[2]


def test_feelings_become_a_sentiment_bundle(sets: Path, tmp_path: Path) -> None:
    """With its anger."""
    assert train("sentiment", "--data", sets, "--out", tmp_path / "mood").exit_code == 0
    bundle = load_bundle(tmp_path / "mood")
    found = bundle.predict(["awful kettle", "lovely kettle"])
    assert [bundle.heads[bundle.default_head].labels[n] for n in found.probabilities.argmax(1)] == [
        "negative",
        "positive",
    ]
    assert found.second[0] > found.second[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sentiment", "--release"), "twitter_airline (licence: CC BY-NC-SA 4.0) may not"),
        (("intent", "--release"), "nothing says under which licence shop comes"),
        (("intent", "--recipe", "sentiment-fast"), "is for sentiment, not for intent"),
        (("intent", "--sets", "shop,bank"), "--sets bank"),
        (("intent", "--head", "bank"), "the heads are: shop"),
        (("intent", "--name", "My Shop"), "--name My Shop"),
        (("intent", "--version", "v 1"), "--version v 1"),
    ],
)
def test_what_may_not_be_trained_is_refused(sets: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, the reason with its remedy, and nothing written."""
    refused = train(*words, "--data", sets, "--out", tmp_path / "out")
    assert (refused.exit_code, said in refused.output) == (2, True), refused.output
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_bundle_is_not_overwritten(sets: Path, tmp_path: Path) -> None:
    """A bundle is: its new version takes its place. Anything else stays."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep", encoding="utf-8")
    refused = train("intent", "--data", sets, "--out", tmp_path / "notes")
    assert (refused.exit_code, "is no bundle" in refused.output) == (2, True)
    for version in ("1", "2"):
        assert train("intent", "--data", sets, "--out", tmp_path / "b", "--version", version).exit_code == 0
    assert read_manifest(tmp_path / "b").version == "2"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b", "notes", "sets"]
