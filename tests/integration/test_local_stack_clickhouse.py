"""The embedded ClickHouse endpoint, used as a client of a real server would use it."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

pytestmark = pytest.mark.clickhouse

COLUMNS = ["id", "text", "score", "at", "tags", "maybe", "kind", "pairs"]
TABLE = """
CREATE TABLE all_types (
    id UInt64, text String, score Float64, at DateTime64(6, 'UTC'), tags Array(String), maybe Nullable(Int32),
    kind LowCardinality(String), pairs Map(String, UInt32)
) ENGINE = MergeTree ORDER BY id
"""


@pytest.fixture
def client(clickhouse: str, fresh_clickhouse_database: str) -> Iterator[Client]:
    with clickhouse_connect.get_client(dsn=clickhouse, database=fresh_clickhouse_database) as client:
        yield client


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_ten_thousand_rows_of_every_kind_of_column_come_back(
    clickhouse: str, fresh_clickhouse_database: str, compress: bool | str
) -> None:
    """Rows inserted in ClickHouse's native format, compressed or not, are read back as they were."""
    at = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
    rows = [
        [n, f"第{n} row\n\t'\"\\", n / 7, at, [f"a{n}", "b"], None if n % 3 else n, f"k{n % 5}", {"x": n % 9}]
        for n in range(10_000)
    ]
    with clickhouse_connect.get_client(
        dsn=clickhouse, database=fresh_clickhouse_database, compress=compress
    ) as client:
        client.command(TABLE)
        summary = client.insert("all_types", rows, column_names=COLUMNS)
        read = client.query(f"SELECT {', '.join(COLUMNS)} FROM all_types ORDER BY id").result_rows
    assert summary.written_rows == 10_000
    # The client gives times in UTC without a zone.
    assert [list(row) for row in read] == [[*row[:3], at.replace(tzinfo=None), *row[4:]] for row in rows]


def test_parameters_and_settings_reach_the_engine(client: Client) -> None:
    """Bound parameters keep their type, and a setting holds for its own query alone."""
    answer = client.query(
        "SELECT {n:UInt32} + 1, {s:String}, getSetting('max_block_size')",
        parameters={"n": 41, "s": "it's"},
        settings={"max_block_size": 777},
    )
    assert answer.result_rows == [(42, "it's", 777)]
    assert client.query("SELECT getSetting('max_block_size')").result_rows[0][0] != 777


def test_parameters_too_long_for_an_address_reach_the_engine(client: Client) -> None:
    """clickhouse-connect sends long parameters as a form; they arrive whole, Chinese included."""
    values = [f"值 {n} {'x' * 40}" for n in range(500)]
    result = client.query("SELECT length({v:Array(String)}), {v:Array(String)}[500]", parameters={"v": values})
    assert result.result_rows[0] == (500, values[499])


def test_an_error_has_clickhouses_text_and_code(client: Client, clickhouse: str) -> None:
    """A failing query answers with ClickHouse's own message, its code in the header, and an HTTP error status."""
    with pytest.raises(DatabaseError, match=r"Code: 60\. DB::Exception: .*UNKNOWN_TABLE"):
        client.query("SELECT * FROM no_such_table")
    answer = httpx.post(clickhouse, content="SELECT * FROM no_such_table")
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "60")
    assert httpx.post(clickhouse, content="SELEC 1").status_code == 400
    assert httpx.post(clickhouse, content="SELECT throwIf(1)").status_code == 500


def test_queries_run_side_by_side(client: Client, clickhouse: str) -> None:
    """A quick query is answered while a slow one still runs."""

    def slow() -> float:
        httpx.post(clickhouse, content="SELECT sleep(2)", timeout=10)
        return time.monotonic()

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(slow)
        answered = [httpx.post(clickhouse, content="SELECT 1").text for _ in range(3)]
        quick = time.monotonic()
        assert quick < job.result()
    assert answered == ["1\n"] * 3


def test_curl_may_give_data_in_the_body_or_after_the_query(clickhouse: str, fresh_clickhouse_database: str) -> None:
    """An insert's data may follow its query, or be the body alone, plain or compressed."""
    table = f"{fresh_clickhouse_database}.t"
    rows = b'{"a": 1}\n{"a": 2}\n'
    insert = f"INSERT INTO {table} FORMAT JSONEachRow"
    packed = {"Content-Encoding": "gzip"}
    for answer in [
        httpx.post(clickhouse, content=f"CREATE TABLE {table} (a UInt32) ENGINE = MergeTree ORDER BY a"),
        httpx.post(clickhouse, content=f"{insert}\n".encode() + rows),
        httpx.post(clickhouse, params={"query": insert}, content=rows),
        httpx.post(clickhouse, params={"query": insert}, content=gzip.compress(rows), headers=packed),
        httpx.post(clickhouse, params={"query": insert}, content=iter([rows[:5], rows[5:]])),
        httpx.post(clickhouse, params={"query": f"INSERT INTO {table} VALUES"}, content="(7), (8)"),
        httpx.post(clickhouse, content=f"INSERT INTO {table} VALUES (9)"),
    ]:
        assert answer.status_code == 200, answer.text
    read = httpx.get(clickhouse, params={"query": f"SELECT groupArray(a) FROM (SELECT a FROM {table} ORDER BY a)"})
    assert read.text == "[1,1,1,1,2,2,2,2,7,8,9]\n"
    assert httpx.get(clickhouse, params={"query": "SELECT 1 AS x", "default_format": "JSONEachRow"}).text == '{"x":1}\n'


def test_a_bad_insert_leaves_no_row_and_a_clear_error(clickhouse: str, fresh_clickhouse_database: str) -> None:
    """Data that is not in the named format is refused as a whole."""
    table = f"{fresh_clickhouse_database}.t"
    httpx.post(clickhouse, content=f"CREATE TABLE {table} (a UInt32) ENGINE = MergeTree ORDER BY a")
    answer = httpx.post(
        clickhouse, params={"query": f"INSERT INTO {table} FORMAT JSONEachRow"}, content='{"a": 1}\n{"a": "x"}\n'
    )
    assert answer.status_code in (400, 500)
    assert "DB::Exception" in answer.text
    assert httpx.post(clickhouse, content=f"SELECT count() FROM {table}").text == "0\n"


def test_what_is_not_for_this_server_is_refused(clickhouse: str) -> None:
    """A page of another site, a writing GET, an unknown compression and an unknown path are each refused."""
    foreign = httpx.post(clickhouse, content="SELECT 1", headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403
    assert httpx.get(clickhouse, params={"query": "CREATE DATABASE x"}).status_code == 500
    strange = httpx.post(clickhouse, content="SELECT 1", headers={"Content-Encoding": "snappy"})
    assert strange.status_code == 415
    assert httpx.get(f"{clickhouse}/elsewhere").status_code == 404
    assert httpx.get(f"{clickhouse}/ping").text == "Ok.\n"
    assert httpx.get(f"{clickhouse}/replicas_status").text == "Ok.\n"


def test_two_processes_never_open_the_same_data(tmp_path: Path) -> None:
    """A second server on a path ends with a message instead of opening the data."""
    command = [sys.executable, "-m", "infra.local.clickhouse_server", "--path", str(tmp_path / "data"), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as first:
        try:
            deadline = time.monotonic() + 30
            while not (tmp_path / "data-bodies").exists():  # made once the data is the first one's
                assert time.monotonic() < deadline
                time.sleep(0.05)
            second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        finally:
            first.terminate()
    assert second.returncode == 1
    assert "another process holds the ClickHouse data" in second.stderr
