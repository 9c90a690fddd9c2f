"""The vLLM backend's contract, by which every generating model is asked: tensors of a request, and of a response.

Asked for are deltas without the prompt; where the model offers them, tokens made and the reason to end as well.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from math import prod
from typing import Any, Final, Literal

import numpy as np
from tritonclient.grpc import InferInput

from processors.prompting.types import Prompt
from streams.generation.ports import Fault
from streams.generation.running import Failed, Piece

TEXT_INPUT: Final = "text_input"
TEXT_OUTPUT: Final = "text_output"
STREAM: Final = "stream"
SAMPLING: Final = "sampling_parameters"
EXCLUDE: Final = "exclude_input_in_output"
RETURN_REASON: Final = "return_finish_reason"
RETURN_TOKENS: Final = "return_num_output_tokens"
REASON: Final = "finish_reason"
TOKENS: Final = "num_output_tokens"

Sampling = Mapping[str, object]
"""Of vLLM's sampling parameters, those that do not come from the prompt, such as temperature and seed."""


def request_inputs(prompt: Prompt, sampling: Sampling, offered: Collection[str]) -> list[Any]:
    """The tensors that ask for `prompt`. `offered`: the inputs that the model has."""
    said = {**sampling, "max_tokens": prompt.max_tokens, **({"stop": list(prompt.stop)} if prompt.stop else {})}
    inputs = [
        _text(TEXT_INPUT, prompt.text),
        _flag(STREAM),
        _text(SAMPLING, json.dumps(said, ensure_ascii=False, sort_keys=True)),
        _flag(EXCLUDE),
    ]
    return inputs + [_flag(name) for name in (RETURN_REASON, RETURN_TOKENS) if name in offered]


def piece_of(response: Any) -> Piece:
    """What a response says. Raises Failed (`malformed`) for one that is not of the contract."""
    text, tokens, reason = None, None, b""
    contents = response.raw_output_contents
    for index, output in enumerate(response.outputs):
        name = output.name
        if name not in _TYPES:
            continue
        raw = _content(output, contents[index] if index < len(contents) else None)
        if name == TEXT_OUTPUT:
            text = raw
        elif name == TOKENS:
            tokens = int.from_bytes(raw, "little")
        else:
            reason = raw
    if text is None:
        raise Failed("malformed", f"a response without the output {TEXT_OUTPUT}")
    return Piece(text, (1 if text else 0) if tokens is None else tokens, _REASONS.get(reason, ""))


def fault_of(message: str) -> Fault:
    """Whose fault an error is, by its text: inside a stream Triton gives no code."""
    lower = message.lower()
    if any(said in lower for said in _UNREADY):
        return "unready"
    return "refused" if any(said in lower for said in _REFUSED) else "failed"


_REASONS: Final[dict[bytes, Literal["stop", "length"]]] = {b"stop": "stop", b"length": "length"}
_UNREADY: Final = ("unknown model", "is not ready", "no available versions", "model is unavailable")
_REFUSED: Final = (
    "unexpected inference input",
    "unexpected shape for input",
    "unexpected datatype",
    "inputs but got",
    "longer than the maximum model length",
    "maximum context length",
    "too long to fit into the model",
    "sampling param",
)
_TYPES: Final = {TEXT_OUTPUT: "BYTES", REASON: "BYTES", TOKENS: "UINT32"}


def _text(name: str, text: str) -> Any:
    tensor = InferInput(name, [1], "BYTES")
    # A lone surrogate is no character of UTF-8; the model gets a question mark instead of an error.
    tensor.set_data_from_numpy(np.array([text.encode("utf-8", "replace")], dtype=np.object_))
    return tensor


def _flag(name: str) -> Any:
    tensor = InferInput(name, [1], "BOOL")
    tensor.set_data_from_numpy(np.array([True]))
    return tensor


def _content(output: Any, raw: bytes | None) -> bytes:
    """The content of an output, which must be one element of the contract's type. Raises Failed."""
    name, wanted = output.name, _TYPES[output.name]
    shape = output.shape
    if output.datatype != wanted or (tuple(shape) != (1,) and prod(shape) != 1):
        raise Failed("malformed", f"the output {name} is {output.datatype}{list(shape)}, not one {wanted}")
    if wanted != "BYTES":
        if raw is None or len(raw) != 4:
            raise Failed("malformed", f"the output {name} is no number: its content does not fit")
        return raw
    if raw is None or len(raw) < 4 or int.from_bytes(raw[:4], "little") != len(raw) - 4:
        raise Failed("malformed", f"the output {name} is no text: its content does not fit")
    return raw[4:]
