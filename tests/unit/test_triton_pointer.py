"""The neural generator of the model `small`: what it reads of a prompt, and what its answers are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.training.generation_lessons import PHRASES
from tests.triton_files import REPOSITORY, model_modules

LARGEST = 20 << 20
PROMPT = """<passages>
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
"""
CHINESE = """<passages>
1> 退款
1> 退款需要五个工作日。钱退回原来的卡。
2> 配送
2> 包裹两天送到。大件家具要两周。
</passages>
<message>
> {message}
</message>
"""
SENTENCES = {
    "Refunds take five working days. [1]",
    "The money goes back to the card that paid. [1]",
    "A parcel arrives within two days. [2]",
    "Large furniture takes two weeks. [2]",
}


@pytest.fixture(scope="module")
def model() -> Iterator[dict[str, ModuleType]]:
    with model_modules("small") as modules:
        yield modules


@pytest.fixture(scope="module")
def pointer(model: dict[str, ModuleType]) -> Any:
    """The generator as it ships."""
    return model["pointer"].Pointer()


def said(pointer: Any, prompt: str) -> str:
    return "".join(pointer.pieces(prompt))


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("how long does a refund take", "Refunds take five working days. [1]"),
        ("when will my parcel come?", "A parcel arrives within two days. [2]"),
        ("how long for a sofa, it is large furniture", "Large furniture takes two weeks. [2]"),
    ],
)
def test_an_answer_is_a_sentence_of_the_passage_that_answers_with_its_mark(
    pointer: Any, message: str, answer: str
) -> None:
    """The question chooses it, also by other words than the article's."""
    assert said(pointer, PROMPT.format(message=message)) == answer


@pytest.mark.parametrize(
    ("message", "answer"), [("退款要多久？", "退款需要五个工作日。[1]"), ("包裹几天到", "包裹两天送到。[2]")]
)
def test_a_chinese_question_is_answered_in_chinese(pointer: Any, message: str, answer: str) -> None:
    """From the articles in its language, with no space before the mark."""
    assert said(pointer, CHINESE.format(message=message)) == answer


def test_what_no_passage_says_is_not_answered(pointer: Any) -> None:
    """It says so, in the customer's language."""
    assert said(pointer, PROMPT.format(message="Do you like opera music?")) == PHRASES["en"]["nothing"]
    assert said(pointer, "<message>\n> 你会唱歌吗？\n</message>") == PHRASES["zh"]["nothing"]


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_an_answer_in_the_passages_words_or_its_own(pointer: Any, text: str) -> None:
    """No prompt is too odd; the answer ends; every position of a passage is said once at most."""
    prompt = f"<passages>\n1> t\n1> {text}\n</passages>\n<message>\n> {text}\n</message>"
    pieces = list(pointer.pieces(prompt))
    assert all(pieces)
    longest = max(len(phrase) for phrases in PHRASES.values() for phrase in phrases.values())
    assert len("".join(pieces)) <= len(text) + 8 * (text.count("\n") + len(text)) + 4 * longest


def test_the_same_prompt_has_the_same_answer(pointer: Any) -> None:
    """Whatever was answered between."""
    first, other = PROMPT.format(message="how long does a refund take"), CHINESE.format(message="退款要多久？")
    assert said(pointer, first) == (said(pointer, other) and said(pointer, first))


def test_a_token_is_a_word_with_what_is_written_to_it_or_a_chinese_character(
    model: dict[str, ModuleType], pointer: Any
) -> None:
    """As the generator that quotes counts them, so that limits and speeds mean the same."""
    for prompt in (PROMPT.format(message="how long does a refund take"), CHINESE.format(message="退款要多久？")):
        pieces = list(pointer.pieces(prompt))
        assert [p for p in pieces if p] == model["words"].pieces_of("".join(pieces))


def test_what_is_said_stands_in_the_passages_as_it_is_written(model: dict[str, ModuleType], pointer: Any) -> None:
    """Capitals, figures, quotation marks, addresses and words of no vocabulary are copied, not spelt anew."""
    odd = 'Refunds of €3.50 take 5–7 days; see "My Orders > Réfund" or write to Zqxj_7@mail.example.'
    prompt = f"<passages>\n1> Refunds\n1> {odd}\n</passages>\n<message>\n> how long does a refund take\n</message>"
    assert said(pointer, prompt) == f"{odd} [1]"


def test_long_sentences_go_on_over_rows_and_long_prompts_are_cut(model: dict[str, ModuleType], pointer: Any) -> None:
    """A row holds so many words; the next one takes up the sentence."""
    reading = model["reading"]
    long = " ".join(f"word{n}" for n in range(120)) + "."
    prompt = f"<passages>\n1> T\n1> {long}\n</passages>\n<message>\n> word7 word8\n</message>"
    read = reading.read(prompt, reading.Vocabulary(["", "", "", "word"]))
    assert read.inputs["ids"].shape[1] == reading.UNIT
    position, text = read.sentences[0][1], ""
    while position >= 0:
        text, position = text + read.surface[position], read.following[position]
    assert text == f"{long} [1]"
    huge = f"<passages>\n1> T\n1> {long * 200}\n</passages>\n<message>\n> word7\n</message>"
    assert len(reading.read(huge, reading.Vocabulary([""])).inputs["ids"]) == reading.MOST_UNITS


def test_the_files_are_small(model: dict[str, ModuleType]) -> None:
    """20 MB at most, each."""
    folder: Path = REPOSITORY / "small" / "1"
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    assert {"reader.onnx", "speaker.onnx", "vocabulary.txt", "own.json", "about.json"} <= set(sizes)
    assert max(sizes.values()) <= LARGEST
