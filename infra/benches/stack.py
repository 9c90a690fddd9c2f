"""The stack that a benchmark loads: the one that runs on a folder, else one of its own that is gone afterwards."""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from infra.benches.cpu import pids_of
from infra.benches.frame import BenchError, Say
from infra.demo import TENANTS
from infra.local.app_parts import APP_PARTS, AppPart
from infra.local.errors import StackNotRunning
from infra.local.stack import LocalStack
from infra.settings import Settings
from infra.tenants import activation, load_tenant
from infra.wiring import build_codec, open_control, prepare
from processors.policy import Tenant
from streams.sink import Sink

TENANT: Final = "bench"
TEMPLATE: Final = Path(__file__).parent / "tenant" / "policy.yaml"
ARTICLES: Final = TENANTS / "shop" / "articles"
AHEAD: Final = 5.0
"""Seconds from activating the tenant's policy on a stack that runs until it is in force."""


@dataclass(frozen=True)
class BenchStack:
    """A stack that runs. own: it was started for this. local: its supervisor, if it is own."""

    settings: Settings
    data: Path
    local: LocalStack | None = None

    @property
    def own(self) -> bool:
        return self.local is not None

    def pids(self) -> dict[str, int]:
        """Of each part its process, as of now; none where parts run elsewhere."""
        try:
            return pids_of(self.data)
        except StackNotRunning:
            return {}


@contextmanager
def bench_stack(
    data: Path,
    say: Say,
    app: Sequence[AppPart] = APP_PARTS,
    tenants: Sequence[str] = (TENANT,),
    local: Callable[..., LocalStack] = LocalStack,
) -> Iterator[BenchStack]:
    """A stack with these tenants, alike but for their names, whose replies come from fast rungs only.

    data: the folder of a stack; the one that runs there is used, and given the tenants where it has not got them.
    Where none runs, one with the parts of `app` is started in a temporary folder, and removed afterwards.
    Raises StackError.
    """
    with tempfile.TemporaryDirectory(prefix="spillway-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # a database that does not run as root must enter it
        written = write_tenants(folder / "tenants", tenants)
        try:
            settings = Settings.of_stack(data)
        except StackNotRunning:
            say("no stack runs: one is started for this")
        else:
            activate(settings, written, say)
            yield BenchStack(settings, data)
            return
        stack = local(folder / "data", app=app, prepare=partial(prepare, tenants=written), usual_ports=False)
        stack.start(say)
        try:
            yield BenchStack(stack.settings(), stack.folder.path, stack)
        finally:
            stack.stop()


def write_tenants(folder: Path, tenants: Sequence[str] = (TENANT,)) -> Path:
    """A folder for each tenant, as `prepare` reads them. Returns `folder`."""
    policy = TEMPLATE.read_text(encoding="utf-8")
    for tenant in tenants:
        shutil.copytree(ARTICLES, folder / tenant / "articles")
        named = re.sub(r"^tenant: .*$", f"tenant: {tenant}", policy, flags=re.MULTILINE)
        (folder / tenant / "policy.yaml").write_text(named, encoding="utf-8")
    return folder


def activate(settings: Settings, folder: Path, say: Say) -> None:
    """Puts the tenants of the folder in force on a stack that runs, unless they are; returns when every stage has
    them. Raises BenchError where one has another policy than these.
    """
    codec = build_codec(settings)
    control = open_control(settings, codec)
    try:
        in_force = {tenant: control.policies(tenant) for tenant in control.tenants()}
    finally:
        control.close()
    tenants = [_tenant(each) for each in sorted(folder.iterdir())]
    for tenant in tenants:
        there = in_force.get(tenant.rules.tenant)
        if there and there[-1].policy_fingerprint != tenant.policy_fingerprint:
            raise BenchError(
                f"the stack has a tenant {tenant.rules.tenant!r} with another policy than the benchmark's: "
                "use another stack, or none (--data an empty folder)"
            )
    now = time.time_ns() // 1000
    missing = [t for t in tenants if t.rules.tenant not in in_force]
    if missing:
        say(f"activating {', '.join(t.rules.tenant for t in missing)}")
        Sink(settings.kafka, codec).send([activation(t, now + round(AHEAD * 1e6), now) for t in missing])
        threading.Event().wait(AHEAD + 1)


def _tenant(folder: Path) -> Tenant:
    tenant = load_tenant(folder)
    if isinstance(tenant, tuple):
        raise BenchError("\n".join(map(str, tenant)))
    return tenant
