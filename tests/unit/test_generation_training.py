"""Training of the small generating model: its lessons, the two kinds of its arithmetic, its licences, its measure."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from infra.cli import train
from infra.training import generation_model as model
from infra.training.generation import stamp, write
from infra.training.generation_batches import ROW, ROWS, arrays, own_words
from infra.training.generation_check import Question, check
from infra.training.generation_facts import LANGS, a_noun, subjects, written
from infra.training.generation_graph import ArrayOps, reader_graph, speaker_graph
from infra.training.generation_lessons import Lesson, lessons
from infra.training.generation_questions import held_out
from infra.training.generation_serving import MODEL, serving
from infra.training.generation_sets import Corpus, Found, Talk, corpus
from infra.training.generation_words import WIDTH
from infra.training.refusal import TrainingRefused
from processors.ports import Passage
from processors.prompting.template import Prompts, PromptTemplate, check_prompts
from tests.triton_files import content_hash, parameters

NAMES = (
    *("<none>", "<unknown>", "<mark>", "refunds", "take", "five", "working", "days", ".", "how", "long", "does", "a"),
    *("##s", "退", "款", "几", "天", "退款"),
)


@pytest.fixture(scope="module")
def small_corpus() -> Corpus:
    """A little of every kind of text."""
    asked = {"en": {"refund_status": ["where is my money"]}, "zh": {"refund_status": ["钱呢"]}}
    document = Found("Guide", ("Open the box and take out the lamp.", "Press the switch for three seconds to start."))
    chinese = Found("介绍", ("这家酒店的评分是4.5分。", "门票价格是二十元一张。"))
    outside = {"en": ["play some jazz"], "zh": ["讲个笑话"]}
    talks = {"en": list[Talk](), "zh": [Talk("这家酒店的评分是多少", "这家酒店的评分是4.5分。")]}
    return Corpus(asked, outside, {"en": [document], "zh": [chinese]} | {}, talks, (), ())


@pytest.fixture(scope="module")
def some(small_corpus: Corpus) -> list[Lesson]:
    """A hundred lessons, of every kind."""
    doubled = {lang: found * 4 for lang, found in small_corpus.documents.items()}
    return list(itertools.islice(lessons(small_corpus._replace(documents=doubled), 3), 100))


@pytest.mark.parametrize("lang", LANGS)
def test_every_template_of_the_facts_can_be_written(lang: str) -> None:
    """Each statement and each question, without a place left open."""
    rng = random.Random(1)
    for subject in subjects(lang).values():
        assert subject.facts
        for template in (*subject.titles, *(t for fact in subject.facts for t in (fact.says, *fact.asks))):
            text = written(lang, template, rng, a_noun(lang, rng))
            assert text
            assert not set("{}|") & set(text)


def test_lessons_are_the_same_for_the_same_seed_and_of_every_kind(small_corpus: Corpus, some: list[Lesson]) -> None:
    """What is to be said stands in the prompt, or nothing is."""
    again = {lang: found * 4 for lang, found in small_corpus.documents.items()}
    assert some == list(itertools.islice(lessons(small_corpus._replace(documents=again), 3), 100))
    assert {lesson.of for lesson in some} == {"facts", "subjects", "stretches", "talks", "nothing"}
    for lesson in some:
        assert all(sentence in lesson.prompt for sentence in lesson.says)
        assert ("nothing" in lesson.phrases) == (not lesson.says)


def test_a_lesson_as_arrays_says_its_sentences_with_their_marks(some: list[Lesson]) -> None:
    """Followed step by step, the targets are the phrases, the sentences as they are written, and the end."""
    own = own_words()
    numbers = {word: n for n, word in enumerate(own) if n > 2}
    vocabulary = serving("reading").Vocabulary(NAMES)
    fitting = [(lesson, made) for lesson in some if (made := arrays(lesson, vocabulary, numbers)) is not None]
    assert len(fitting) > 20
    for lesson, made in fitting:
        read = serving("reading").read(lesson.prompt, vocabulary)
        row, text = read.inputs["ids"].shape[1], ""
        for target in made["target"][made["counts"] > 0]:
            place = int(target) - len(own)
            text += own[target] if place < 0 else read.surface[place // ROW * row + place % ROW]
        for sentence in lesson.says:
            assert sentence in text
        assert text.count("[") >= len(lesson.says)
        assert made["gold"].sum() == pytest.approx(1)
        assert made["ids"].shape == (ROWS, ROW)


def test_the_graphs_compute_what_training_computes() -> None:
    """On the same prompt, but for the eight bits of the weights: the memory, and a step with words kept before."""
    import onnxruntime

    own = len(own_words())
    params = model.initial(3, own)
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((len(NAMES), WIDTH)).astype(np.float32) * 0.1
    vectors[0] = 0
    weights = np.linspace(0, 1, len(NAMES)).astype(np.float32)
    prompt = (
        "<passages>\n1> Refunds\n1> Refunds take five days. How long.\n2> 退款\n2> 退款几天。\n</passages>\n"
        "<history>\ncustomer> five days\n</history>\n<message>\n> how long does a refund take\n</message>"
    )
    given = serving("reading").read(prompt, serving("reading").Vocabulary(NAMES)).inputs
    right = model.read(ArrayOps(np), params, (vectors, weights), given)
    session = onnxruntime.InferenceSession(reader_graph(params, vectors, weights))
    found = dict(zip([output.name for output in session.get_outputs()], session.run(None, given), strict=True))
    for name, value in right._asdict().items():
        assert found[name].shape == value.shape
        assert np.abs(found[name] - value).max() < 0.05 * (1 + np.abs(value).max())
    length = len(found["keys"])
    offered = ("following", "opening", "opens", "closed")
    row = {name: rng.standard_normal((1, length)).astype(np.float32) for name in offered}
    said: dict[str, Any] = {"own": np.array([1]), "last": found["words"][:1], "next": found["words"][1:2], **row}
    past = rng.standard_normal((model.LAYERS, 2, 5, WIDTH)).astype(np.float32)
    scores, kept = model.step(ArrayOps(np), params, model.Memory(**found), said, past, None)
    lent = {name: found[name] for name in ("keys", "seen", "gist", "unseen")}
    ran = onnxruntime.InferenceSession(speaker_graph(params)).run(None, {**said, **lent, "past": past})
    for ours, theirs in zip((scores, kept), ran, strict=True):
        assert theirs.shape == ours.shape
        assert np.abs(theirs - ours).max() < 0.05 * (1 + np.abs(ours).max())


def test_sets_that_are_missing_or_may_not_ship_are_refused(tmp_path: Path) -> None:
    """With the file, or the licence, and what to do."""
    with pytest.raises(TrainingRefused, match=r"banking77\.jsonl\.gz: is not there"):
        corpus(tmp_path, 1)
    row = json.dumps({"text": "a", "label": "b", "lang": "en", "source": "c"})
    (tmp_path / "banking77.jsonl.gz").write_bytes(gzip.compress(row.encode()))
    (tmp_path / "licences.yaml").write_text("banking77: {licence: none stated, attribution: x, ships: false}\n")
    with pytest.raises(TrainingRefused, match="banking77"):
        corpus(tmp_path, 1)


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    """A folder without the sets, and options that only bundles have, end with exit code 2 and nothing written."""
    out = tmp_path / "out"
    app = typer.Typer()
    app.command()(train.command)
    words = ["generation", "--data", str(tmp_path), "--out", str(out)]
    ours = {"XLA_FLAGS": None, "OMP_NUM_THREADS": None, "OPENBLAS_NUM_THREADS": None}  # put back afterwards
    refused = CliRunner().invoke(app, words, env=ours)
    assert (refused.exit_code, out.exists()) == (2, False)
    assert "banking77.jsonl.gz: is not there" in refused.output
    assert CliRunner().invoke(app, [*words, "--recipe", "intent-fast"], env=ours).exit_code == 2


def test_a_written_model_names_the_hash_of_its_files(tmp_path: Path) -> None:
    """As a folder of its own, with the code that serves."""
    write(tmp_path / "green", {"own.json": b"[]"})
    assert (tmp_path / "green" / "1" / "model.py").read_bytes() == (MODEL / "1" / "model.py").read_bytes()
    assert parameters(tmp_path / "green")["sha256"] == content_hash(tmp_path / "green") == stamp(tmp_path / "green")


@pytest.fixture(scope="module")
def template() -> PromptTemplate:
    folder = MODEL.parents[2] / "prompts"
    prompts = check_prompts("check", {}, {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")})
    assert isinstance(prompts, Prompts)
    found = prompts.get("answer")
    assert found is not None
    return found


def test_a_generator_is_measured_by_what_it_cites_and_by_the_guards(template: PromptTemplate) -> None:
    """A right citation, an invented amount, a wrong language, and a question that nothing answers."""
    passages = (
        Passage("delivery", "Delivery", "A parcel arrives within two days.", 0.9),
        Passage("refunds", "Refunds", "A refund takes five working days.", 0.5),
    )
    questions = [
        Question("how long does a refund take", "en", passages, ("refunds",)),
        Question("do you like opera", "en", passages, ()),
    ]
    figures = check(lambda _prompt: "A refund takes five working days. [2]", template, questions)
    assert (figures.passes, figures.cites_right, figures.declines_right, figures.grounded) == (1.0, 1.0, 0.0, 1.0)
    figures = check(lambda _prompt: "The refund of 900 dollars is on its way. [1]", template, questions)
    assert (figures.passes, figures.cites_right) == (0.0, 0.0)
    figures = check(lambda _prompt: "我没有找到答案。", template, questions)
    assert (figures.language, figures.declines_right, figures.declines_wrong) == (0.0, 1.0, 1.0)


def test_nothing_that_measures_is_learnt() -> None:
    """No sentence of the articles of the check can be written by the templates that teach."""
    rng = random.Random(5)
    taught = {
        written(lang, fact.says, rng, a_noun(lang, rng))
        for lang in LANGS for subject in subjects(lang).values() for fact in subject.facts for _ in range(5)
    }  # fmt: skip
    texts = {passage.text for question in held_out() for passage in question.passages}
    assert len(texts) > 10
    assert not [text for text in texts for sentence in taught if sentence in text]
