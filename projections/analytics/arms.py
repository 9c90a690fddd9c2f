"""An experiment's arm of each session as ClickHouse computes it: the function of `processors.assignment`, in SQL."""

from __future__ import annotations

from typing import Final

from processors.assignment import EVERY, upper_bounds
from schemas.events import ExperimentChanged
from schemas.identity import SEPARATOR

QUERY_SIZE: Final = {"max_query_size": 16 * 1024 * 1024}
"""Settings for a query that holds an expression with thousands of excluded sessions."""


def fraction_sql(salt: str, tenant: str, session: str = "session_id") -> str:
    """Where a session lies in [0, 1). `session`: the column, or an expression."""
    name = f"concat({quoted(f'{salt}{SEPARATOR}{tenant}{SEPARATOR}')}, {session})"
    return f"bitShiftRight(reinterpretAsUInt64(reverse(substring(MD5({name}), 1, 8))), 11) / 9007199254740992"


def arm_sql(started: ExperimentChanged, session: str = "session_id") -> str:
    """The name of a session's arm; empty where it takes no part."""
    fraction = fraction_sql(started.salt, started.meta.tenant_id, session)
    bounds = upper_bounds([arm.weight for arm in started.arms])
    *others, last = zip(started.arms, bounds, strict=True)
    cases = [f"{fraction} < {bound!r}, {quoted(arm.name)}" for arm, bound in others]
    chosen = ", ".join([*cases, quoted(last[0].name)])
    if not started.excluded:
        return f"multiIf({chosen})"
    return f"multiIf({_excluded_sql(started.excluded, session)}, '', {chosen})"


def quoted(text: str) -> str:
    """A string of ClickHouse's SQL."""
    plain = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + plain.replace(SEPARATOR, "\\x1f") + "'"


def _excluded_sql(excluded: tuple[str, ...], session: str) -> str:
    names = ", ".join(quoted(n) for n in excluded if not n.endswith(EVERY))
    parts = [f"{session} IN ({names})"] if names else []
    parts += [f"startsWith({session}, {quoted(n.removesuffix(EVERY))})" for n in excluded if n.endswith(EVERY)]
    return " OR ".join(parts)
