"""Which models an installation begins with, and what runs them."""

from __future__ import annotations

import pytest

from infra.local.errors import StackError
from infra.models.loading import runners
from infra.models.settings import ModelSettings
from streams.models.runner import OnnxRuntime
from streams.models.triton import Triton


def test_without_variables_the_fast_bundles_run_here() -> None:
    """Empty variables, as compose files write them, are the same as none."""
    usual = ModelSettings("intent-fast", "sentiment-fast", "cpu")
    assert ModelSettings.from_env({}) == usual
    assert ModelSettings.from_env(dict.fromkeys(usual.to_env(), "")) == usual


def test_variables_are_read_and_written() -> None:
    """A process gets the settings of the one that started it."""
    settings = ModelSettings("intent-accurate", "/srv/moods", "grpc://triton:8001")
    assert ModelSettings.from_env(settings.to_env()) == settings


@pytest.mark.parametrize("runtime", ["gpu", "triton:8001", "grpc://triton", "http://triton:8000"])
def test_a_runtime_that_there_is_not_names_its_variable(runtime: str) -> None:
    """And says what it may be."""
    with pytest.raises(StackError, match=r"SPILLWAY_MODEL_RUNTIME must be cpu, cuda or grpc://HOST:PORT, not '"):
        ModelSettings.from_env({"SPILLWAY_MODEL_RUNTIME": runtime})


def test_the_runtime_is_onnxruntime_or_a_server() -> None:
    """By the form of the setting."""
    assert isinstance(runners(ModelSettings()), OnnxRuntime)
    with runners(ModelSettings(runtime="grpc://127.0.0.1:1")) as server:  # type: ignore[attr-defined]
        assert isinstance(server, Triton)
