"""The same requests sent straight to Triton: what its model makes without a pipeline before it."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from infra.manifest import percentile
from processors.prompting.types import Prompt
from streams.generation.contract import piece_of, request_inputs


@dataclass(frozen=True, slots=True)
class Reply:
    """One generation. Seconds: `ended` on a clock of the caller's, `first` from the request to the first text."""

    ended: float
    tokens: int
    first: float | None


@dataclass(frozen=True)
class Speed:
    """Of the replies that ended while more were asked for: tokens a second, and seconds to the first text."""

    replies: int
    tokens_per_s: float
    first_mean: float | None
    first_p50: float | None
    first_p99: float | None


def speed_of(replies: Sequence[Reply], begin: float, end: float) -> Speed:
    """Of those that ended from `begin` until before `end`: neither the start nor the draining of the queue counts."""
    counted = [r for r in replies if begin <= r.ended < end]
    firsts = sorted(r.first for r in counted if r.first is not None)
    tokens = sum(r.tokens for r in counted)
    mean = statistics.mean(firsts) if firsts else None
    return Speed(len(counted), tokens / (end - begin), mean, percentile(firsts, 0.5), percentile(firsts, 0.99))


async def ask_straight(
    url: str, model: str, prompts: Sequence[Prompt], at_once: int, warm: float, seconds: float
) -> tuple[Speed, int]:
    """Asks the model for the prompts, over and over, `at_once` at any time, for `seconds` after `warm` seconds.

    By Triton's own client, over one connection. Returns the speed, and how many requests failed.
    """
    replies: list[Reply] = []
    failed = 0
    given: Iterator[Prompt] = itertools.cycle(prompts)
    client = InferenceServerClient(url)
    offered = {i.name for i in (await client.get_model_metadata(model)).inputs}
    begin = time.monotonic() + warm
    end = begin + seconds

    async def customer() -> None:
        nonlocal failed
        while time.monotonic() < end:
            try:
                replies.append(await _ask(client, model, next(given), offered))
            except InferenceServerException:
                failed += 1

    try:
        await asyncio.gather(*(customer() for _ in range(at_once)))
    finally:
        await client.close()
    return speed_of(replies, begin, end), failed


async def _ask(client: Any, model: str, prompt: Prompt, offered: set[str]) -> Reply:
    began, first, tokens = time.monotonic(), None, 0
    request = {"model_name": model, "inputs": request_inputs(prompt, {}, offered)}
    async for result, error in client.stream_infer(_one(request)):
        if error is not None:
            raise error
        piece = piece_of(result.get_response())
        tokens += piece.tokens
        if first is None and piece.data:
            first = time.monotonic() - began
    return Reply(time.monotonic(), tokens, first)


async def _one(request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield request
