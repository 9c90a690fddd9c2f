"""What every judge holds: the scripted one, and one that a KServe v2 server runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import pytest

from infra.judging.blind import Pair, judged
from infra.judging.opening import opened_judges
from infra.local.errors import StackError
from streams.models.judge import INPUTS, Asked, Judge, Opinion, ServedJudge
from streams.models.runner import CannotRun
from streams.models.triton import Triton
from streams.testing.judges import ScriptedJudge, longer
from streams.testing.triton import FakeTriton, TextModel

ITEMS = [
    Asked("where is my order?", "customer: hi\nbot: hello", "On its way.", "It is on its way, and comes on Friday."),
    Asked("我的订单到哪了", "", "您的订单已发出，周五到达。", "已发出"),
    Asked("hm", "", "same", "size"),
    *(Asked(f"question {n}", "", "x" * n, "y" * (70 - n)) for n in range(70)),
    Asked("😡\x00\ud800", "h" * 100_000, "好" * 10_000, ""),
]
EXPECTED = [longer(item.first, item.second) for item in ITEMS]


def by_length(given: Mapping[str, Sequence[str]]) -> list[str]:
    pairs = zip(given["first"], given["second"], strict=True)
    return [
        json.dumps({"better": longer(*pair), "confidence": 0.9, "why": "它更长"}, ensure_ascii=False) for pair in pairs
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeTriton]:
    """A server with judges that have a column of texts or a row, say words alone or nonsense, or are something else."""
    models = {
        "columns": TextModel(INPUTS, "verdict", by_length),
        "rows": TextModel(INPUTS, "verdict", by_length, columns=False),
        "nonsense": TextModel(INPUTS, "verdict", lambda given: ["I cannot say"] * len(given["first"])),
        "summary": TextModel(("text",), "summary", lambda given: given["text"]),
    }
    with FakeTriton(texts=models) as running:
        yield running


@pytest.fixture(params=["scripted", "columns", "rows"])
def judge(request: pytest.FixtureRequest, server: FakeTriton) -> Iterator[Judge]:
    """The same judge in each form."""
    if request.param == "scripted":
        yield ScriptedJudge(longer)
        return
    with opened_judges([f"grpc://{server.url}/{request.param}"]) as (opened,):
        yield opened


def test_each_question_gets_its_opinion_in_order(judge: Judge) -> None:
    """More of them than fit into one request, in any language, of any length."""
    opinions = judge.judge(ITEMS)
    assert [o.better if o is not None else None for o in opinions] == EXPECTED
    assert all(o is not None and o.confidence == 0.9 and o.why for o in opinions)
    assert judge.judge([]) in ([], ())


def test_a_judge_has_a_name_and_a_fingerprint_that_stays(judge: Judge) -> None:
    """A report says who judged."""
    assert judge.name
    assert judge.fingerprint.startswith(judge.name)


def test_a_judge_answers_what_blind_asking_asks(judge: Judge) -> None:
    """B's replies are the longer ones."""
    pairs = [Pair(f"t{n}", "q", "", "short", "much longer") for n in range(5)]
    assert judged(judge, pairs, seed=1).scores.tolist() == [1.0] * 5


def test_a_judge_that_says_nonsense_has_no_opinion(server: FakeTriton) -> None:
    """It is not taken for a tie."""
    with Triton(server.url) as triton:
        assert ServedJudge(triton, "nonsense").judge(ITEMS[:2]) == [None, None]


def test_a_judges_fingerprint_tells_it_from_another(server: FakeTriton) -> None:
    """Asked twice it is the same."""
    with Triton(server.url) as triton:
        names = ("rows", "rows", "columns")
        one, again, other = (ServedJudge(triton, name).fingerprint for name in names)
    assert one == again != other


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("grpc://{url}/absent", "does not serve the model absent"),
        ("grpc://{url}/summary", "has no question, history, first, second, verdict"),
        ("grpc://127.0.0.1:1/rows", "does not answer"),
        ("http://{url}/rows", "write grpc://HOST:PORT/MODEL"),
        ("{url}", "write grpc://HOST:PORT/MODEL"),
    ],
)
def test_what_is_no_judge_is_refused_before_anything_is_asked(server: FakeTriton, address: str, said: str) -> None:
    """The message says what it lacks."""
    with (
        pytest.raises(StackError, match=r"is no judge|cannot be asked") as refused,
        opened_judges([address.format(url=server.url)]),
    ):
        pass
    assert said in str(refused.value)


def test_a_judge_that_goes_away_is_said_so(server: FakeTriton) -> None:
    """Nothing is made up in its place."""
    with FakeTriton(texts={"gone": TextModel(INPUTS, "verdict", by_length)}) as running, Triton(running.url) as triton:
        judge = ServedJudge(triton, "gone")
        assert judge.judge(ITEMS[:1]) == [Opinion("second", 0.9, "它更长")]
        running.withdraw("gone")
        with pytest.raises(CannotRun, match="gone"):
            judge.judge(ITEMS[:1])
