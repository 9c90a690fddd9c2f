"""The encoder: read from an ONNX file, computed in JAX, written to an ONNX file again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from infra.training.encoder import NotABert, embeddings, params_of, read_weights
from infra.training.encoder_export import WEIGHT_LIMIT, backbone_model, evened, quantised_columns, write_backbone
from tests.unit import encoders
from tests.unit.encoders import SHAPE


def test_weights_are_read_by_their_original_names(tmp_path: Path) -> None:
    """A numbered weight is found again through the node that multiplies by it."""
    weights = encoders.weights()
    found = read_weights(encoders.published(tmp_path / "bert.onnx", weights))
    assert found.keys() == weights.keys()
    assert all(np.array_equal(found[name], weights[name]) for name in weights)


def test_a_file_that_is_no_bert_is_refused(tmp_path: Path) -> None:
    """What is missing, or has another size, is named."""
    weights = encoders.weights()
    with pytest.raises(NotABert, match=r"encoder\.layer\.3\.attention\.self\.query\.weight is missing"):
        params_of(weights, replace(SHAPE, layers=4), positions=8)
    with pytest.raises(NotABert, match="has more layers than the 2"):
        params_of(weights, replace(SHAPE, layers=2), positions=8)
    with pytest.raises(NotABert, match="24 positions, 100 are needed"):
        params_of(weights, SHAPE, positions=100)
    query = {"encoder.layer.1.attention.self.query.weight": np.zeros((2, 2), np.float32)}
    with pytest.raises(NotABert, match=r"query\.weight has the shape"):
        params_of({**weights, **query}, SHAPE, positions=8)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_exact_graph_computes_what_jax_does(pooling: Literal["mean", "cls"]) -> None:
    """Both give the same embeddings, of length 1, for texts of several lengths."""
    shape, params = encoders.shape(pooling), encoders.params()
    ids, mask = encoders.tokens(3, 9, 24, 1)
    model = backbone_model(params, shape, quantised=False).SerializeToString()
    (found,) = encoders.run(model, {"input_ids": ids, "attention_mask": mask})
    assert np.abs(found - np.asarray(embeddings(params, ids, mask, shape))).max() < 1e-5  # type: ignore[arg-type]
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_int8_stays_close_to_the_exact_graph(pooling: Literal["mean", "cls"]) -> None:
    """Quantisation moves no embedding far, although some channels are ten times as large as others."""
    shape, params = encoders.shape(pooling), encoders.params()
    ids, mask = encoders.tokens(4, 8, 16, 20)
    given = {"input_ids": ids, "attention_mask": mask}
    exact, small = (
        encoders.run(backbone_model(params, shape, quantised=q).SerializeToString(), given)[0] for q in (False, True)
    )
    assert (exact * small).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_an_embedding_does_not_depend_on_the_batch(pooling: Literal["mean", "cls"]) -> None:
    """Alone, at the same width, a text has bit for bit the int8 embedding that it has among others."""
    model = backbone_model(encoders.params(), encoders.shape(pooling)).SerializeToString()
    ids, mask = encoders.tokens(5, 24, 12)
    (together,) = encoders.run(model, {"input_ids": ids, "attention_mask": mask})
    for row, length in enumerate((5, 24, 12)):
        own = slice(row, row + 1)
        (alone,) = encoders.run(model, {"input_ids": ids[own], "attention_mask": mask[own]})
        assert np.array_equal(alone[0], together[row])
        (unpadded,) = encoders.run(model, {"input_ids": ids[own, :length], "attention_mask": mask[own, :length]})
        assert np.abs(unpadded[0] - together[row]).max() < 1e-5


def test_the_file_has_standard_operators_only(tmp_path: Path) -> None:
    """Opset 17 and no vendor's domain, and the same parameters give the same bytes."""
    paths = [tmp_path / name / "model.onnx" for name in ("a", "b")]
    for path in paths:
        write_backbone(path, encoders.params(), SHAPE)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    model = onnx.load(str(paths[0]))
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    large = [t.name for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and np.prod(t.dims) > 24 * 16]
    assert large == []


def test_weights_fit_seven_bits() -> None:
    """Columns use the whole range up to the limit, and no more: products of eight bits would overflow elsewhere."""
    weight = np.random.default_rng(0).standard_normal((20, 6)).astype(np.float32)
    weight *= np.array([1, 9, 0.1, 1, 1, 0], np.float32)
    small, scale = quantised_columns(weight, WEIGHT_LIMIT)
    assert np.abs(small).max(axis=0).tolist() == [63, 63, 63, 63, 63, 0]
    assert np.abs(small * scale - weight).max() <= scale.max() / 2 + 1e-6


def test_large_channels_are_evened() -> None:
    """A channel ten times as large is divided by more than the others."""
    sizes = np.array([1, 1, 10, 1], np.float32)
    factor = evened(sizes, np.ones((4, 3), np.float32))
    assert factor.argmax() == 2
    assert (sizes / factor).max() / (sizes / factor).min() < 4
