"""Judges by the addresses that people give: grpc://HOST:PORT/MODEL, a model of a KServe v2 server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from infra.local.errors import StackError
from streams.models.judge import Judge, ServedJudge
from streams.models.runner import CannotRun

TIMEOUT: Final = 120.0
"""Seconds for one request: judges may be large models, and nobody waits for a reply meanwhile."""
_ADDRESS: Final = re.compile(r"grpc://(?P<url>[^\s/:]+:\d{1,5})/(?P<model>[^\s/]+)")


@contextmanager
def opened_judges(addresses: Sequence[str]) -> Iterator[tuple[Judge, ...]]:
    """The judges at these addresses, while they are needed. Raises StackError for one that is none, or is away."""
    with ExitStack() as open_:
        yield tuple(_opened(address, open_) for address in addresses)


def _opened(address: str, open_: ExitStack) -> Judge:
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise StackError(f"{address!r} is no judge; write grpc://HOST:PORT/MODEL")
    from streams.models.triton import Triton  # a client that most installations do without

    try:
        return ServedJudge(open_.enter_context(Triton(found["url"], TIMEOUT)), found["model"])
    except CannotRun as err:
        raise StackError(f"the judge at {address} cannot be asked: {err}") from err
