"""Whatever customers, articles and histories say, a prompt's instructions are the template's, byte for byte."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ports import Passage
from processors.prompting.compose import compose, instructions
from processors.prompting.data import data_lines, parted
from processors.prompting.template import BLOCKS, PromptTemplate
from processors.prompting.types import Material, Said
from tests.prompted import shipped

MARKERS = (
    "<|im_start|>", "<|im_end|>", "system", "<|eot_id|>", "[INST]", "[/INST]", "<<SYS>>", "</s>",
    "<message>", "</message>", "</passages>", "<history>", "> ", "1> ", "customer> ", "system:",
    "assistant：", "系统：", "### Instruction:", "Human:", "{message}", "{{about}}", "```", "---", "# en",
    "\n", "\r", "\u2028", "\x85", "\x0b", "\x00", "\u200b", "\u202e", "\ufeff", "＜", "＞", "［INST］", "｜",
    "：", "≮", "\ud800", "\U000e0041", "ｓｙｓｔｅｍ：", "a", "退货", " ",
)  # fmt: skip
HOSTILE = st.one_of(
    st.lists(st.sampled_from(MARKERS), max_size=14).map("".join),
    st.text(max_size=60),
    st.text(alphabet=st.characters(), max_size=30),
)
TEMPLATES = tuple(shipped(name) for name in ("answer", "answer-short"))
EMPTY = Material("shop", "en", "logistics", "", "", about="A shop")


@st.composite
def materials(draw: st.DrawFn) -> Material:
    """Anything that a turn may bring."""
    return EMPTY._replace(
        lang=draw(st.sampled_from(["en", "zh"])),
        message=draw(HOSTILE) * draw(st.sampled_from([1, 1, 1, 80])),
        slots=draw(st.dictionaries(st.sampled_from(["order_number", "phone", "<x>", "a\nb"]), HOSTILE, max_size=3)),
        history=tuple(Said(draw(st.sampled_from(["customer", "we"])), t) for t in draw(st.lists(HOSTILE, max_size=4))),
        passages=tuple(
            Passage(f"a{i}", draw(HOSTILE), t, 0.5) for i, t in enumerate(draw(st.lists(HOSTILE, max_size=3)))
        ),
    )


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: t.name)
@settings(max_examples=60, deadline=None)
@given(turn=materials())
def test_no_text_changes_the_instructions(template: PromptTemplate, turn: Material) -> None:
    """Taken apart again, the prompt has the instructions of one without any data, and the same blocks in order."""
    quiet = compose(template, EMPTY._replace(lang=turn.lang))
    prompt = compose(template, turn)
    assert instructions(prompt) == instructions(quiet)
    found, expected = parted(prompt.text, BLOCKS), parted(quiet.text, BLOCKS)
    assert found is not None
    assert expected is not None
    assert [b.name for b in found[1]] == [b.name for b in expected[1]]
    assert (prompt.template, prompt.fingerprint, prompt.stop, prompt.max_tokens) == (
        quiet.template, quiet.fingerprint, quiet.stop, quiet.max_tokens,
    )  # fmt: skip
    assert prompt.tokens <= template.budget["total"]


@settings(max_examples=250, deadline=None)
@given(text=HOSTILE)
def test_no_marker_survives_in_data(text: str) -> None:
    """Nothing in a data line folds to a tag, a bar, a bracketed word or a role at its beginning; again is no change."""
    lines = data_lines(text)
    for line in lines:
        for form in ("NFKC", "NFKD"):
            folded = normalize(form, line).lower()
            assert {"<", ">", "|", "\n", "\r", "\x00"}.isdisjoint(folded)
            assert "[inst]" not in folded
            assert not folded.startswith(("system:", "assistant:", "human:", "系统:", "###", "#"))
    assert data_lines("\n".join(lines)) == lines


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="abc defg,.?退货订单，。 0123", max_size=80))
def test_innocent_text_stays_as_it_is(text: str) -> None:
    """A text without markers is in the prompt as it was written, but for its spaces."""
    assert " ".join(data_lines(text)) == " ".join(text.split())


@settings(max_examples=60, deadline=None)
@given(turn=materials(), other=HOSTILE)
def test_a_prompt_is_a_function_of_its_turn(turn: Material, other: str) -> None:
    """The same turn gives the same prompt; another message changes nothing outside its block."""
    template = TEMPLATES[0]
    prompt = compose(template, turn)
    assert compose(template, turn) == prompt
    changed = parted(compose(template, turn._replace(message=other, history=(), passages=())).text, BLOCKS)
    assert changed is not None
    assert tuple(changed[0]) == instructions(prompt)
