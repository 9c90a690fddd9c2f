"""A model of Triton's Python backend with the contract of its vLLM backend: a prompt in, pieces of text out.

Requests are answered at the same time, each piece as it is made. What makes the text is the generator that the model's
configuration names; the faults that its parameters ask for are for drills. See README.md beside the configuration.
"""

import asyncio
import contextlib
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import triton_python_backend_utils as pb_utils
from asked import Asked, Refused
from extractive import Extractive
from knobs import Knobs
from pointer import Pointer

GENERATORS = {"pointer": Pointer, "extractive": Extractive}
LOOK_FOR_THE_SERVER_S = 0.2


class TritonPythonModel:
    """What the Python backend calls. `execute` only hands over: one loop, in a thread of its own, answers.

    What makes the text runs in threads beside the loop, one piece of one answer at a time and the answers in turn, so
    that none waits for another's end and nothing keeps the loop from sending or from seeing a cancel.
    """

    def initialize(self, args):
        """Raises what the knob `load` asks for, and ValueError for parameters that are none."""
        # Whoever stops the server tells its whole process group: the server ends this process itself, in its order.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        parameters = json.loads(args["model_config"])["parameters"]
        given = {name: value["string_value"] for name, value in parameters.items()}
        self._knobs = Knobs.of(given)
        self._knobs.load()
        name = given.get("generator", "pointer")
        if name not in GENERATORS:
            raise ValueError(f"parameter generator: there is no {name!r}; there are {', '.join(GENERATORS)}")
        self._generator = GENERATORS[name]()
        self._making = ThreadPoolExecutor(self._knobs.threads, thread_name_prefix="making")
        self._faults = self._knobs.faults()
        self._loop = asyncio.new_event_loop()
        self._slots = asyncio.Semaphore(self._knobs.slots)
        self._thread = threading.Thread(target=self._loop.run_forever, name="answers", daemon=True)
        self._thread.start()
        threading.Thread(target=_leave_with_the_server, args=(os.getppid(),), daemon=True).start()

    def execute(self, requests):
        """Takes requests over; each is answered through its own sender."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                asked = Asked.of(partial(_value, request), request.parameters())
            except Refused as refused:
                _fail(sender, str(refused))
                continue
            answering = asyncio.run_coroutine_threadsafe(self._answer(asked, sender), self._loop)
            answering.add_done_callback(partial(_tell, sender))

    def finalize(self):
        """Ends what is under way: the server calls it once no request is left, or gives up waiting."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._making.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, asked, sender):
        async with self._slots:
            fault = next(self._faults)
            if fault == "error":
                _fail(sender, "failed, as the parameter error_share asks")
                return
            text, tokens, reason = asked.text if asked.prepend else "", 0, "None"
            await asyncio.sleep(self._knobs.first_token_s)
            pieces = asked.limited(self._generator.pieces(asked.prompt))
            while (piece := await self._loop.run_in_executor(self._making, next, pieces, None)) is not None:
                if sender.is_cancelled():
                    sender.send(_response(asked, fault, "", 0, "abort"), flags=FINAL)
                    return
                await asyncio.sleep(self._knobs.token_s * piece.tokens)
                tokens, reason, text = tokens + piece.tokens, piece.reason, text + piece.text
                if asked.stream and reason == "None":
                    sender.send(_response(asked, fault, text, tokens, reason))
                    text, tokens = "", 0
            sender.send(_response(asked, fault, text, tokens, reason), flags=FINAL)


FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


def _value(request, name):
    """The one value of an input, None where it was not given."""
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return None if tensor is None else tensor.as_numpy().reshape(-1)[0]


def _response(asked, fault, text, tokens, reason):
    outputs = {"text_output": np.array([text.encode()], dtype=np.object_)}
    if fault == "shape":
        outputs["text_output"] = np.array([[text.encode(), b""], [b"", b""]], dtype=np.object_)
    if asked.wants_reason:
        outputs["finish_reason"] = np.array([reason.encode()], dtype=np.object_)
    if asked.wants_input_tokens:
        outputs["num_input_tokens"] = np.array([asked.input_tokens], dtype=np.uint32)
    if asked.wants_output_tokens:
        outputs["num_output_tokens"] = np.array([tokens], dtype=np.uint32)
    return pb_utils.InferenceResponse([pb_utils.Tensor(name, value) for name, value in outputs.items()])


def _fail(sender, why):
    """As the vLLM backend does: a text that is none, and the error."""
    nothing = pb_utils.Tensor("text_output", np.array([b"N/A"], dtype=np.object_))
    sender.send(pb_utils.InferenceResponse([nothing], error=pb_utils.TritonError(why)), flags=FINAL)


def _tell(sender, answering):
    """A generator that fails is the request's failure; nobody would be told otherwise."""
    error = None if answering.cancelled() else answering.exception()
    if error is not None:
        _fail(sender, f"{type(error).__name__}: {error}")


def _leave_with_the_server(server):
    """A server that is killed leaves the processes of its models running, with their memory: this one leaves too."""
    gone = threading.Event()
    while os.getppid() == server:
        gone.wait(LOOK_FOR_THE_SERVER_S)
    with contextlib.suppress(ProcessLookupError):
        os.kill(os.getpid(), signal.SIGKILL)
