"""docker-compose.yml, checked as far as a machine without Docker can."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.local.app_parts import APP_PARTS
from infra.settings import Settings
from streams.topology import PROJECTIONS, STAGES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
SPILLWAY = {name: s for name, s in SERVICES.items() if s.get("command", [""])[0] == "spillway"}
ONCE = {"prepare", "schemas"}


def _example_env() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line.strip() and not line.startswith("#"))


def test_it_is_a_compose_file() -> None:
    """It is valid by the Compose Specification's own schema; the copy here is older than `name`."""
    schema = json.loads((Path(__file__).parent / "data" / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate({k: v for k, v in COMPOSE.items() if k != "name"})
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", COMPOSE["name"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_refers_to_what_is_there(name: str) -> None:
    """Its volumes, networks, dependencies and mounted files exist; a dependency's condition can come true."""
    service = SERVICES[name]
    assert "image" in service or "build" in service
    assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume
    for other, how in service.get("depends_on", {}).items():
        assert other in SERVICES
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert other in ONCE


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONCE))
def test_a_service_is_watched_limited_and_restarted(name: str) -> None:
    """Each has a health check, a limit of memory and processors, a restart policy and bounded logs."""
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_the_loopback_interface(name: str) -> None:
    """Nothing is reachable from outside unless the environment says so."""
    assert all(port.startswith("${SPILLWAY_BIND:-127.0.0.1}:") for port in SERVICES[name].get("ports", []))


def test_every_variable_is_in_the_example() -> None:
    """What the file asks of the environment is listed with a value or a default, and nothing else is."""
    asked = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    assert asked == set(_example_env())


def test_no_secret_is_written_down() -> None:
    """Every password is a variable that must be set; the example's are no passwords."""
    secret = {name for name in _example_env() if name.endswith("_PASSWORD")}
    for name in secret:
        assert re.findall(rf"\$\{{{name}(.*?)\}}", TEXT)
        assert set(re.findall(rf"\$\{{{name}(.*?)\}}", TEXT)) == {":?set it in .env"}
        assert _example_env()[name] == "change-me"
    assert ".env\n" in (ROOT / ".gitignore").read_text(encoding="utf-8")


def test_every_stage_and_projection_runs_once() -> None:
    """The services of the image together run the whole topology, and each part of it in one place."""
    stages = [s for service in SPILLWAY.values() if service["command"][1] == "worker" for s in _stages(service)]
    assert sorted(stages) == sorted(s.name for s in STAGES)
    projections = [s["command"][2] for s in SPILLWAY.values() if s["command"][1] == "projection"]
    assert sorted(projections) == sorted(PROJECTIONS)
    local = {part.command[0] for part in APP_PARTS}
    assert local <= {s["command"][1] for s in SPILLWAY.values()}


def _stages(service: dict[str, Any]) -> list[str]:
    command = service["command"]
    names: str = command[command.index("--stages") + 1]
    return names.split(",")


def test_the_addresses_are_settings_that_we_read() -> None:
    """Each variable of a Spillway process is one that its settings write, and points at a service."""
    ours = Settings("k", "p", "c", "r", metrics_port=1).to_env().keys()
    for service in SPILLWAY.values():
        environment = service["environment"]
        assert set(environment) <= ours
        for variable in ("SPILLWAY_KAFKA", "SPILLWAY_POSTGRES", "SPILLWAY_CLICKHOUSE", "SPILLWAY_REGISTRY"):
            host = re.search(r"(?:@|//|^)([a-z]+):\d+", re.sub(r"\$\{.*?\}", "", environment[variable]))
            assert host is not None
            assert host.group(1) in SERVICES


def test_the_broker_is_set_as_the_local_one() -> None:
    """What the data plane needs of the broker is set in both places."""
    local = (ROOT / "infra/local/kafka.py").read_text(encoding="utf-8")
    environment = SERVICES["kafka"]["environment"]
    for setting in (
        "group.consumer.session.timeout.ms",
        "group.consumer.min.session.timeout.ms",
        "group.consumer.heartbeat.interval.ms",
        "group.consumer.min.heartbeat.interval.ms",
        "auto.create.topics.enable",
        "group.initial.rebalance.delay.ms",
    ):
        value = environment["KAFKA_" + setting.upper().replace(".", "_")]
        assert f"\n{setting}={value}\n" in local, setting
    assert environment["KAFKA_MESSAGE_MAX_BYTES"] == str(10 * 1024 * 1024)


def test_triton_runs_only_where_it_is_asked_for() -> None:
    """A machine without a GPU starts everything else."""
    assert SERVICES["triton"]["profiles"] == ["gpu"]
    assert [name for name, s in SERVICES.items() if "profiles" in s] == ["triton"]
