"""Who was in which arm, and whether the facts are that arm's: read from ClickHouse, a row a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.comparing.arms import uneven
from projections.analytics.arms import QUERY_SIZE, arm_sql, quoted
from schemas.events import LIVE
from schemas.validation import MAX_PAST
from streams.experiments import Arm, Experiment

PARTS: Final = ("policy", "intent", "sentiment")
"""What an arm can change, and the facts show."""


class SessionRow(NamedTuple):
    """A session of the experiment. Times: microseconds UTC of the log.

    key: the session's in the columns of `infra.comparing`. under_way: a dialogue of it began before the experiment did,
    so that it changed sides in the middle. strayed: turns that were made by what is not its arm's; strayed_by: in the
    order of PARTS.
    """

    session: str
    key: int
    arm: str
    first: int
    turns: int
    under_way: bool
    strayed: int
    strayed_by: tuple[int, ...]


@dataclass(frozen=True)
class ArmExposure:
    """One arm's sessions and turns. `share`: of the sessions, as planned. `strayed`: turns, by part that is not its."""

    arm: str
    share: float
    sessions: int
    turns: int
    strayed: int
    strayed_by: tuple[tuple[str, int], ...]

    @property
    def contamination(self) -> float:
        """The share of its turns that were made by what is not this arm's."""
        return self.strayed / self.turns if self.turns else 0.0


@dataclass(frozen=True)
class Exposure:
    """What the experiment has come to.

    under_way, excluded: sessions that are not compared. mismatch: the probability of a split at least so uneven if
    sessions were dealt as planned (chi-square); None while there are too few to say.
    """

    arms: tuple[ArmExposure, ...]
    under_way: int
    excluded: int
    mismatch: float | None

    @property
    def sessions(self) -> int:
        return sum(arm.sessions for arm in self.arms)


def rows_of(client: Client, experiment: Experiment) -> list[SessionRow]:
    """Every session with a message in the experiment's time, in the order of their first; arm "": excluded."""
    found = client.query(
        _sql(experiment),
        parameters={
            "tenant": experiment.tenant,
            "run": LIVE,
            "since": experiment.since,
            "until": experiment.until,
            "earliest": max(0, (experiment.since - MAX_PAST) // 1_000_000),
        },
        settings=QUERY_SIZE,
    )
    return [
        SessionRow(session, key, arm, first, turns, bool(under_way), strayed, tuple(by_part))
        for session, key, arm, first, turns, under_way, strayed, *by_part in found.result_rows
    ]


def compared(rows: Sequence[SessionRow], planned: int) -> list[SessionRow]:
    """The sessions that count: the first `planned` of those that take part and were not under way."""
    return [row for row in rows if row.arm and not row.under_way][:planned]


def exposure(experiment: Experiment, rows: Sequence[SessionRow]) -> Exposure:
    """The arms' sessions and turns. All that take part are counted, whether planned or beyond."""
    taking_part = [row for row in rows if row.arm and not row.under_way]
    weights = [arm.weight for arm in experiment.started.arms]
    arms = tuple(
        _arm(arm, weight / sum(weights), [row for row in taking_part if row.arm == arm.name])
        for arm, weight in zip(experiment.arms, weights, strict=True)
    )
    return Exposure(
        arms,
        sum(1 for row in rows if row.arm and row.under_way),
        sum(1 for row in rows if not row.arm),
        _mismatch([arm.sessions for arm in arms], [arm.share for arm in arms]),
    )


def _arm(arm: Arm, share: float, rows: Sequence[SessionRow]) -> ArmExposure:
    by_part = tuple((part, sum(row.strayed_by[n] for row in rows)) for n, part in enumerate(PARTS))
    turns, strayed = sum(row.turns for row in rows), sum(row.strayed for row in rows)
    return ArmExposure(arm.name, share, len(rows), turns, strayed, tuple((p, n) for p, n in by_part if n))


def _mismatch(sessions: Sequence[int], shares: Sequence[float]) -> float | None:
    """Chi-square needs five expected in every cell."""
    expected = [sum(sessions) * share for share in shares]
    return uneven(sessions, shares) if min(expected) >= 5 else None


def _sql(experiment: Experiment) -> str:
    strayed = {part: _strayed(experiment, part) for part in PARTS}
    flags = ",\n        ".join(f"{expression} AS strayed_{part}" for part, expression in strayed.items())
    sums = ", ".join(f"sum(strayed_{part})" for part in PARTS)
    any_ = " OR ".join(f"strayed_{part}" for part in PARTS)
    facts = "WHERE tenant_id = {tenant:String} AND run_id = {run:String} AND turn_started_at >= {earliest:UInt32}"
    return f"""
SELECT
    session_id, any(cityHash64({{tenant:String}}, session_id)), any(arm), min(taken_at) AS first, count(),
    max(under_way), countIf({any_}), {sums}
FROM (
    SELECT m.session_id AS session_id, {arm_sql(experiment.started, "m.session_id")} AS arm, m.taken_at AS taken_at,
        r.episode_started_at > 0 AND r.episode_started_at < {{since:Int64}} AS under_way,
        {flags}
    FROM (
        SELECT session_id, turn_id, toUnixTimestamp64Micro(appended_at) AS taken_at FROM messages FINAL {facts}
        AND taken_at >= {{since:Int64}} AND taken_at < {{until:Int64}}
    ) AS m
    LEFT ANY JOIN (
        SELECT turn_id, concat(policy, char(31), knowledge) AS made, state.episode_started_at AS episode_started_at
        FROM routes FINAL {facts}
    ) AS r ON r.turn_id = m.turn_id
    LEFT ANY JOIN (
        SELECT turn_id, toString(fingerprint) AS made FROM intents FINAL {facts}
    ) AS i ON i.turn_id = m.turn_id
    LEFT ANY JOIN (
        SELECT turn_id, toString(fingerprint) AS made FROM sentiments FINAL {facts}
    ) AS s ON s.turn_id = m.turn_id
)
GROUP BY session_id
ORDER BY first, session_id
"""


def _strayed(experiment: Experiment, part: str) -> str:
    """Whether a turn's part was made by what is not its arm's: of an arm that changes it, by anything else; of one that
    leaves it as it is live, by what another arm has. A part that was not made strays nowhere."""
    own = {arm.name: made for arm in experiment.arms if (made := _made(arm, part))}
    if not own:
        return "0"
    column = {"policy": "r.made", "intent": "i.made", "sentiment": "s.made"}[part]
    names, fingerprints = ", ".join(map(quoted, own)), ", ".join(map(quoted, own.values()))
    wanted = f"transform(arm, [{names}], [{fingerprints}], '')"
    return (
        f"arm != '' AND {column} != '' AND "
        f"if(arm IN ({names}), {column} != {wanted}, {column} IN ({fingerprints}))"
    )


def _made(arm: Arm, part: str) -> str:
    """What the facts of an arm's sessions name; empty where it is what is live."""
    if part == "policy":
        policy = arm.policy
        return "" if policy is None else f"{policy.policy_fingerprint}\x1f{policy.knowledge_fingerprint}"
    return arm.models[part].fingerprint if part in arm.models else ""
