"""Alerts and dashboards ask for metrics that exist, of processes that are scraped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from streams import metrics
from streams.generation import metrics as generation
from tests.triton_series import OF_GPUS, OF_MODELS

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
PROMETHEUS = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text("utf-8"))
RULES = yaml.safe_load((ROOT / "infra/prometheus/alerts.yml").read_text("utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARDS = [json.loads(p.read_text("utf-8")) for p in sorted((ROOT / "infra/grafana/dashboards").glob("*.json"))]
PANELS = [panel for dashboard in DASHBOARDS for panel in dashboard["panels"]]
QUERIES = [t["expr"] for panel in PANELS for t in panel["targets"]]
METRICS = (*metrics.ALL, *generation.ALL)
SELECTED = re.compile(r"\b((?:spillway|nv)_[a-z_]+)(?:\{([^}]*)\})?")
TRITON_COUNTERS = {name for name in OF_MODELS if name.startswith("nv_inference") and "pending" not in name}
ADDED = {"process", "job", "instance", "le"}
"""Labels that scraping, or a histogram, adds."""


def _series() -> dict[str, set[str]]:
    """Every series that the processes, and a Triton server, give, with its labels."""
    found: dict[str, set[str]] = {**OF_MODELS, **OF_GPUS}
    for metric in METRICS:
        name, labels = metric._name, set(metric._labelnames)
        match metric:
            case Counter():
                found[f"{name}_total"] = labels
            case Gauge():
                found[name] = labels
            case Histogram():
                found |= {f"{name}_{part}": labels for part in ("bucket", "count", "sum")}
    return found


SERIES = _series()


@pytest.mark.parametrize("query", [*QUERIES, *(a["expr"] for a in ALERTS)])
def test_a_query_asks_for_what_there_is(query: str) -> None:
    """Each metric is in the typed list, with the labels that the query selects and groups by."""
    asked = SELECTED.findall(query)
    assert asked or query.startswith("up{")
    known = set().union(*(SERIES.get(name, set()) for name, _ in asked)) | ADDED
    for name, selection in asked:
        assert name in SERIES
        assert set(re.findall(r"(\w+)\s*[=!]", selection)) <= SERIES[name] | ADDED
    for group in re.findall(r"\bby \(([^)]*)\)", query):
        assert {label.strip() for label in group.split(",")} <= known
    assert query.count("(") == query.count(")")


def test_every_counter_is_read_as_a_rate() -> None:
    """The sum since a process started says nothing."""
    for query in [*QUERIES, *(a["expr"] for a in ALERTS)]:
        for name, _ in SELECTED.findall(query):
            if name.endswith(("_total", "_bucket", "_us")) or name in TRITON_COUNTERS:
                assert re.search(rf"(?:rate|increase)\({name}", query), query


@pytest.mark.parametrize("alert", ALERTS, ids=lambda a: str(a["alert"]))
def test_an_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    """It has a severity, a summary with figures or names, and a remedy."""
    assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert "{{" in alert["annotations"]["summary"]
    assert alert["annotations"]["remedy"]
    assert re.fullmatch(r"\d+[sm]", alert.get("for", "1m"))


def test_the_alerts_that_matter_are_there() -> None:
    """A dropped customer, lag, missed deadlines, dead letters, halts, stale stores, a lost broker, refusals."""
    read = {name for alert in ALERTS for name, _ in SELECTED.findall(alert["expr"])}
    assert {
        "spillway_ledger_unaccounted",
        "spillway_lag_records",
        "spillway_deadline_misses_total",
        "spillway_dead_letters_total",
        "spillway_halted",
        "spillway_projection_freshness_seconds_bucket",
        "spillway_control_age_seconds",
        "spillway_gateway_requests_total",
        "spillway_generation_ready",
        "spillway_generation_turns_total",
    } <= read
    assert len({a["alert"] for a in ALERTS}) == len(ALERTS)


def test_every_long_running_process_is_scraped() -> None:
    """Each service of the image, on the port where it serves its metrics, and no other."""
    running = {
        f"{name}:{service['environment']['SPILLWAY_METRICS_PORT']}"
        for name, service in SERVICES.items()
        if service.get("command", [""])[0] == "spillway" and "healthcheck" in service
    }
    (job,) = (j for j in PROMETHEUS["scrape_configs"] if j["job_name"] == "spillway")
    assert set(job["static_configs"][0]["targets"]) == running
    assert PROMETHEUS["rule_files"] == ["alerts.yml"]
    (triton,) = (j for j in PROMETHEUS["scrape_configs"] if j["job_name"] == "triton")
    assert triton["static_configs"][0]["targets"] == ["triton:8002"]


def test_dashboards_have_names_of_their_own() -> None:
    """By uid and title; so have their panels, by number, and none lies over another."""
    assert len({d["uid"] for d in DASHBOARDS}) == len({d["title"] for d in DASHBOARDS}) == len(DASHBOARDS)
    for dashboard in DASHBOARDS:
        panels = dashboard["panels"]
        assert len({p["id"] for p in panels}) == len(panels)
        cells = [
            (p["gridPos"]["x"] + dx, p["gridPos"]["y"] + dy)
            for p in panels
            for dx in range(p["gridPos"]["w"])
            for dy in range(p["gridPos"]["h"])
        ]
        assert len(set(cells)) == len(cells)


def test_every_metric_is_on_the_dashboard() -> None:
    """A metric that nobody sees need not be kept."""
    shown = {name for query in QUERIES for name, _ in SELECTED.findall(query)}
    unseen = {m._name for m in METRICS if not any(name.startswith(m._name) for name in shown)}
    assert unseen == set()


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    """The provisioned source is a service, and the panels name it."""
    source = yaml.safe_load((ROOT / "infra/grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))
    (prometheus,) = source["datasources"]
    assert prometheus["url"].removeprefix("http://").partition(":")[0] in SERVICES
    assert {p["datasource"]["uid"] for p in PANELS} == {prometheus["uid"]}
    provider = yaml.safe_load((ROOT / "infra/grafana/provisioning/dashboards/spillway.yml").read_text("utf-8"))
    path = provider["providers"][0]["options"]["path"]
    assert f"./infra/grafana/dashboards:{path}:ro" in SERVICES["grafana"]["volumes"]
