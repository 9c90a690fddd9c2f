"""Plain tensors by the asynchronous client, with the test kit's server: what onnxruntime gives, or what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from streams.generation.client import TritonConnection
from streams.generation.tensors import TritonTensors, Unanswered
from streams.models.runner import Array, OnnxRuntime, Runner
from streams.models.triton_repository import write_repository
from streams.testing.triton import FakeTriton
from tests.bundles import a_hashed_bundle

PATIENCE = 60.0


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With the graph of a classifier."""
    write_repository(a_hashed_bundle(tmp_path / "bundle"), tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def name(repository: Path) -> str:
    """Of the classifier."""
    (folder,) = repository.iterdir()
    return folder.name


@pytest.fixture
def here(repository: Path, name: str) -> Runner:
    """The same classifier, run in this process."""
    path = repository / name / "1" / "model.onnx"
    return OnnxRuntime().runner(path, path.read_bytes(), name)


@pytest.fixture
def server(repository: Path) -> Iterator[FakeTriton]:
    """Serves the repository."""
    with FakeTriton(repository) as running:
        yield running


@pytest.fixture
async def model(server: FakeTriton, name: str) -> AsyncIterator[TritonTensors]:
    """The classifier, by the client."""
    async with TritonConnection(server.url) as connection:
        yield connection.tensors(name)


def inputs(here: Runner, rows: int) -> dict[str, Array]:
    """Zeros of the shapes that the classifier takes."""
    return {
        name: np.zeros([rows if place == 0 else size or 3 for place, size in enumerate(t.shape)], np.dtype(t.type))
        for name, t in here.inputs.items()
    }


async def test_many_requests_at_once_get_each_its_own_answer(model: TritonTensors, here: Runner) -> None:
    """As many rows as asked, the values that onnxruntime gives, and who made them."""
    wanted = list(here.outputs)
    asked = [inputs(here, rows) for rows in range(1, 9)]
    answers = await asyncio.gather(*(model.run(given, wanted, PATIENCE) for given in asked))
    for given, answer in zip(asked, answers, strict=True):
        for array, expected in zip(answer.arrays, here.run(given, wanted), strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-5)
        assert answer.fingerprint == model.fingerprint
    assert model.fingerprint == (await model.ready(PATIENCE)).fingerprint
    assert model.fingerprint.startswith(f"{model.name}@1#")


async def test_a_wrong_request_is_refused_before_it_is_sent(model: TritonTensors, here: Runner) -> None:
    """The message says what the model takes."""
    with pytest.raises(Unanswered, match=r"takes .*, not nothing") as refused:
        await model.run({"nothing": np.zeros([1], np.float32)}, list(here.outputs), PATIENCE)
    assert refused.value.fault == "refused"
    given = {name: array.astype(np.complex128) for name, array in inputs(here, 1).items()}
    with pytest.raises(Unanswered, match="takes "):
        await model.run(given, list(here.outputs), PATIENCE)


async def test_a_server_that_hangs_costs_the_timeout(server: FakeTriton, model: TritonTensors, here: Runner) -> None:
    """By the client's own clock; afterwards it answers again."""
    assert (await model.ready(PATIENCE)).ready
    server.hang()
    with pytest.raises(Unanswered) as late:
        await model.run(inputs(here, 1), list(here.outputs), 0.1)
    assert late.value.fault == "total"
    server.resume()
    assert (await model.run(inputs(here, 1), list(here.outputs), PATIENCE)).arrays


async def test_a_model_that_is_not_there_is_unready(
    server: FakeTriton, model: TritonTensors, name: str, here: Runner
) -> None:
    """Whether it was known before or not."""
    assert (await model.ready(PATIENCE)).ready
    server.withdraw(name)
    for _ in range(2):
        with pytest.raises(Unanswered) as gone:
            await model.run(inputs(here, 1), list(here.outputs), PATIENCE)
        assert gone.value.fault == "unready"
    assert "does not serve the model" in (await model.ready(PATIENCE)).detail


async def test_a_server_that_is_gone_is_away(server: FakeTriton, model: TritonTensors, here: Runner) -> None:
    """So is one whose connection was closed."""
    assert (await model.ready(PATIENCE)).ready
    server.close()
    with pytest.raises(Unanswered) as gone:
        await model.run(inputs(here, 1), list(here.outputs), PATIENCE)
    assert gone.value.fault == "away"


async def test_a_request_that_is_called_off_raises_that(server: FakeTriton, model: TritonTensors, here: Runner) -> None:
    """Cancelling the task is no fault of the model."""
    assert (await model.ready(PATIENCE)).ready
    server.hang()
    task = asyncio.create_task(model.run(inputs(here, 1), list(here.outputs), PATIENCE))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
