"""The flow as a Mermaid picture, drawn from the topology and the catalogue: `spillway topics --picture`."""

from __future__ import annotations

from typing import Final

from schemas.catalogue import CATALOGUE, CONTROL, DEAD_LETTERS, MESSAGES, PARTIALS, REPLIES, ROUTES
from streams.topology import PROJECTIONS, STAGES

STORES: Final = {"session_state": "PostgreSQL", "analytics": "ClickHouse"}
EDGES: Final = (
    ("channels", MESSAGES),
    (ROUTES, "desk"),
    ("desk", REPLIES),
    (REPLIES, "channels"),
    (PARTIALS, "channels"),
)


def _node(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def mermaid() -> str:
    """The text of the picture. Control, and the dead letters of each stage, are said beside it, not drawn."""
    lines = ["flowchart LR"]
    lines += ['  channels(["channel adapters<br/>and the gateway"])', '  desk(["the human desk"])']
    drawn = [t.name for t in CATALOGUE if t.name not in (CONTROL, DEAD_LETTERS)]
    lines += [f'  {_node(name)}[["{name}"]]' for name in drawn]
    lines += [f'  {_node(s.name)}["<b>{s.name}</b><br/>{s.about}"]' for s in STAGES]
    lines += [f'  {_node(name)}[("{name}<br/>{STORES[name]}")]' for name in PROJECTIONS]
    lines += [f"  {_node(a)} --> {_node(b)}" for a, b in EDGES]
    for stage in STAGES:
        lines += [f"  {_node(topic)} --> {_node(stage.name)}" for topic in stage.reads]
        lines += [f"  {_node(stage.name)} --> {_node(topic)}" for topic in stage.writes]
        lines += [f"  {_node(topic)} -. recovers .-> {_node(stage.name)}" for topic in stage.changelog]
    for name, topics in PROJECTIONS.items():
        lines += [f"  {_node(topic)} -.-> {_node(name)}" for topic in topics if topic in drawn]
    return "\n".join(lines) + "\n"
