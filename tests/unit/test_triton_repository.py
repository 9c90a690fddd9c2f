"""What a Triton server is told about the graphs of a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from streams.models.triton_repository import Serving, write_repository

BUNDLE = Path(__file__).resolve().parents[2] / "infra" / "bundles" / "sentiment-fast"


def written(out: Path, *serving: Serving) -> list[Any]:
    """The configurations of the bundle's models, read as the server reads them."""
    names = write_repository(BUNDLE, out, *serving)
    texts = [(out / name / "config.pbtxt").read_text(encoding="utf-8") for name in names]
    return [text_format.Parse(text, model_config_pb2.ModelConfig()) for text in texts]


def test_a_request_is_run_as_it_comes_unless_asked_otherwise(tmp_path: Path) -> None:
    """Without more, the server makes no batches and chooses where to run."""
    for config in written(tmp_path):
        assert (config.backend, config.max_batch_size) == ("onnxruntime", 0)
        assert not config.HasField("dynamic_batching")
        assert len(config.parameters["sha256"].string_value) == 64


@pytest.mark.parametrize("largest", [0, 256])
def test_on_a_gpu_graphs_run_there_and_requests_are_joined(tmp_path: Path, largest: int) -> None:
    """The CUDA provider by the instance's kind; batches up to the size asked for, with a bounded wait and queue."""
    for config in written(tmp_path, Serving(cuda=True, largest_batch=largest)):
        assert [group.kind for group in config.instance_group] == [model_config_pb2.ModelInstanceGroup.KIND_GPU]
        assert config.max_batch_size == largest
        assert config.HasField("dynamic_batching") == bool(largest)
        if largest:
            policy = config.dynamic_batching.default_queue_policy
            assert policy.timeout_action == model_config_pb2.ModelQueuePolicy.REJECT
            assert 0 < config.dynamic_batching.max_queue_delay_microseconds < policy.default_timeout_microseconds
            assert policy.max_queue_size > 0
