"""Errors of the embedded stack, named by what the user can do about them.

    StackError
    ├── StackRunning      another `up` owns the folder: stop it, or use another folder
    ├── StackNotRunning   nothing runs here: start it
    ├── PartMissing       a part could not be downloaded, or is not installed
    ├── PartCorrupt       what was downloaded is not what the lock file pins
    └── PartFailed        a part did not start: read its log
"""


class StackError(Exception):
    """The local stack cannot do what was asked; the message says why and what to do."""


class StackRunning(StackError):
    """Another supervisor owns the data folder."""


class StackNotRunning(StackError):
    """No stack runs on the data folder."""


class PartMissing(StackError):
    """A part is not in the cache and could not be downloaded, or its package is not installed."""


class PartCorrupt(StackError):
    """A downloaded file does not have the hash that the lock file pins."""


class PartFailed(StackError):
    """A part ended, or did not answer in time, while it was being started."""
