"""Plain tensors with a real Triton server: concurrent requests are joined there, and each gets its own rows back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from infra.local.stack import LocalStack
from streams.generation.client import TritonConnection
from streams.generation.tensors import TritonTensors, Unanswered
from streams.models.triton_control import TritonControl

pytestmark = pytest.mark.triton
PATIENCE = 60.0
CONFIG = """
name: "NAME"
backend: "python"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "twice" data_type: TYPE_FP32 dims: [ 4 ] }, { name: "joined" data_type: TYPE_INT32 dims: [ 1 ] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
dynamic_batching { preferred_batch_size: [ 8 ] max_queue_delay_microseconds: 60000000 }
"""
MODEL = """
import numpy as np
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        given = [pb.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        rows = sum(len(x) for x in given)
        return [
            pb.InferenceResponse([pb.Tensor("twice", 2 * x), pb.Tensor("joined", np.full([len(x), 1], rows, np.int32))])
            for x in given
        ]
"""
"""Says with each row how many rows the server had joined to one batch. A batch that is not full waits for a minute."""


@pytest.fixture
async def model(triton_server: LocalStack, unique: str) -> AsyncIterator[TritonTensors]:
    """An embedder of sorts, loaded for this test."""
    folder: Path = triton_server.folder.path / "triton" / "models" / unique
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").write_text(CONFIG.replace("NAME", unique), encoding="utf-8")
    (folder / "1" / "model.py").write_text(MODEL, encoding="utf-8")
    url = (triton_server.addresses.triton or "").removeprefix("grpc://")
    with TritonControl(url) as control:
        control.load(unique)
        async with TritonConnection(url) as connection:
            yield connection.tensors(unique)
        control.unload(unique)


async def test_requests_of_several_callers_are_joined_by_the_server(model: TritonTensors) -> None:
    """Eight of one row each are one batch of eight; nobody gets another's row."""
    rows = [np.full([1, 4], number, np.float32) for number in range(8)]
    answers = await asyncio.gather(*(model.run({"x": x}, ["twice", "joined"], PATIENCE) for x in rows))
    for x, answer in zip(rows, answers, strict=True):
        twice, joined = answer.arrays
        np.testing.assert_array_equal(twice, 2 * x)
        assert joined.tolist() == [[8]]
        assert answer.fingerprint == model.fingerprint


async def test_what_the_server_refuses_says_so(model: TritonTensors) -> None:
    """More rows than a batch may have, rows of another width, an output that it has not."""
    for rows, width, output in ((9, 4, "twice"), (8, 5, "twice"), (8, 4, "thrice")):
        with pytest.raises(Unanswered) as refused:
            await model.run({"x": np.zeros([rows, width], np.float32)}, [output], PATIENCE)
        assert refused.value.fault == "refused", (rows, width, output, str(refused.value))
