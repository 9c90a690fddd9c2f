"""The file that says what generates, and how much may be asked of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.generation.serving import models_of
from infra.generation.settings import BOUNDS, CAPS, SMALL, GenerationSettings, load_generation
from infra.local.errors import StackError
from infra.settings import Settings, SettingsError, triton_address
from processors.ladder import Speed
from streams.control import ControlFold

ROOT = Path(__file__).resolve().parents[2]
ADDRESSES = {"SPILLWAY_KAFKA": "k", "SPILLWAY_POSTGRES": "p", "SPILLWAY_CLICKHOUSE": "c"}


def written(folder: Path, text: str) -> Path:
    """A file of settings."""
    file = folder / "generation.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_the_small_model_stands_for_its_rung() -> None:
    """What `spillway up --triton` serves."""
    assert load_generation(None).models == {"small_model": SMALL}


def test_what_is_not_said_stays_as_it_is(tmp_path: Path) -> None:
    """An empty mapping is a file too."""
    assert load_generation(written(tmp_path, "{}")) == GenerationSettings()


def test_the_example_of_the_documents_is_read(tmp_path: Path) -> None:
    """Every field of it."""
    text = (ROOT / "docs" / "generation-stage.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    found = load_generation(written(tmp_path, example))
    large = found.models["large_model"]
    assert (large.name, large.speed, large.tenants) == ("vllm", Speed(0.3, 0.012), frozenset({"shop"}))
    assert large.sampling == {"temperature": 0.2, "top_p": 0.9}
    assert (found.caps.turns, found.caps.of, found.bounds.weights) == (64, {"bank": 120_000}, {"bank": 2.0})
    assert found.ranks == {"vip": 0, "standard": 1, "basic": 2}


def test_a_rung_without_a_name_has_no_model(tmp_path: Path) -> None:
    """Until one is activated."""
    assert load_generation(written(tmp_path, "small_model: {name: ''}\n")).models["small_model"].name == ""


def test_every_mistake_is_said_with_its_line(tmp_path: Path) -> None:
    """In one go, with what to write instead."""
    file = written(tmp_path, "caps: {turns: 0}\nqueue: {wait: soon}\nlarge_modle: {name: vllm}\n")
    with pytest.raises(StackError) as refused:
        load_generation(file)
    said = str(refused.value).splitlines()
    assert [line.removeprefix(f"{file}:")[0] for line in said] == ["1", "2", "3"]
    assert "large_model" in said[2]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the variable that names it."""
    with pytest.raises(StackError, match=r"SPILLWAY_GENERATION: .*no\.yaml"):
        load_generation(tmp_path / "no.yaml")


def test_the_caps_fit_each_other() -> None:
    """A tenant alone leaves room, and more may wait than run."""
    assert CAPS.tenant < CAPS.everything < BOUNDS.everything


def test_without_a_server_nothing_generates() -> None:
    """And nothing is connected to."""
    assert list(models_of(GenerationSettings(), ControlFold(), None).offers("shop", "s-1")) == []


@pytest.mark.parametrize("said", ["grpc://triton:8001", "triton:8001"])
def test_the_servers_address_is_written_either_way(said: str) -> None:
    """As the stack shows it, or plainly; and it goes on to the processes that are started."""
    settings = Settings.from_env({**ADDRESSES, "SPILLWAY_TRITON": said})
    assert settings.triton == "triton:8001"
    assert Settings.from_env(settings.to_env()).triton == "triton:8001"


def test_an_empty_address_is_none() -> None:
    """As the compose file has it where nothing is set."""
    assert Settings.from_env({**ADDRESSES, "SPILLWAY_TRITON": "", "SPILLWAY_GENERATION": ""}).triton is None


def test_an_address_without_a_port_is_refused() -> None:
    """The variable is named."""
    with pytest.raises(SettingsError, match="SPILLWAY_TRITON"):
        triton_address("grpc://triton")
