"""Whatever stands in a candidate file, it is read, or refused with every mistake at its line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.candidates.fields import FIELDS
from infra.candidates.gate import RuleRefused, parse_condition
from infra.candidates.model import Candidate, CandidateRefused
from infra.candidates.parse import parse_candidate
from infra.comparing.metrics import METRICS
from infra.models.store import ModelStore
from processors.policy import Problem

STORE = ModelStore(Path("nowhere"), Path("nowhere"))
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["intent-fast", "shop", "..", "/", "a/b", "x" * 300, "\x00", "no worse", "<= +10 %", "live", "😡"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)
GATES = st.dictionaries(st.one_of(st.sampled_from(sorted(METRICS)), WORDS), VALUES, max_size=3)
MODELS = st.dictionaries(st.sampled_from(["intent", "sentiment", "generation", "x"]), WORDS, max_size=3)
FILES = st.dictionaries(st.sampled_from([field.name for field in FIELDS] + ["x"]), VALUES, max_size=6).flatmap(
    lambda found: st.tuples(GATES, MODELS).map(
        lambda more: {"name": "one", **found, "gate": more[0], "models": more[1]}
    )
)


def read_or_refused(text: str) -> None:
    problems: tuple[Problem, ...] | None = None
    try:
        found = parse_candidate(text, "candidate.yaml", Path("nowhere"), STORE)
    except CandidateRefused as refused:
        problems = refused.problems
    else:
        assert Candidate.from_json(found.to_json()) == found
    assert problems != ()
    assert all(p.line >= 1 and p.problem and p.remedy for p in problems or ())


@settings(deadline=None, max_examples=100)
@given(FILES)
def test_any_fields_are_read_or_refused(content: dict[str, object]) -> None:
    """Of whatever shape their values are."""
    read_or_refused(yaml.safe_dump(content, allow_unicode=True))


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """YAML or not."""
    read_or_refused(text)


@given(st.sampled_from(sorted(METRICS)), st.text(alphabet="<>=≤≥+-−0123456789.% atmosleworbypintd", max_size=30))
def test_any_condition_is_a_rule_that_reads_back_or_refused(metric: str, text: str) -> None:
    """Nothing else is raised."""
    with suppress(RuleRefused):
        rule = parse_condition(metric, text)
        again = parse_condition(metric, rule.condition)
        assert (again.kind, again.relative) == (rule.kind, rule.relative)
