"""Another user for the one program that refuses to run as root, and folders that this user may enter."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from pathlib import Path

from infra.local.errors import PartFailed
from infra.local.process import Account

UNPRIVILEGED = ("postgres", "nobody", "daemon")
_ROOM = Path("/var/tmp")


def unprivileged() -> Account | None:
    """The user to become where this process is root's; None where it is not.

    Raises:
        PartFailed: this machine has none of the usual unprivileged users.
    """
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known and known[name].pw_uid != 0:
            entry = known[name]
            return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, home="/")
    users = ", ".join(UNPRIVILEGED)
    raise PartFailed(f"PostgreSQL refuses to run as root and there is no user {users} here; run as an ordinary user")


def may_enter(path: Path) -> bool:
    """Whether every user may pass through all folders above `path`, and through it where it exists."""
    resolved = path.resolve()
    return all(
        folder.stat().st_mode & stat.S_IXOTH for folder in [resolved, *resolved.parents] if folder.exists()
    )


def room_for(path: Path) -> Path:
    """A folder outside `path` that stands for it and that other users may reach; always the same for the same path."""
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return _ROOM / f"spillway-{os.geteuid()}" / name


def make_reachable(folder: Path) -> None:
    """Make a folder and those above it that are missing, open to everybody for passing through.

    Raises:
        PartFailed: the folder shared by all (`/var/tmp/spillway-…`) was made by somebody else.
    """
    for step in [*reversed(folder.parents), folder]:
        if not step.exists():
            step.mkdir(mode=0o755)
            step.chmod(0o755)
    shared = _ROOM / f"spillway-{os.geteuid()}"
    if shared in folder.parents and shared.stat().st_uid != os.geteuid():
        raise PartFailed(f"{shared} belongs to another user; remove it, or use a --data folder that all may enter")


def hand_over(folder: Path, account: Account) -> None:
    """Make `folder` and all in it the account's."""
    os.chown(folder, account.uid, account.gid)
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            os.chown(Path(place) / name, account.uid, account.gid, follow_symlinks=False)
