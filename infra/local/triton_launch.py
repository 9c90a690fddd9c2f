"""Become the Triton server, after removing what one that was killed left in shared memory: `PREFIX -- program …`.

Run as a script. The process keeps its id, and what ties it to its supervisor. PREFIX is only this stack's, and its
server is gone whenever a new one starts, so whatever is named so belongs to nobody.
"""

import os
import sys

SHARED_MEMORY = "/dev/shm"


def main(arguments: list[str]) -> None:
    """Clean, and execute the program."""
    prefix, program = arguments[0], arguments[2:]
    for name in os.listdir(SHARED_MEMORY) if prefix else ():
        if name.startswith(prefix):
            os.unlink(os.path.join(SHARED_MEMORY, name))
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
