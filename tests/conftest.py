"""Real parts for tests: each is started when the first test asks for it, and serves the whole session.

A test that needs one carries the marker of the same purpose (`broker`, `postgres`, `clickhouse`, `registry`).
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.local.app_parts import APP_PARTS
from infra.local.stack import LocalStack
from infra.wiring import prepare

MARKER_OF = {
    "broker": "broker",
    "postgres": "postgres",
    "fresh_database": "postgres",
    "clickhouse": "clickhouse",
    "fresh_clickhouse_database": "clickhouse",
    "registry": "registry",
    "triton_server": "triton",
    "stack": "stack",
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that reaches for a part without saying so by its marker fails, and is told which marker to add."""
    for fixture in sorted(MARKER_OF.keys() & set(getattr(item, "fixturenames", ()))):
        marker = MARKER_OF[fixture]
        if item.get_closest_marker(marker) is None:
            pytest.fail(f"a test that uses the fixture {fixture!r} must carry @pytest.mark.{marker}", pytrace=False)


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder for the session's parts; not pytest's own, which other users may not enter."""
    folder = Path(tempfile.mkdtemp(prefix="spillway-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def broker(short_folder: Path) -> Iterator[str]:
    """The bootstrap string of a real Kafka broker."""
    with LocalStack(short_folder / "kafka", only={"kafka"}, usual_ports=False) as stack:
        assert stack.addresses.kafka is not None
        yield stack.addresses.kafka


@pytest.fixture(scope="session")
def postgres(short_folder: Path) -> Iterator[str]:
    """The superuser's DSN of a real PostgreSQL server."""
    with LocalStack(short_folder / "postgres", only={"postgres"}, usual_ports=False) as stack:
        assert stack.addresses.postgres is not None
        yield stack.addresses.postgres


@pytest.fixture
def fresh_database(postgres: str) -> Iterator[str]:
    """The superuser's DSN of a new, empty PostgreSQL database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield make_conninfo(postgres, dbname=name)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def clickhouse(short_folder: Path) -> Iterator[str]:
    """The http URL of a real ClickHouse engine."""
    with LocalStack(short_folder / "clickhouse", only={"clickhouse"}, usual_ports=False) as stack:
        assert stack.addresses.clickhouse is not None
        yield stack.addresses.clickhouse


@pytest.fixture
def fresh_clickhouse_database(clickhouse: str) -> Iterator[str]:
    """The name of a new, empty ClickHouse database, dropped after the test; its URL is the fixture `clickhouse`."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with clickhouse_connect.get_client(dsn=clickhouse) as client:
        client.command(f"CREATE DATABASE {name}")
        yield name
        client.command(f"DROP DATABASE {name}")


@pytest.fixture(scope="session")
def registry(short_folder: Path) -> Iterator[str]:
    """The http URL of a real Apicurio registry; the Confluent API is below `/apis/ccompat/v7`."""
    with LocalStack(short_folder / "registry", only=set(), registry=True, usual_ports=False) as stack:
        assert stack.addresses.registry is not None
        yield stack.addresses.registry


@pytest.fixture(scope="session")
def triton_server(short_folder: Path) -> Iterator[LocalStack]:
    """A real Triton server with the model `small`; its environment is made first where this machine has none."""
    with LocalStack(short_folder / "triton", only=set(), triton=True, usual_ports=False) as running:
        yield running


@pytest.fixture(scope="session")
def stack(short_folder: Path) -> Iterator[LocalStack]:
    """A whole local stack, Spillway's own processes included, with the example tenants."""
    with LocalStack(short_folder / "stack", app=APP_PARTS, prepare=prepare, usual_ports=False) as running:
        yield running


@pytest.fixture
def unique() -> str:
    """A name that no other test has, for topics, groups and tenants."""
    return f"t{uuid.uuid4().hex[:12]}"
