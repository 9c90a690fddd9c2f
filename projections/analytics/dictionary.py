"""The analysts' data dictionary, written from the comments of tables and columns: `docs/analytics.md`."""

from __future__ import annotations

from collections.abc import Iterable

from clickhouse_connect.driver.client import Client

from projections.analytics.questions import saved
from projections.analytics.schema import RUN_TABLES, TABLES

_HIDDEN = ("turn_parts", "migrations")
_PLAIN = {
    "LowCardinality(Nullable(String))": "Nullable(String)",
    "LowCardinality(String)": "String",
    "DateTime64(6, 'UTC')": "time",
}
_TOP = """# Analytics: the data dictionary

Written from the comments of the tables by `spillway ask --dictionary`; a test holds it against them.

Ask with `spillway ask "SELECT …"`, any ClickHouse client, or Grafana. The database is `spillway`. Times are UTC.

- **Begin with `turns`**: one row for each customer message and all that followed from it. It is a view that merges what
  has arrived, so that repeated events change nothing in it. Name the columns you need: each is merged when asked for.
- The tables of facts have one row for each event, with its place in the log. Repeats are merged in the background: read
  them with `FINAL`, or count `uniqExact(event_id)`.
- Rows of a replay have its `run_id`; the customers' own turns have `live`. Say which you mean: a replay has the turn
  ids of the turns that it replays. `runs` lists the replays; `spillway runs delete RUN` removes all rows of one.

## Who may read

The local stack asks for no password. In production analysts have a user of their own that cannot write, named in
`SPILLWAY_CLICKHOUSE_READONLY` for `spillway ask`, and a tenant's own people see that tenant alone:

```sql
CREATE ROLE spillway_analyst SETTINGS readonly = 2, max_execution_time = 60, max_memory_usage = 4000000000;
GRANT SELECT ON spillway.* TO spillway_analyst;
CREATE USER analyst IDENTIFIED BY '…' DEFAULT ROLE spillway_analyst;
CREATE ROW POLICY one_tenant ON spillway.* USING tenant_id = 'bank' AS RESTRICTIVE TO analyst_of_bank;
```
"""


def dictionary(client: Client) -> str:
    """The dictionary of the client's database, as Markdown."""
    found = client.query("SELECT name, comment FROM system.tables WHERE database = currentDatabase()").result_rows
    tables: dict[str, str] = dict(found)  # type: ignore[arg-type]
    columns = client.query(
        "SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase() ORDER BY position"
    ).result_rows
    by_table: dict[str, list[tuple[str, str, str]]] = {}
    for table, name, type_, comment in columns:
        by_table.setdefault(table, []).append((name, " ".join(type_.split()), comment))
    parts = [_TOP]
    for table in ("turns", *(t for t in (*TABLES, *RUN_TABLES) if t not in _HIDDEN)):
        parts.append(f"## {table}\n\n{tables[table]}\n\n{_table(by_table[table])}")
    parts.append("## Saved questions\n\n" + "\n".join(_questions()) + "\n")
    return "\n".join(parts)


def _table(columns: Iterable[tuple[str, str, str]]) -> str:
    rows = [f"| {name} | {_short(type_)} | {comment} |" for name, type_, comment in columns if name != "rank"]
    return "| column | type | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _short(type_: str) -> str:
    """A type without what only concerns its storage."""
    for stored, plain in _PLAIN.items():
        type_ = type_.replace(stored, plain)
    return f"`{type_}`"


def _questions() -> Iterable[str]:
    for found in saved().values():
        wants = "; ".join(
            f"`{p.name}`{'' if p.default is None else f' (`{p.default}`)' if p.default else ''}: {p.about}"
            for p in found.parameters
        )
        yield f"- `spillway ask {found.name}`: {found.about}" + (f" Parameters: {wants}." if wants else "")
