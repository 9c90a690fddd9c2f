"""Become another program that cannot outlive its supervisor: `launch.py PARENT_PID UID GID -- program arguments…`.

Run as a script, not imported, so that it starts quickly and nothing is done between fork and exec in a process with
threads. It keeps its process id. UID and GID are -1 to stay as one is. On Linux the kernel kills the program when the
thread that started it ends; elsewhere the next `spillway up` ends what was left over.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NO_PARENT = 125


def main(arguments: list[str]) -> None:
    """Drop privileges, tie this process to its parent, and execute the program."""
    parent, uid, gid = (int(value) for value in arguments[:3])
    program = arguments[4:]
    if gid >= 0:
        os.setgroups([])
        os.setgid(gid)
    if uid >= 0:
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid: a change of user clears the setting.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(NO_PARENT)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
