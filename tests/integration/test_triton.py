"""The real Triton server of the local stack: the vLLM contract of its model, its faults, and what is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import psutil
import pytest
from tritonclient.grpc import InferInput, aio
from tritonclient.utils import InferenceServerException

from infra.local.stack import LocalStack
from infra.local.triton import REPOSITORY, SHARED_MEMORY, shared_memory_prefix
from streams.testing.triton_knobs import turn

pytestmark = pytest.mark.triton
PATIENCE_S = 60.0
SMALL = REPOSITORY / "small"
PROMPT = (
    "<passages>\n1> Refunds\n1> Refunds take five working days.\n</passages>\n"
    "<message>\n> how long does a refund take\n</message>\n"
)
ANSWER = "Refunds take five working days. [1]"
LONG = PROMPT.replace("five working days", "days " * 5000)


def url_of(stack: LocalStack) -> str:
    return (stack.addresses.triton or "").removeprefix("grpc://")


@pytest.fixture
def url(triton_server: LocalStack) -> str:
    """The server's address; its model is as its files say."""
    return url_of(triton_server)


@pytest.fixture
def drilled(url: str) -> Iterator[str]:
    """The server's address, for a test that turns the knobs of its model."""
    yield url
    turn(url, SMALL, {})


def _inputs(prompt: str, stream: bool, sampling: str) -> list[InferInput]:
    values: dict[str, Any] = {
        "text_input": prompt.encode(),
        "sampling_parameters": sampling.encode(),
        "stream": stream,
        "exclude_input_in_output": True,
        "return_finish_reason": True,
        "return_num_output_tokens": True,
    }
    inputs = []
    for name, value in values.items():
        tensor = InferInput(name, [1], "BYTES" if isinstance(value, bytes) else "BOOL")
        tensor.set_data_from_numpy(np.array([value], dtype=object if isinstance(value, bytes) else bool))
        inputs.append(tensor)
    return inputs


async def _responses(
    client: Any, prompt: str, stream: bool = True, sampling: str = '{"max_tokens": 10000}'
) -> AsyncIterator[Any]:
    """One request, as the client of the generation stage makes it."""

    async def once() -> AsyncIterator[dict[str, Any]]:
        yield {"model_name": "small", "inputs": _inputs(prompt, stream, sampling)}

    async with contextlib.aclosing(_call(client, once())) as call:
        async for response in call:
            yield response


async def _call(client: Any, requests: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Any]:
    call = client.stream_infer(requests, stream_timeout=PATIENCE_S)
    try:
        async for result, error in call:
            if error is not None:
                raise error
            yield result
    finally:
        call.cancel()


async def _reply(url: str, prompt: str = PROMPT, **asked: Any) -> tuple[list[str], str, int]:
    """The deltas, the reason to end, and the tokens."""
    texts, reason, tokens = [], "", 0
    async with aio.InferenceServerClient(url) as client:
        async for response in _responses(client, prompt, **asked):
            texts.append(response.as_numpy("text_output")[0].decode())
            reason = response.as_numpy("finish_reason")[0].decode()
            tokens += int(response.as_numpy("num_output_tokens")[0])
    return texts, reason, tokens


async def test_a_reply_is_streamed_a_token_at_a_time(url: str) -> None:
    """Deltas come as they are made, the last one says why it is the last, and the tokens are counted."""
    texts, reason, tokens = await _reply(url)
    assert ("".join(texts), reason, tokens) == (ANSWER, "stop", 6)
    assert len(texts) >= tokens
    whole, reason, tokens = await _reply(url, stream=False)
    assert (whole, reason, tokens) == ([ANSWER], "stop", 6)
    texts, reason, tokens = await _reply(url, sampling='{"max_tokens": 2}')
    assert ("".join(texts), reason, tokens) == ("Refunds take", "length", 2)


async def test_many_replies_are_made_at_the_same_time(url: str) -> None:
    """Forty requests at once get their whole replies, none another's."""
    prompts = [PROMPT.replace("five working", f"{n} working") for n in range(40)]
    replies = await asyncio.gather(*(_reply(url, prompt) for prompt in prompts))
    assert ["".join(texts) for texts, _, _ in replies] == [ANSWER.replace("five", str(n)) for n in range(40)]


async def test_a_request_that_is_cancelled_ends_and_frees_its_place(drilled: str) -> None:
    """With one place, a second request is answered although the first had many minutes to go: cancelling ended it."""
    turn(drilled, SMALL, {"token_ms": "200", "slots": "1"})
    async with aio.InferenceServerClient(drilled) as client:
        async with contextlib.aclosing(_responses(client, LONG)) as first:
            await anext(first)
        assert "".join((await _reply(drilled))[0]) == ANSWER


async def test_a_drill_makes_the_model_fail_and_heal(drilled: str) -> None:
    """By its parameters the model fails, answers in the wrong shape, or does not load; then it is as before."""
    turn(drilled, SMALL, {"error_share": "1"})
    with pytest.raises(InferenceServerException, match="failed, as the parameter error_share asks"):
        await _reply(drilled)
    turn(drilled, SMALL, {"wrong_shape_share": "1"})
    async with aio.InferenceServerClient(drilled) as client:
        assert [r.as_numpy("text_output").shape async for r in _responses(client, PROMPT, stream=False)] == [(2, 2)]
    with pytest.raises(InferenceServerException, match="out of memory"):
        turn(drilled, SMALL, {"load": "out of memory"})
    turn(drilled, SMALL, {})
    assert "".join((await _reply(drilled))[0]) == ANSWER


async def test_a_wrong_request_is_refused_with_the_reason(url: str) -> None:
    """As the vLLM backend refuses it."""
    with pytest.raises(InferenceServerException, match="sampling parameters: max_tokens must be at least 1, got 0"):
        await _reply(url, sampling='{"max_tokens": 0}')


def test_the_server_listens_on_the_loopback_interface_alone_and_tells_its_figures(triton_server: LocalStack) -> None:
    """Its three ports are not reachable from outside; requests are counted by model."""
    server = psutil.Process(triton_server.part("triton").pid)
    listening = [c.laddr for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert len(listening) >= 3
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    with urlopen(triton_server.addresses.triton_metrics or "", timeout=10) as answer:
        assert b'nv_inference_request_success{model="small"' in answer.read()


def _of_session(leader: int) -> list[int]:
    """The processes of a part that run: of the session that its first process led."""
    found = []
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s"
        time.sleep(0.05)


def _restarted(stack: LocalStack, before: int) -> None:
    _until(lambda: stack.part("triton").pid not in (before, None))
    stack.wait_ready("triton")


def _regions(folder: Path) -> int:
    """How many regions of shared memory the servers on the data folder have."""
    return len(list(SHARED_MEMORY.glob(f"{shared_memory_prefix(folder / 'triton')}*")))


@pytest.mark.faults
async def test_a_killed_server_comes_back_and_leaves_nothing(short_folder: Path) -> None:
    """After kill -9 of the server, nothing of the old one stays, no process and no shared memory; a new one answers.
    Stopping leaves nothing either."""
    folder = short_folder / "killed triton"
    with LocalStack(folder, only=set(), triton=True, usual_ports=False) as stack:
        first = stack.part("triton").pid or 0
        assert len(_of_session(first)) == 2, "the server and the process of its model"
        os.kill(first, signal.SIGKILL)
        _restarted(stack, first)
        assert _of_session(first) == []
        assert _regions(folder) == 1
        assert "".join((await _reply(url_of(stack)))[0]) == ANSWER
        second = stack.part("triton").pid or 0
    assert _of_session(second) == []
    assert _regions(folder) == 0


SUPERVISOR = """
import sys, time
from pathlib import Path
from infra.local.stack import LocalStack
stack = LocalStack(Path(sys.argv[1]), only=set(), triton=True, usual_ports=False).start()
print(stack.part("triton").pid, flush=True)
time.sleep(600)
"""


@pytest.mark.faults
def test_a_killed_supervisor_leaves_no_process(short_folder: Path) -> None:
    """After kill -9 of whoever started the stack, the server ends, and the process of its model too; the next start
    on the folder removes what they had in shared memory."""
    folder = short_folder / "abandoned triton"
    command = [sys.executable, "-c", SUPERVISOR, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        server = int(supervisor.stdout.readline())
        assert len(_of_session(server)) == 2
        supervisor.kill()
    _until(lambda: _of_session(server) == [])
    assert _regions(folder) == 1
    with LocalStack(folder, only=set(), triton=True, usual_ports=False):
        assert _regions(folder) == 1
    assert _regions(folder) == 0


@pytest.mark.faults
async def test_a_stopped_server_answers_again_once_it_goes_on(triton_server: LocalStack, url: str) -> None:
    """A server that stands still says nothing, which only a client's own clock can tell; it loses no request."""
    triton_server.kill("triton", signal.SIGSTOP)
    try:
        waiting = asyncio.create_task(_reply(url))
        await asyncio.sleep(0)
        assert not waiting.done()
    finally:
        triton_server.kill("triton", signal.SIGCONT)
    assert "".join((await waiting)[0]) == ANSWER
