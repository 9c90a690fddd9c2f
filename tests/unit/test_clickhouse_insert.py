"""Inserts whose data came in the request: the statement that the engine gets instead."""

from __future__ import annotations

from pathlib import Path

from infra.local.clickhouse_insert import from_file, insert_head

BODY = Path("/scratch/x.body")


def rewritten(statement: str, settings: dict[str, str] | None = None) -> str:
    """The statement with its data in a file."""
    found = insert_head(statement.encode())
    assert found is not None
    return from_file(found[0], BODY, settings)


def test_data_is_read_from_the_file() -> None:
    """In the format that the request names, and without settings where there are none."""
    made = rewritten("INSERT INTO t (a, b) FORMAT Native\n...")
    assert made == "INSERT INTO t (a, b) FROM INFILE '/scratch/x.body' COMPRESSION 'none' FORMAT Native"


def test_settings_of_the_request_go_into_the_statement() -> None:
    """Quoted, so that no value can be more than a value."""
    made = rewritten("INSERT INTO t FORMAT Native\n", {"async_insert": "0", "log_comment": "it's \\ one"})
    assert "SETTINGS async_insert = '0', log_comment = 'it\\'s \\\\ one' FORMAT Native" in made


def test_settings_of_the_statement_come_after_those_of_the_request() -> None:
    """The last of two counts, and that is the statement's own."""
    made = rewritten("INSERT INTO t SETTINGS async_insert = 1 FORMAT Native\n", {"async_insert": "0"})
    assert "SETTINGS async_insert = '0', async_insert = 1 FORMAT Native" in made
