"""A bundle serves after every check, or is refused with a message that says what to do."""

from __future__ import annotations

import gc
import json
import shutil
import weakref
from pathlib import Path

import numpy as np
import onnx
import pytest

from streams.models.bundle import Bundle, BundleRefused, load_bundle
from streams.models.encoder import clean
from streams.models.features import Features
from streams.models.intent import BundleIntents
from streams.models.onnx_file import opsets
from streams.models.runner import OnnxRuntime
from streams.models.sentiment import BundleSentiments
from tests.bundles import INTENTS, SENTIMENTS, a_hashed_bundle, an_encoder_bundle, hashed_graph, rewrite


def _refused(folder: Path) -> BundleRefused:
    with pytest.raises(BundleRefused) as refused:
        load_bundle(folder)
    return refused.value


@pytest.fixture
def hashed(tmp_path: Path) -> Path:
    """A hashed bundle."""
    return a_hashed_bundle(tmp_path / "hashed")


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """An encoder bundle, with its backbone beside it."""
    return an_encoder_bundle(tmp_path / "encoder")


def test_a_bundle_knows_its_own_examples(hashed: Path, encoder: Path) -> None:
    """Either kind gives every example its label."""
    for folder in (hashed, encoder):
        bundle = load_bundle(folder)
        for label, texts in enumerate(INTENTS.values()):
            assert set(bundle.predict(texts).probabilities.argmax(1).tolist()) == {label}


def test_no_texts_are_no_rows(hashed: Path) -> None:
    """An empty batch has an empty answer of the right shape."""
    found = load_bundle(hashed).predict([])
    assert found.probabilities.shape == (0, 4)
    assert found.second.shape == (0,)


def test_a_changed_file_is_refused(hashed: Path) -> None:
    """One byte more, and the hash tells."""
    with (hashed / "all.onnx").open("ab") as file:
        file.write(b"\0")
    refused = _refused(hashed)
    assert refused.path == hashed / "all.onnx"
    assert "SHA-256" in str(refused)
    assert "copy the bundle again" in str(refused)


def test_a_missing_file_is_refused(hashed: Path) -> None:
    """Half a bundle does not serve."""
    (hashed / "probe.json").unlink()
    assert str(_refused(hashed)).startswith(f"{hashed / 'probe.json'}: cannot be read")


def test_a_graph_with_other_labels_is_refused(hashed: Path) -> None:
    """Five labels in the manifest do not fit the graph's four columns."""
    rewrite(hashed, lambda d: d["heads"]["service"]["labels"].append("more"))
    assert "output probabilities.service has 4 columns for the 5 labels" in str(_refused(hashed))


def test_a_graph_without_the_head_is_refused(hashed: Path) -> None:
    """Every head of a part has its outputs in the part's graph."""
    rewrite(hashed, lambda d: d["heads"].update(other={"labels": ["a", "b"]}))
    assert "lacks the output probabilities.other" in str(_refused(hashed))


def test_a_graph_of_the_other_task_is_refused(hashed: Path) -> None:
    """An intent has a figure for outside; a sentiment's graph has not."""
    graph = hashed_graph("sentiment", {"service": INTENTS}, Features(4096, limit=500))
    (hashed / "all.onnx").write_bytes(graph)
    rewrite(hashed, lambda _: None, rehash=True)
    assert "lacks the output outside.service" in str(_refused(hashed))


def test_an_opset_that_not_every_runtime_has_is_refused(hashed: Path) -> None:
    """The message says which one it is and which one to export."""
    model = onnx.load(str(hashed / "all.onnx"))
    model.opset_import[0].version = 21
    onnx.save(model, str(hashed / "all.onnx"))
    rewrite(hashed, lambda _: None, rehash=True)
    assert "all.onnx: has opset 21, not one of 13 to 17; export it with opset 17" in str(_refused(hashed))


def test_operators_of_others_are_refused(hashed: Path) -> None:
    """A graph with operators of an unknown domain would not run elsewhere."""
    model = onnx.load(str(hashed / "all.onnx"))
    model.opset_import.append(onnx.helper.make_opsetid("org.example", 1))
    onnx.save(model, str(hashed / "all.onnx"))
    rewrite(hashed, lambda _: None, rehash=True)
    assert "uses operators of 'org.example'" in str(_refused(hashed))


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x42\x02\x10", b"\x08\x08\x42\x02\x10\x11"])
def test_what_is_no_graph_is_refused(hashed: Path, content: bytes) -> None:
    """Nothing, noise, a file cut short, a header alone."""
    (hashed / "all.onnx").write_bytes(content)
    rewrite(hashed, lambda _: None, rehash=True)
    assert _refused(hashed).path == hashed / "all.onnx"


def test_operator_sets_are_read_from_the_file() -> None:
    """As the onnx package would read them."""
    graph = hashed_graph("intent", {"service": INTENTS}, Features(64))
    assert opsets(graph) == {"": 17}


def test_a_broken_tokenizer_is_refused(encoder: Path) -> None:
    """The file is named."""
    (encoder / "all.tokenizer.json").write_text('{"version": "1.0"}')
    rewrite(encoder, lambda _: None, rehash=True)
    refused = _refused(encoder)
    assert refused.path == encoder / "all.tokenizer.json"
    assert "is no tokenizer" in refused.wrong


def test_the_tokenizer_of_another_model_is_refused(encoder: Path) -> None:
    """Its words are beyond the backbone's vocabulary, or are other words: the message says that a file differs."""
    path = encoder / "all.tokenizer.json"
    right = path.read_text(encoding="utf-8")
    document = json.loads(right)
    words = document["model"]["vocab"]
    for other in ({w: n + 500 for w, n in words.items()}, dict(zip(words, reversed(words.values()), strict=True))):
        document["model"]["vocab"] = other
        path.write_text(json.dumps(document), encoding="utf-8")
        rewrite(encoder, lambda _: None, rehash=True)
        refused = _refused(encoder)
        assert refused.path in (encoder / "all.onnx", encoder / "probe.json")
        assert "a file or the runtime differs" in refused.remedy


def test_a_graph_that_hides_its_width_is_tried(hashed: Path) -> None:
    """Where the graph does not say how many columns it makes, a run does."""
    model = onnx.load(str(hashed / "all.onnx"))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "labels"
    for node in model.graph.node:
        node.output[:] = ["mean"] if node.output[0] == "service.mean" else node.output
    narrow = onnx.helper.make_node("Slice", ["mean", "from", "to", "columns"], ["service.mean"])
    model.graph.node.insert(8, narrow)
    model.graph.node.insert(8, onnx.helper.make_node("Shape", ["ids"], ["to"], start=1, end=2))
    for name, value in (("from", 0), ("columns", 1)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([value], np.int64), name))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "labels"
    onnx.save(model, str(hashed / "all.onnx"))
    rewrite(hashed, lambda d: d["heads"]["service"]["labels"].append("more"), rehash=True)
    assert "for the 5 labels of head service" in str(_refused(hashed))


def test_a_bundle_that_answers_otherwise_than_when_it_was_made_is_refused(hashed: Path, tmp_path: Path) -> None:
    """Another graph with the right labels and the right hash still fails its probe set."""
    shutil.copy(a_hashed_bundle(tmp_path / "other", sharpness=2.0) / "all.onnx", hashed / "all.onnx")
    rewrite(hashed, lambda _: None, rehash=True)
    refused = _refused(hashed)
    assert refused.path == hashed / "probe.json"
    assert "gets order_status with" in refused.wrong
    assert load_bundle(hashed, probe=False).fingerprint


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        ("{}", "is not a list"),
        ("[]", "is not a list"),
        ("[", "is not JSON"),
        ('[{"text": 1, "label": "refund", "probability": 1}]', "[0].text is not text"),
        ('[{"text": "", "label": "nope", "probability": 1}]', "[0].label is 'nope'"),
        ('[{"text": "", "label": "refund"}]', "[0].probability is missing"),
    ],
)
def test_a_probe_set_that_says_nothing_is_refused(hashed: Path, entries: str, wrong: str) -> None:
    """A bundle without a probe set cannot be checked."""
    (hashed / "probe.json").write_text(entries)
    rewrite(hashed, lambda _: None, rehash=True)
    assert _refused(hashed).wrong.startswith(wrong)


def test_a_backbone_is_found_by_its_content(encoder: Path) -> None:
    """Beside the manifest it is found first; anywhere, only with its hash."""
    shared = encoder.parent / "backbones" / "tiny" / "model.onnx"
    shared.rename(encoder / "backbone-tiny.onnx")
    assert load_bundle(encoder).fingerprint
    (encoder / "backbone-tiny.onnx").write_bytes(b"something else")
    assert "backbone-tiny.onnx: has not the SHA-256" in str(_refused(encoder))
    (encoder / "backbone-tiny.onnx").unlink()
    refused = str(_refused(encoder))
    assert refused.startswith(f"{shared}: is not there; backbone tiny")
    assert "put it there" in refused


def test_heads_and_backbone_have_one_width(encoder: Path, tmp_path: Path) -> None:
    """A head that expects wider embeddings is refused before it runs."""
    model = onnx.load(str(encoder / "all.onnx"))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 128
    del model.graph.node[0]
    model.graph.node.insert(0, onnx.helper.make_node("Slice", ["embedding", "a", "b", "c"], ["cut"]))
    model.graph.node.insert(1, onnx.helper.make_node("MatMul", ["cut", "service.weights"], ["service.mean"]))
    for name, value in (("a", 0), ("b", 64), ("c", 1)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([value], np.int64), name))
    onnx.save(model, str(encoder / "all.onnx"))
    rewrite(encoder, lambda _: None, rehash=True)
    assert "makes embeddings of width 64; the heads expect 128" in str(_refused(encoder))


def test_heads_of_one_backbone_share_its_session(tmp_path: Path) -> None:
    """Two bundles, one backbone: one session in the process, gone when nobody uses it."""
    content = (an_encoder_bundle(tmp_path / "one").parent / "backbones" / "tiny" / "model.onnx").read_bytes()
    one, other = OnnxRuntime(), OnnxRuntime()
    session = one.runner(tmp_path, content, "a")
    assert session is other.runner(tmp_path, content, "b")
    assert session is not OnnxRuntime(threads=2).runner(tmp_path, content, "a")
    seen = weakref.ref(session)
    del session
    gc.collect()
    assert seen() is None


def test_a_device_that_is_not_there_is_said_so(hashed: Path) -> None:
    """Without the extra gpu there is no CUDA; the message names the extra."""
    with pytest.raises(BundleRefused, match=r"no CUDA; install spillway with the extra gpu"):
        load_bundle(hashed, device="cuda")


def _two_parts(hashed: Path, tmp_path: Path) -> Bundle:
    """English by the hashed bundle; Chinese by a part that says greeting to what the other calls off_topic."""
    swapped = {**INTENTS, "greeting": INTENTS["off_topic"], "off_topic": INTENTS["greeting"]}
    other = a_hashed_bundle(tmp_path / "swapped", heads={"service": swapped, "extra": INTENTS})
    shutil.copy(other / "all.onnx", hashed / "zh.onnx")

    def add(document: dict[str, object]) -> None:
        parts = document["parts"]
        assert isinstance(parts, list)
        parts[0]["langs"] = ["en", "und"]
        parts.append({**parts[0], "langs": ["zh", "mixed"], "model": "zh.onnx"})
        heads, files = document["heads"], document["files"]
        assert isinstance(heads, dict)
        assert isinstance(files, dict)
        heads["service"]["parts"] = [0, 1]
        heads["extra"] = {"labels": list(INTENTS), "parts": [1]}
        files["zh.onnx"] = ""

    rewrite(hashed, add, rehash=True)
    return load_bundle(hashed, probe=False)


def test_a_text_goes_to_the_part_of_its_language(hashed: Path, tmp_path: Path) -> None:
    """Told or found; a head that only one part has is answered there, whatever the language."""
    bundle = _two_parts(hashed, tmp_path)
    labels = bundle.heads["service"].labels

    def said(texts: list[str], **how: object) -> list[str]:
        return [labels[i] for i in bundle.predict(texts, **how).probabilities.argmax(1).tolist()]  # type: ignore[arg-type]

    assert said(["hello", "你好", "hello", "唱首歌"]) == ["greeting", "off_topic", "greeting", "greeting"]
    assert said(["hello"], langs=["zh"]) == ["off_topic"]
    assert said(["hello", "你好"], head="extra") == ["greeting", "greeting"]
    with pytest.raises(KeyError):
        bundle.predict(["hello"], "nobody")


def test_intents_say_label_family_top_and_language(hashed: Path) -> None:
    """The port's answer, from the bundle's labels and scenarios."""
    model = BundleIntents(load_bundle(hashed))
    (intent,) = model.detect(["我要退款"])
    assert (intent.label, intent.scenario, intent.lang) == ("refund", "returns_exchange", "zh")
    assert intent.top[0].label == "refund"
    assert len(intent.top) == 3
    assert intent.confidence == intent.top[0].confidence > intent.top[1].confidence
    assert intent.out_of_scope < 0.5
    assert model.fingerprint.startswith("hashed@1.0.0#")


def test_sentiments_say_score_label_and_anger(tmp_path: Path) -> None:
    """The score lies between -1 and 1, on the label's side."""
    model = BundleSentiments(load_bundle(a_hashed_bundle(tmp_path / "tiny", task="sentiment")))
    for label, texts in SENTIMENTS.items():
        for found in model.score(texts):
            assert found.label == label
            assert (found.score > 0.3) == (label == "positive")
            assert (found.score < -0.3) == (label == "negative")


def test_a_bundle_does_only_its_task(hashed: Path) -> None:
    """A bundle of intents cannot be asked for sentiments."""
    with pytest.raises(ValueError, match="has the task intent, not sentiment"):
        BundleSentiments(load_bundle(hashed))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Ｏｒｄｅｒ　１２", "Order 12"),
        ("a\x00b\ud800c", "abc"),
        ("é" * 3_000, "é" * 2_000),
        ("ﷺ" * 2_000, ("صلى الله عليه وسلم" * 2_000)[:2_000]),
        ("我的訂單order", "我的订单order"),
    ],
)
def test_the_tokenizer_is_given_clean_text(text: str, cleaned: str) -> None:
    """Compatibility forms are evened out, what is no character is left out, and the length is bounded."""
    assert clean(text) == cleaned


def test_a_probe_set_is_readable(hashed: Path) -> None:
    """People read it in reviews: texts, labels, probabilities."""
    entries = json.loads((hashed / "probe.json").read_bytes())
    assert {"text": "where is my order", "label": "order_status"}.items() <= entries[0].items()


def test_emoji_change_nothing_that_an_encoder_says_of_words(encoder: Path) -> None:
    """Beside a word or touching it, what the tokenizer cannot name is left out; a text of that alone is answered."""
    bundle = load_bundle(encoder)
    plain, beside, touching, alone = bundle.predict(
        ["where is my order", "where 😡 is my order 👍🏽", "😡where is my order❤️", "😡👍🏽"]
    ).probabilities
    assert np.array_equal(plain, beside)
    assert np.array_equal(plain, touching)
    assert np.isfinite(alone).all()
