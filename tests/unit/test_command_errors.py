"""What the command says when a store does not answer."""

from __future__ import annotations

import psycopg
import pytest
from clickhouse_connect.driver.exceptions import OperationalError, ProgrammingError
from confluent_kafka import KafkaError, KafkaException

from infra.cli.main import store_away


@pytest.mark.parametrize(
    ("error", "store"),
    [
        (OperationalError("read timed out"), "ClickHouse"),
        (psycopg.OperationalError("connection refused"), "PostgreSQL"),
        (psycopg.errors.ConnectionTimeout("no answer"), "PostgreSQL"),
        (KafkaException(KafkaError(KafkaError._TRANSPORT)), "Kafka"),
    ],
)
def test_a_store_that_does_not_answer_is_named(error: Exception, store: str) -> None:
    """Each driver's own way of saying so is known."""
    assert store_away(error) == store


def test_other_errors_are_ours() -> None:
    """A statement that a store refuses is a bug, and keeps its traceback."""
    assert store_away(ProgrammingError("no such column")) is None
    assert store_away(psycopg.ProgrammingError("no such column")) is None
    assert store_away(ValueError()) is None
