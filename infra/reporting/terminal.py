"""Tables on the terminal, as every report has them."""

from __future__ import annotations

from rich.table import Table


def terminal_table(title: str, *columns: str, left: int = 1) -> Table:
    """A table without rows yet; its first `left` columns are words, the others figures."""
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(columns):
        table.add_column(name, justify="left" if i < left else "right", overflow="fold")
    return table
