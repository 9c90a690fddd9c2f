"""What every bundle holds, whatever its parts are, and wherever its graphs are run: here, or by a Triton server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.models.bundle import Bundle, BundleRefused, load_bundle
from streams.models.intent import BundleIntents
from streams.models.runner import CannotRun
from streams.models.sentiment import BundleSentiments
from streams.models.triton import Triton
from streams.models.triton_repository import write_repository
from streams.testing.triton import FakeTriton
from tests.bundles import INTENTS, a_hashed_bundle, an_encoder_bundle

LONG = ["😀" * 5_000, "1" * 16_384, "我要退货" * 4_000, "a " * 8_000, "e" + "\u0301" * 10_000, "ﷺ" * 10_000]
TEXTS = st.lists(
    st.one_of(
        st.text(max_size=200),
        st.sampled_from(["", " ", "\x00", "\ud800", "where is my order", "我要退款", "我的order", "😡", "да"]),
    ),
    min_size=1,
    max_size=6,
)
QUICK = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])


class Served(NamedTuple):
    """The same bundle twice: run here, and run where the test wants it."""

    bundle: Bundle
    here: Bundle


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle of each kind and task."""
    folder = tmp_path_factory.mktemp("bundles")
    return {
        "hashed": a_hashed_bundle(folder / "hashed"),
        "hashed-sentiment": a_hashed_bundle(folder / "hashed-sentiment", task="sentiment"),
        "encoder": an_encoder_bundle(folder / "encoder"),
        "encoder-rows": an_encoder_bundle(folder / "encoder-rows", max_rows=4),
        "encoder-sentiment": an_encoder_bundle(folder / "encoder-sentiment", task="sentiment"),
    }


@pytest.fixture(scope="module")
def server(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeTriton]:
    """A server that has all of them."""
    repository = tmp_path_factory.mktemp("repository")
    for folder in folders.values():
        write_repository(folder, repository)
    with FakeTriton(repository) as fake:
        yield fake


@pytest.fixture(scope="module")
def triton(server: FakeTriton) -> Iterator[Triton]:
    """A connection to it."""
    with Triton(server.url, timeout=30) as connection:
        yield connection


@pytest.fixture(scope="module", params=["onnxruntime", "triton"])
def served(
    request: pytest.FixtureRequest, folders: dict[str, Path], triton: Triton
) -> dict[str, Served]:
    """The bundles, by their runner."""
    runners = triton if request.param == "triton" else None
    return {name: Served(load_bundle(f, runners=runners), load_bundle(f)) for name, f in folders.items()}


@QUICK
@given(texts=TEXTS)
def test_any_text_gets_probabilities(served: dict[str, Served], texts: list[str]) -> None:
    """One row a text; every row is finite, not negative and sums to 1; the second figure lies within 0 and 1."""
    for bundle, _ in served.values():
        labels = bundle.heads[bundle.default_head].labels
        probabilities, second = bundle.predict(texts)
        assert probabilities.shape == (len(texts), len(labels))
        assert second.shape == (len(texts),)
        assert probabilities.dtype == second.dtype == np.float32
        assert np.isfinite(probabilities).all()
        assert (probabilities >= 0).all()
        assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
        assert ((second >= 0) & (second <= 1)).all()


@QUICK
@given(texts=TEXTS, data=st.data())
def test_neighbours_and_order_make_no_difference(
    served: dict[str, Served], texts: list[str], data: st.DataObject
) -> None:
    """A text's figures are the same, bit for bit, alone, in any batch, and in any order."""
    order = data.draw(st.permutations(range(len(texts))))
    for bundle, _ in served.values():
        together = bundle.predict(texts)
        shuffled = bundle.predict([texts[i] for i in order])
        assert (shuffled.probabilities == together.probabilities[order]).all()
        assert (shuffled.second == together.second[order]).all()
        for row, text in enumerate(texts):
            alone = bundle.predict([text])
            assert (alone.probabilities[0] == together.probabilities[row]).all()
            assert alone.second[0] == together.second[row]


@QUICK
@given(texts=TEXTS)
def test_where_a_graph_is_run_makes_no_difference(served: dict[str, Served], texts: list[str]) -> None:
    """A server that runs the same file gives the same figures."""
    for bundle, here in served.values():
        assert (bundle.predict(texts).probabilities == here.predict(texts).probabilities).all()


@QUICK
@given(texts=TEXTS)
def test_the_ports_answer_every_text(served: dict[str, Served], texts: list[str]) -> None:
    """Intents and sentiments lie within their bounds, one a text, and do not depend on the batch."""
    for name in ("hashed", "encoder"):
        intents = BundleIntents(served[name].bundle)
        found = intents.detect(texts)
        assert list(found) == [intents.detect([text])[0] for text in texts]
        for intent in found:
            assert intent.label in INTENTS
            assert intent.top[0] == (intent.label, intent.confidence)
            assert 0 <= intent.out_of_scope <= 1
            assert 0 <= intent.top[2].confidence <= intent.top[1].confidence <= intent.confidence <= 1
    for name in ("hashed-sentiment", "encoder-sentiment"):
        sentiments = BundleSentiments(served[name].bundle)
        scored = sentiments.score(texts)
        assert list(scored) == [sentiments.score([text])[0] for text in texts]
        for sentiment in scored:
            assert -1 <= sentiment.score <= 1
            assert 0 <= sentiment.anger <= 1
            assert 0 <= sentiment.confidence <= 1


def test_a_long_text_is_answered_too(served: dict[str, Served]) -> None:
    """Ten thousand of anything: cut, and answered with probabilities, alone as among others."""
    for bundle, _ in served.values():
        together = bundle.predict(["hello", *LONG])
        assert np.allclose(together.probabilities.sum(1), 1, atol=1e-5)
        assert (bundle.predict(LONG[:1]).probabilities[0] == together.probabilities[1]).all()


def test_threads_may_share_a_bundle(served: dict[str, Served]) -> None:
    """Four at once get what one gets."""
    texts = ["where is my order", "我要退款", "hello", ""] * 5
    for bundle, _ in served.values():
        alone = bundle.predict(texts).probabilities
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda b: b.predict(texts).probabilities, [bundle] * 16):
                assert (found == alone).all()


def test_a_batch_may_be_larger_than_a_run(served: dict[str, Served]) -> None:
    """Hundreds of long texts are worked off in runs of bounded size, with the answers of single ones."""
    texts = ["where is my order " * 40, "我要退款", "hello"] * 100
    for bundle, _ in served.values():
        few, many = bundle.predict(texts[:3]), bundle.predict(texts)
        assert (many.probabilities == np.tile(few.probabilities, (100, 1))).all()


def test_a_server_without_the_model_refuses_the_bundle(triton: Triton, tmp_path: Path) -> None:
    """The message names the model that is not there, and the server."""
    folder = a_hashed_bundle(tmp_path / "unknown", sharpness=3.0)
    with pytest.raises(BundleRefused, match=r"all\.onnx: is not served by Triton at .*, as the model unknown-all-"):
        load_bundle(folder, runners=triton)


def test_a_server_with_another_file_refuses_the_bundle(folders: dict[str, Path], tmp_path: Path) -> None:
    """The name says one hash, the configuration another: somebody copied the wrong file."""
    (name,) = write_repository(folders["hashed"], tmp_path)
    config = tmp_path / name / "config.pbtxt"
    text = config.read_text()
    start = text.index('string_value: "') + len('string_value: "')
    config.write_text(text[:start] + "0" * 64 + text[start + 64 :])
    with (
        FakeTriton(tmp_path) as server,
        Triton(server.url) as connection,
        pytest.raises(BundleRefused, match="the SHA-256 differs"),
    ):
        load_bundle(folders["hashed"], runners=connection)


def test_a_server_that_is_away_refuses_the_bundle(folders: dict[str, Path], tmp_path: Path) -> None:
    """The message says where it was looked for."""
    with FakeTriton(tmp_path) as server:
        url = server.url
    with Triton(url, timeout=5) as connection, pytest.raises(BundleRefused, match=f"{url} does not answer"):
        load_bundle(folders["hashed"], runners=connection)


def test_a_server_that_goes_away_says_so(folders: dict[str, Path], tmp_path: Path) -> None:
    """A model that was unloaded, a server that hangs, a server that is gone: CannotRun, within the timeout."""
    (name,) = write_repository(folders["hashed"], tmp_path)
    with FakeTriton(tmp_path) as server, Triton(server.url, timeout=0.5) as connection:
        bundle = load_bundle(folders["hashed"], runners=connection)
        server.hang()
        with pytest.raises(CannotRun, match="DEADLINE_EXCEEDED"):
            bundle.predict(["hello"])
        server.resume()
        assert len(bundle.predict(["hello"]).second) == 1
        server.withdraw(name)
        with pytest.raises(CannotRun, match="NOT_FOUND"):
            bundle.predict(["hello"])
        server.close()
        with pytest.raises(CannotRun):
            bundle.predict(["hello"])


def test_a_repository_holds_a_shared_backbone_once(folders: dict[str, Path], tmp_path: Path) -> None:
    """Bundles and versions are added beside each other; what they share is not repeated."""
    names = [*write_repository(folders["encoder"], tmp_path), *write_repository(folders["encoder-sentiment"], tmp_path)]
    assert len(names) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(names))
    assert len(set(names)) == 3
