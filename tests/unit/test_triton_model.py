"""The model `small` of the local Triton: how it reads a request, where it ends an answer, what its answers are made of.

Its contract with the real server is in tests/integration/test_triton.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.ports import Passage
from processors.prompting.compose import compose
from processors.prompting.template import Prompts, check_prompts
from processors.prompting.types import Material, Said
from tests.triton_files import REPOSITORY, content_hash, model_modules, parameters

PROMPT = """You answer customers of a shop. Cite what you use as [1].
<passages>
1> Refunds
1> Refunds take five working days. The money goes back to the card that paid.
2> Delivery
2> A parcel arrives within two days. Large furniture takes two weeks.
</passages>
<history>
customer> hello
</history>
<message>
> {message}
</message>
Reply:
"""
CHINESE = """<passages>
1> 退款
1> 退款需要五个工作日。钱退回原来的卡。
2> 配送
2> 包裹两天送到。
</passages>
<message>
> 退款要多久？
</message>
"""


@pytest.fixture(scope="module")
def model() -> Iterator[dict[str, ModuleType]]:
    with model_modules("small") as modules:
        yield modules


def asked(model: dict[str, ModuleType], parameters: str = "{}", **inputs: Any) -> Any:
    values = {"text_input": b"a prompt", **inputs}
    return model["asked"].Asked.of(values.get, parameters)


def test_an_answer_is_a_sentence_of_the_passage_that_fits_with_its_mark(model: dict[str, ModuleType]) -> None:
    """The question chooses the sentences; each is followed by the number of its passage."""
    answer = model["extractive"].answer
    assert answer(PROMPT.format(message="How many days does a refund take?")) == "Refunds take five working days. [1]"
    assert answer(PROMPT.format(message="when will my large furniture come")).endswith("furniture takes two weeks. [2]")
    assert answer(CHINESE).startswith("退款需要五个工作日。[1]")


def test_prompts_are_read_as_the_shipped_templates_write_them(model: dict[str, ModuleType]) -> None:
    """For every template that comes with Spillway, in both languages, the passages are found, and their titles are
    none of their sentences; the history is not what is asked."""
    files = {path.name: path.read_text(encoding="utf-8") for path in (REPOSITORY.parents[1] / "prompts").glob("*.md")}
    prompts = check_prompts("shop", {}, files)
    assert isinstance(prompts, Prompts)
    english = (
        Passage("delivery", "Delivery", "A parcel arrives within two days.", 0.9),
        Passage("refunds", "Refunds", "The refund takes five working days.", 0.5),
    )
    chinese = (
        Passage("delivery", "配送", "包裹两天送到。", 0.9),
        Passage("refunds", "退款", "退款需要五个工作日。", 0.5),
    )
    for name in prompts:
        template = prompts.get(name)
        assert template is not None
        for lang, passages, message, answer in [
            ("en", english, "how long does the refund take", "The refund takes five working days. [2]"),
            ("zh", chinese, "退款要多久", "退款需要五个工作日。[2]"),
        ]:
            history = (Said("customer", "parcel 包裹"), Said("we", "two days 两天"))
            given = Material("shop", lang, "refunds", "ask", message, {}, history, passages)
            assert model["extractive"].answer(compose(template, given).text) == answer


def test_what_no_passage_says_is_not_answered(model: dict[str, ModuleType]) -> None:
    """Without a passage that fits, the answer says so, in the customer's language."""
    extractive = model["extractive"]
    assert extractive.answer(PROMPT.format(message="Do you like opera?")) == extractive.NOTHING["en"]
    assert extractive.answer("<message>\n> 你会唱歌吗？\n</message>") == extractive.NOTHING["zh"]
    assert extractive.answer("") == extractive.NOTHING["en"]


@given(st.text(max_size=300))
def test_any_text_has_an_answer_and_comes_in_pieces_that_make_it_whole(
    model: dict[str, ModuleType], text: str
) -> None:
    """No prompt is too odd; the pieces joined are the text."""
    answer = model["extractive"].answer
    assert answer(text)
    assert answer(f"<passages>\n1> t\n1> {text}\n</passages>\n<message>\n> {text}\n</message>")
    assert "".join(model["words"].pieces_of(text)) == text


def test_a_request_is_read_as_the_vllm_backend_reads_it(model: dict[str, ModuleType]) -> None:
    """Not streaming, the prompt comes first unless excluded; a streaming request cannot have it; vLLM's defaults."""
    assert asked(model).prepend
    assert asked(model).max_tokens == 16
    assert not asked(model, exclude_input_in_output=np.True_).prepend
    assert not asked(model, stream=np.True_).prepend
    assert asked(model, '{"max_tokens": 3}').max_tokens == 3
    both = asked(model, '{"max_tokens": 3}', sampling_parameters=b'{"max_tokens": "5", "stop": "x", "top_p": 1}')
    assert (both.max_tokens, both.stop) == (5, ("x",))


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"stream": np.True_, "exclude_input_in_output": np.False_}, "exclude_input_in_output"),
        ({"text_input": b"\xff"}, "text_input is not UTF-8"),
        ({"sampling_parameters": b"{"}, "not JSON"),
        ({"sampling_parameters": b'{"max_tokens": 1e999}'}, "whole number"),
        ({"sampling_parameters": b"[]"}, "not a JSON object"),
        ({"sampling_parameters": b'{"max_tokens": 0}'}, "at least 1, got 0"),
        ({"sampling_parameters": b'{"max_tokens": "many"}'}, "whole number, not 'many'"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(
    model: dict[str, ModuleType], inputs: dict[str, Any], why: str
) -> None:
    """What the vLLM backend would refuse is refused, and said."""
    with pytest.raises(model["asked"].Refused, match=why):
        asked(model, **inputs)


def test_an_answer_ends_at_a_stop_text_even_across_pieces_or_at_its_limit(model: dict[str, ModuleType]) -> None:
    """A stop text is not part of the answer, and never is a part of it sent; the last piece says why it is the last."""

    def limited(sampling: bytes, *pieces: str) -> tuple[str, str, int]:
        made = list(asked(model, sampling_parameters=sampling).limited(pieces))
        assert [piece.reason for piece in made[:-1]] == ["None"] * (len(made) - 1)
        return "".join(piece.text for piece in made), made[-1].reason, sum(piece.tokens for piece in made)

    assert limited(b"{}", "one", " two") == ("one two", "stop", 2)
    assert limited(b'{"max_tokens": 2}', "one", " two", " three") == ("one two", "length", 2)
    assert limited(b'{"stop": ["END"]}', "one E", "N", "D two") == ("one ", "stop", 3)
    assert limited(b'{"stop": ["END"]}', "one E", "N") == ("one EN", "stop", 2)


def test_parameters_are_checked(model: dict[str, ModuleType]) -> None:
    """A parameter that does not exist, or has a value out of its range, is named with what there is."""
    knobs = model["knobs"].Knobs
    assert knobs.of({"token_ms": "40"}).token_s == 0.04
    for wrong, why in [
        ({"tokenms": "4"}, "no such parameter: tokenms; there are token_ms"),
        ({"token_ms": "-1"}, "parameter token_ms"),
        ({"error_share": "1.5"}, "from 0 to 1"),
        ({"slots": "0"}, "slots: must be at least 1"),
        ({"threads": "0"}, "threads: must be at least 1"),
        ({"load": "slowly"}, "must be one of works, out of memory"),
    ]:
        with pytest.raises(ValueError, match=why):
            knobs.of(wrong)


def test_faults_come_in_the_share_that_was_asked_for_and_the_same_again(model: dict[str, ModuleType]) -> None:
    """The seed decides which requests fail; half of them do where half is asked for; none without."""
    knobs = model["knobs"].Knobs
    half = knobs.of({"error_share": "0.5", "wrong_shape_share": "0.1", "seed": "7"})
    drawn = [next(faults) for faults in [half.faults()] for _ in range(1000)]
    assert drawn == [next(faults) for faults in [half.faults()] for _ in range(1000)]
    assert 450 < drawn.count("error") < 550
    assert 60 < drawn.count("shape") < 140
    healthy = knobs.of({}).faults()
    assert {next(healthy) for _ in range(100)} == {""}
    with pytest.raises(model["knobs"].OutOfMemory):
        knobs.of({"load": "out of memory"}).load()


@pytest.mark.parametrize("name", ["small", "vllm"])
def test_a_models_configuration_names_the_hash_of_its_files(name: str) -> None:
    """A reply's fingerprint covers the model's files: its configuration, which every client reads, has their hash."""
    model = REPOSITORY / name
    assert parameters(model)["sha256"] == content_hash(model), f"write this hash into {model}/config.pbtxt"
    assert (model / "README.md").exists()
