"""A promise that was not kept."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """`kind`: a short stable name of what was promised. `about`: how it was not kept; turns by their ids."""

    kind: str
    about: str
