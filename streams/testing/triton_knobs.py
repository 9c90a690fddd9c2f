"""Faults of a model on a real Triton server, by its configuration: what a drill does to the model `small`.

    small = Path("infra/triton/model_repository/small")
    turn("127.0.0.1:8001", small, {"token_ms": "40", "error_share": "0.5"})
    turn("127.0.0.1:8001", small, {})   # as its files say again
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from google.protobuf import json_format, text_format
from tritonclient.grpc import InferenceServerClient, model_config_pb2


def turn(url: str, model: Path, knobs: Mapping[str, str], timeout: float = 60.0) -> None:
    """Loads the model of the folder `model` anew, with `knobs` over the parameters of its config.pbtxt.

    Returns once the model serves so. What it has under way goes on with its old parameters. Which parameters there
    are: the model's README.md. The configuration is always sent: after one that was sent, the server takes a load
    request without one for no change.

    Raises:
        InferenceServerException: it does not load so; the model that was loaded goes on serving.
    """
    config = text_format.Parse((model / "config.pbtxt").read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    for name, value in knobs.items():
        config.parameters[name].string_value = value
    client = InferenceServerClient(url)
    try:
        client.load_model(
            config.name,
            config=json_format.MessageToJson(config, preserving_proto_field_name=True, indent=None),
            client_timeout=timeout,
        )
    finally:
        client.close()
