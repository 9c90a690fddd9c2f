"""Generating models on a Triton server, as operators handle them: brought to its repository, probed, in use or not."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from infra.generation.settings import GenerationSettings
from infra.local.errors import StackError
from infra.local.triton import REPOSITORY
from processors.prompting.types import Prompt
from schemas.validation import GENERATING, is_withdrawal
from streams.control import ControlView
from streams.generation.client import TritonConnection
from streams.generation.contract import Sampling
from streams.generation.ports import Budget, Finish
from streams.models.in_force import EVERY_TENANT, Timeline
from streams.models.runner import CannotRun

CONFIG: Final = "config.pbtxt"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}").fullmatch
_NAMED: Final = re.compile(r'^name:\s*"[^"]*"[ \t]*$', re.MULTILINE)
_QUESTION: Final = (
    "<passages>\n1> Opening hours\n1> We are open from nine to five.\n</passages>\n"
    "<message>\n> when are you open?\n</message>\n"
)
_TOKENS: Final = 24


class Use(NamedTuple):
    """Where a model stands, or is announced to stand. `tenant`: empty for every tenant."""

    rung: str
    tenant: str

    def __str__(self) -> str:
        return f"{self.rung} of {self.tenant or 'every tenant'}"


class Probed(NamedTuple):
    """What a model did with a short prompt. Seconds from the request."""

    fingerprint: str
    tokens: int
    first_seconds: float
    seconds: float


def probe(url: str, name: str, sampling: Sampling, timeout: float) -> Probed:
    """Asks the model for a short reply, as workers do. Raises CannotRun where it does not give one."""
    return asyncio.run(_probe(url, name, sampling, timeout))


async def _probe(url: str, name: str, sampling: Sampling, timeout: float) -> Probed:
    prompt = Prompt(_QUESTION, "probe", "probe@1", len(_QUESTION) // 3, (), (), _TOKENS)
    text = ""
    async with TritonConnection(url) as connection:
        model = connection.generator(name, sampling)
        ready = await model.ready(timeout)
        if not ready.ready:
            raise CannotRun(ready.detail)
        async with model.generate(prompt, Budget(timeout, timeout, timeout)) as stream:
            async for item in stream:
                if not isinstance(item, Finish):
                    text += item.text
                elif item.fault:
                    raise CannotRun(f"{name} fails its probe ({item.fault}): {item.detail}")
                elif not text.strip() or item.first_seconds is None:
                    raise CannotRun(f"{name} fails its probe: it ended ({item.reason}) without a word")
                else:
                    return Probed(item.fingerprint, item.tokens, item.first_seconds, item.seconds)
    raise CannotRun(f"{name} fails its probe: the reply has no end")


def standing(control: ControlView, settings: GenerationSettings, rung: str, tenant: str, at: int) -> str:
    """The name of the model that stands for a rung; empty where none does. `at`: microseconds UTC."""
    activations = Timeline.of(control, rung).standing(tenant, at).activations
    return activations[0].name if activations else _usual(settings, rung)


def uses(control: ControlView, settings: GenerationSettings, name: str, at: int) -> list[Use]:
    """Where a model stands at `at`, or is announced to stand afterwards."""
    return list(dict.fromkeys(use for use, of in _standing(control, settings, at) if of == name))


def _standing(control: ControlView, settings: GenerationSettings, at: int) -> Iterator[tuple[Use, str]]:
    for rung in GENERATING:
        timeline = Timeline.of(control, rung)
        for tenant in (EVERY_TENANT, *timeline.tenants):
            yield Use(rung, tenant), standing(control, settings, rung, tenant, at)
            for event in control.models(rung, tenant):
                if event.effective_at > at and not is_withdrawal(event):
                    yield Use(rung, tenant), event.name
                elif event.effective_at > at:
                    yield Use(rung, tenant), _usual(settings, rung)


def _usual(settings: GenerationSettings, rung: str) -> str:
    setting = settings.models.get(rung)
    return "" if setting is None else setting.name


def sampling(settings: GenerationSettings, rung: str) -> Sampling:
    """What workers ask the rung's model with: a part of its fingerprint."""
    setting = settings.models.get(rung)
    return {} if setting is None else setting.sampling


def bring(source: str, name: str, repository: Path) -> Path:
    """Copies a model under the name `name` into `repository`, where it appears as a whole; returns its folder.

    `source`: a folder with a config.pbtxt, or the name of a model that comes with Spillway or lies in `repository`.
    Raises StackError where there is none, or the name is taken or no name.
    """
    if not _NAME(name):
        raise StackError(f"{name[:60]!r} is no name for a model: 1 to 100 of A-Z, a-z, 0-9, _, . and -")
    folder = _found(source, repository)
    place = repository / name
    if place.exists() or (REPOSITORY / name).exists():
        raise StackError(
            f"there is a model {name} already; give this one another name, or load that one: without --from"
        )
    if not repository.is_dir():
        raise StackError(
            f"{repository} is not there: --from is for the server of a stack on this machine; put the model into the "
            "repository of the server, and load it without --from"
        )
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=repository.parent) as incoming:
        copy = Path(incoming) / name
        try:
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
            config = (copy / CONFIG).read_text(encoding="utf-8")
            renamed, found = _NAMED.subn(f'name: "{name}"', config, count=1)
            (copy / CONFIG).write_text(renamed if found else f'name: "{name}"\n{config}', encoding="utf-8")
            copy.rename(place)
        except OSError as err:
            raise StackError(f"{folder} cannot be copied to {place}: {err}") from err
    return place


def _found(source: str, repository: Path) -> Path:
    for folder in (Path(source), REPOSITORY / source, repository / source):
        if (folder / CONFIG).is_file():
            return folder
    known = sorted({path.parent.name for root in (REPOSITORY, repository) for path in root.glob(f"*/{CONFIG}")})
    raise StackError(f"{source} is no folder with a {CONFIG}, and no model of {', '.join(known)}")
