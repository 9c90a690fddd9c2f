"""Who plays in a replay: the policies and the models of a candidate, and those that the record names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

from processors.prompting.template import PromptTemplate
from streams.control import ControlView
from streams.generation.tasks import Generations
from streams.policies import Policies

Mode = Literal["teacher-forced", "free-run"]
TASKS: Final = ("intent", "sentiment", "entities")
"""What is understood of a message; in the order in which routing takes its signals."""


class Generating(NamedTuple):
    """What a candidate generates with.

    open: what turns are handed to; one for each partition, closed after it. What it releases before a reply is whole
    goes nowhere. prompt: stands in place of the prompts of all policies; None: each policy's own.
    """

    open: Callable[[], Generations]
    prompt: PromptTemplate | None = None


@dataclass(frozen=True, eq=False)
class Cast:
    """A candidate, and what of the recorded installation can be had here. One serves every partition of a process.

    control: the recorded control log, with the candidate's policy and knowledge in force for its tenants over the whole
    window. models: task to the candidate's model; it is run for every message that has a recorded signal. recorded: of
    task and fingerprint, that model if it can be loaded here, else None; asked often, so it remembers. wait: seconds
    that routing waits for signals. changed: what differs from live: "intent", "sentiment", "policy", "knowledge" …
    generating: makes the replies of turns that generation owns; None: they are served from the record.

    model_clock: seconds by which bundles are measured. One that computes in the calling thread, as onnxruntime does
    with one thread, takes what the thread had of a core, which is the same on a busy machine; where a bundle runs
    elsewhere (a server, a GPU), the thread only waits, and the clock on the wall is right: time.perf_counter.
    """

    control: ControlView
    models: Mapping[str, Any]
    recorded: Callable[[str, str], Any | None]
    wait: float
    changed: frozenset[str] = frozenset()
    model_clock: Callable[[], float] = time.thread_time
    generating: Generating | None = None

    @cached_property
    def policies(self) -> Policies:
        """What the control log says, compiled once, with the articles' indexes."""
        return Policies(self.control)

    def model(self, task: str, fingerprint: str) -> Any | None:
        """What understands a message whose recorded signal names `fingerprint`. None: the record is served."""
        candidate = self.models.get(task)
        return candidate if candidate is not None else self.recorded(task, fingerprint)
