"""`spillway models load|unload|swap` with a real Triton server and a real control log, under load."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner, Result

from infra.cli.models import app
from infra.generation.settings import GenerationSettings
from infra.local.errors import StackError
from infra.local.stack import LocalStack
from infra.local.triton import REPOSITORY
from infra.models.serving import Probed, Use, bring, probe, standing, uses
from infra.models.swapping import Server, Swap, drained
from infra.topics import create_topics
from processors.prompting.types import Prompt
from schemas.codec import Codec
from schemas.events import ModelActivated, Record
from streams.control import Control, ControlFold
from streams.generation.client import TritonConnection
from streams.generation.contract import Sampling
from streams.generation.models import ControlledModels, Setting
from streams.generation.ports import Budget, Finish
from streams.models.runner import CannotRun
from streams.models.triton_control import TritonControl
from tests.triton_series import OF_GPUS, OF_MODELS

pytestmark = pytest.mark.triton
RUN = CliRunner()
QUESTION = (
    "<passages>\n1> Refunds\n1> Refunds take {} days.\n</passages>\n<message>\n> how long is a refund\n</message>\n"
)
LONG = Budget(60.0, 60.0, 60.0)
SETTINGS = GenerationSettings({"small_model": Setting("small")})


@pytest.fixture
def url(triton_server: LocalStack) -> str:
    """The server's address."""
    return (triton_server.addresses.triton or "").removeprefix("grpc://")


@pytest.fixture
def data(triton_server: LocalStack) -> Path:
    """The data folder of the server's stack."""
    return triton_server.folder.path


@pytest.fixture
def server(url: str) -> Iterator[TritonControl]:
    """Its control; models that a test has loaded go when it ends, and `small` is there."""
    with TritonControl(url) as control:
        yield control
        for listed in control.models():
            if listed.name != "small" and listed.state == "ready":
                control.unload(listed.name)
        control.load("small")


def a_copy(folder: Path, **parameters: str) -> Path:
    """A model folder: `small` with other parameters."""
    shutil.copytree(REPOSITORY / "small", folder)
    config = folder / "config.pbtxt"
    text = config.read_text(encoding="utf-8")
    for name, value in parameters.items():
        line = f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}'
        text = re.sub(rf'(?m)^parameters \{{ key: "{name}".*$\n?', "", text) + line + "\n"
    config.write_text(text, encoding="utf-8")
    return folder


def environment(broker: str, url: str, data: Path) -> dict[str, str | None]:
    """Of an installation with a broker, a generating server, and no stores."""
    return {
        "SPILLWAY_KAFKA": broker,
        "SPILLWAY_POSTGRES": "postgresql://nobody@127.0.0.1:1/none",
        "SPILLWAY_CLICKHOUSE": "http://127.0.0.1:1",
        "SPILLWAY_DATA": str(data),
        "SPILLWAY_TRITON": url,
    }


def run(env: dict[str, str | None], data: Path, *words: str) -> Result:
    """The command."""
    return RUN.invoke(app, [*words, "--data", str(data)], env=env)


def test_a_model_is_brought_loaded_probed_and_unloaded(
    server: TritonControl, data: Path, tmp_path: Path, unique: str
) -> None:
    """Under a name of its own, from a folder; the list of the server has it while it is there."""
    env: dict[str, str | None] = {"SPILLWAY_KAFKA": None}
    at = ("--triton", server.url)
    folder = a_copy(tmp_path / "mine", token_ms="1")
    said = run(env, data, "load", unique, "--from", str(folder), "--json", *at)
    assert said.exit_code == 0, said.output
    told = json.loads(said.stdout)
    assert told["fingerprint"].startswith(f"{unique}@1#")
    assert told["tokens"] > 0
    assert server.model(unique) == (unique, "1", "ready", "")
    again = run(env, data, "load", unique, "--from", str(folder), *at)
    assert f"there is a model {unique} already" in str(again.exception)
    unsure = run(env, data, "unload", unique, *at)
    assert "whether" in str(unsure.exception)
    assert "or use --force" in str(unsure.exception)
    gone = run(env, data, "unload", unique, "--force", *at)
    assert gone.output == f"{unique} is unloaded\n"
    assert "does not serve" in str(run(env, data, "unload", unique, "--force", *at).exception)


@pytest.mark.parametrize(
    ("parameters", "wrong"),
    [
        ({"load": "out of memory"}, "out of memory"),
        ({"error_share": "1"}, r"fails its probe \(failed\)"),
        ({"wrong_shape_share": "1"}, r"fails its probe \(malformed\)"),
    ],
)
def test_a_model_that_does_not_answer_is_refused(
    server: TritonControl, data: Path, tmp_path: Path, unique: str, parameters: dict[str, str], wrong: str
) -> None:
    """With the reason, for people and for programs."""
    folder = a_copy(tmp_path / "bad", **parameters)
    said = run({}, data, "load", unique, "--from", str(folder), "--json", "--triton", server.url)
    assert said.exit_code == 1
    assert re.search(wrong, json.loads(said.stdout)["reason"])
    assert re.search(wrong, str(run({}, data, "load", unique, "--triton", server.url).exception))


def test_a_server_that_is_away_is_an_error_that_helps(tmp_path: Path) -> None:
    """It names the address and the remedy; so does the lack of one."""
    said = run({}, tmp_path, "load", "small", "--triton", "127.0.0.1:1")
    assert "Triton at 127.0.0.1:1 does not answer" in str(said.exception)
    assert "spillway up --triton" in str(said.exception)
    env = {**environment("127.0.0.1:1", "", tmp_path), "SPILLWAY_TRITON": None}
    assert "set SPILLWAY_TRITON" in str(run(env, tmp_path, "load", "small").exception)


class Traffic:
    """Turns that ask whatever stands for the small rung when they begin."""

    def __init__(self, models: ControlledModels, tenant: str) -> None:
        self._models, self._tenant = models, tenant
        self.ended: list[tuple[str, Finish]] = []
        """Of each turn, the model that it was sent to, and how it ended."""

    async def one(self, number: int) -> None:
        """A turn of about a quarter of a second."""
        (serving,) = self._models.offers(self._tenant, f"s{number}")
        prompt = Prompt(QUESTION.format("five " * 60), "t", "t@1#0", 1, (), (), 50)
        async with serving.generator.generate(prompt, LONG) as stream:
            async for item in stream:
                if isinstance(item, Finish):
                    self.ended.append((serving.generator.name, item))

    @asynccontextmanager
    async def flowing(self, at_once: int = 6) -> AsyncIterator[None]:
        """So many turns at any time while the block runs; all of them end."""
        stop = asyncio.Event()

        async def customer(number: int) -> None:
            while not stop.is_set():
                await self.one(number)

        async with asyncio.TaskGroup() as group:
            for number in range(at_once):
                group.create_task(customer(number))
            try:
                yield
            finally:
                stop.set()


async def spillway(env: dict[str, str | None], data: Path, *words: str) -> tuple[int, str, str]:
    """The command in a process of its own: exit code, output, errors."""
    command = [sys.executable, "-m", "infra.cli.main", "models", *words, "--data", str(data)]
    full = {**os.environ, **{name: value for name, value in env.items() if value is not None}}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=full, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.broker
async def test_a_swap_under_load_drops_nothing(
    broker: str, server: TritonControl, data: Path, tmp_path: Path, unique: str
) -> None:
    """Every turn is answered whole, by blue or by green; at the end by green alone, and blue is unloaded."""
    create_topics(broker)
    env = environment(broker, server.url, data)
    blue, green = f"{unique}-blue", f"{unique}-green"
    control = Control(broker, Codec())
    control.start()
    assert await asyncio.to_thread(control.wait_until_read, 30)
    models = ControlledModels(control, SETTINGS.models, lambda: TritonConnection(server.url), _now)
    traffic = Traffic(models, unique)
    common = ("--tenant", unique, "--in", "1", "--by", "ana", "--json")
    try:
        async with traffic.flowing():
            code, out, err = await spillway(env, data, "swap", "small_model", blue, "--from", "small", *common)
            assert code == 0, out + err
            first = json.loads(out)
            assert (first["blue"], first["green"], first["unloaded"]) == ("small", blue, False)
            assert first["kept"] == "it stands for small_model of every tenant"
            code, out, err = await spillway(env, data, "swap", "small_model", green, "--from", "small", *common)
        assert code == 0, out + err
    finally:
        control.close()
        await models.close()
    told = json.loads(out)
    assert (told["blue"], told["green"], told["unloaded"], told["kept"]) == (blue, green, True, "")
    assert set(told["seconds"]) == {"load", "probe", "switch", "drain", "unload"}
    assert f"{green} is the small_model from" in err
    assert {finish.fault for _, finish in traffic.ended} == {""}
    assert {finish.reason for _, finish in traffic.ended} <= {"stop", "length"}
    assert list(dict.fromkeys(name for name, _ in traffic.ended)) == ["small", blue, green]
    assert {finish.fingerprint for name, finish in traffic.ended if name == green} == {told["fingerprint"]}
    assert getattr(server.model(blue), "state", "") == "unavailable"
    listed = json.loads(run(env, data, "list", "--json").stdout)
    row = next(row for row in listed["served"] if row["name"] == green)
    assert (row["state"], row["stands_for"]) == ("ready", [f"small_model of {unique}"])
    held = [row for row in listed["activations"] if row["tenant"] == unique]
    assert [(row["state"], row["fingerprint"]) for row in held] == [
        ("in force", told["fingerprint"]),
        ("past", first["fingerprint"]),
    ]
    assert f"stands for small_model of {unique}" in str(run(env, data, "unload", green).exception)
    assert f"is the small_model of {unique} already" in str(
        run(env, data, "swap", "small_model", green, "--tenant", unique).exception
    )


class World:
    """A swap's world with the real server; the control log lies in memory, and what a probe says may be a test's."""

    def __init__(self, triton: TritonControl, then: Callable[[str, int], Exception | None] = lambda *_: None) -> None:
        self.control, self.said, self.events = ControlFold(), [], []  # type: tuple[ControlFold, list[str], list[ModelActivated]]
        self._probes: dict[str, int] = {}
        self._triton, self._then = triton, then
        self.server = Server(triton, self._probe, self.control, self._announce, SETTINGS, "ana", self.said.append)

    def _probe(self, name: str, sampling: Sampling, timeout: float) -> Probed:
        self._probes[name] = self._probes.get(name, 0) + 1
        wrong = self._then(name, self._probes[name])
        if wrong is not None:
            raise wrong
        return probe(self._triton.url, name, sampling, timeout)

    def _announce(self, event: ModelActivated) -> None:
        self.events.append(event)
        self.control.take(Record("chat.control", 0, len(self.events), _now(), event))


def test_a_model_that_fails_once_it_answers_customers_is_swapped_back(
    server: TritonControl, data: Path, unique: str
) -> None:
    """An event brings blue back, which was never unloaded, and green goes."""
    bring("small", unique, data / "triton" / "models")
    fails = CannotRun("it fails its probe, as this test asks")
    world = World(server, lambda name, times: fails if (name, times) == (unique, 2) else None)
    with pytest.raises(StackError, match="as this test asks; small is the small_model again"):
        Swap(world.server, "small_model", "", unique, 0.0, 30.0).run()
    assert [event.name for event in world.events] == [unique, "small"]
    assert standing(world.control, SETTINGS, "small_model", "", _now()) == "small"
    assert getattr(server.model("small"), "state", "") == "ready"
    assert getattr(server.model(unique), "state", "") in ("unloading", "unavailable")


@pytest.mark.parametrize("parameters", [{"load": "out of memory"}, {"error_share": "1"}])
def test_a_model_that_never_answers_is_never_announced(
    server: TritonControl, data: Path, tmp_path: Path, unique: str, parameters: dict[str, str]
) -> None:
    """Blue serves on, and green is not left behind."""
    bring(str(a_copy(tmp_path / "bad", **parameters)), unique, data / "triton" / "models")
    world = World(server)
    with pytest.raises(StackError, match="small serves on"):
        Swap(world.server, "small_model", "", unique, 0.0, 30.0).run()
    assert world.events == []
    assert getattr(server.model(unique), "state", "") in ("unloading", "unavailable")


def test_a_rung_without_a_model_gets_one_and_loses_it_again(server: TritonControl, data: Path, unique: str) -> None:
    """There was none before, so there is nothing to unload; what fails is withdrawn."""
    bring("small", unique, data / "triton" / "models")
    world = World(server)
    done = Swap(world.server, "large_model", "bank", unique, 0.0, 30.0).run()
    assert (done.blue, done.green, done.unloaded, done.kept) == ("", unique, False, "there was none before")
    assert uses(world.control, SETTINGS, unique, _now()) == [Use("large_model", "bank")]
    failing = World(server, lambda _, times: CannotRun("no more") if times == 2 else None)
    with pytest.raises(StackError, match="no model is the large_model again"):
        Swap(failing.server, "large_model", "bank", unique, 0.0, 30.0).run()
    assert uses(failing.control, SETTINGS, unique, _now()) == []


async def test_a_model_that_is_asked_is_not_drained(server: TritonControl) -> None:
    """Whoever still asks it is one who has not seen the event; when nobody does, it is."""
    models = ControlledModels(ControlFold(), SETTINGS.models, lambda: TritonConnection(server.url), _now)
    traffic = Traffic(models, "shop")
    try:
        async with traffic.flowing():
            assert not await asyncio.to_thread(drained, server, "small", 3.5, 3.0)
        assert await asyncio.to_thread(drained, server, "small", 30.0)
    finally:
        await models.close()


def test_the_figures_that_dashboards_ask_of_the_server_are_there(triton_server: LocalStack) -> None:
    """By name and labels, as a real server gives them; those of GPUs it has not."""
    with urlopen(triton_server.addresses.triton_metrics or "", timeout=10) as answer:
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    assert OF_MODELS.keys() <= families.keys()
    for name, labels in OF_MODELS.items():
        assert {frozenset(sample.labels) for sample in families[name].samples} <= {frozenset(labels)}
    assert families.keys().isdisjoint(OF_GPUS)


def _now() -> int:
    return time.time_ns() // 1000
