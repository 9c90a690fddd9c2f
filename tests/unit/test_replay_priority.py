"""How a replay steps back."""

from __future__ import annotations

import subprocess
import sys

import pytest

WORK = """
import sys, time
from infra.replaying.priority import keep_to
keep_to(float(sys.argv[1]))
began, used = time.monotonic(), time.process_time()
while time.process_time() - used < 0.2:
    pass
print(time.monotonic() - began)
"""


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_process_rests_as_long_as_its_share_demands(share: float) -> None:
    """What takes 0.2 s of a core takes at least that by its share, and the process ends well."""
    done = subprocess.run([sys.executable, "-c", WORK, str(share)], capture_output=True, text=True, check=True)
    assert float(done.stdout) >= 0.9 * 0.2 / share - 0.01
