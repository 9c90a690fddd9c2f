"""How many files a process may have open: for one that serves or opens sockets, each of which is one."""

from __future__ import annotations

import resource
from typing import Final

UNLIMITED: Final = 1_000_000
"""What stands for no limit."""


def raise_limit() -> int:
    """Lets this process have as many as the system allows it; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # some systems say that there is no limit, and have one
            return soft
    return UNLIMITED if hard == resource.RLIM_INFINITY else hard
