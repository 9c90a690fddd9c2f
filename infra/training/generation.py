"""Training of the small generating model: from a folder of sets to a model folder that a Triton server loads."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra.tenants import shipped_prompts
from infra.training.generation_batches import batches, own_phrases, own_words
from infra.training.generation_check import Figures, check
from infra.training.generation_facts import LANGS, a_noun, subjects, written
from infra.training.generation_fitting import Fitting, fit
from infra.training.generation_graph import reader_graph, speaker_graph
from infra.training.generation_lessons import lessons
from infra.training.generation_model import initial
from infra.training.generation_questions import held_out
from infra.training.generation_serving import MODEL, VERSION, serving
from infra.training.generation_sets import corpus
from infra.training.generation_words import words
from infra.training.job import Report
from infra.training.refusal import TrainingRefused
from processors.prompting.template import Prompts, PromptTemplate, check_prompts

LARGEST_MB: Final = 20
"""Of a file of the model."""
_TEMPLATE: Final = "answer"
_ABOUT: Final = "about.json"
_WORDS_DONE, _FIT_DONE = 0.2, 0.95
_PACKAGES: Final = ("jax", "numpy", "onnx", "tokenizers")
_HASH: Final = re.compile(r'(key: "sha256" value \{ string_value: ")[^"]*"')


class Wanted(NamedTuple):
    """A model to train: from the sets in `data`, as a Triton model in the folder `out`."""

    data: Path
    out: Path
    seed: int
    fitting: Fitting = Fitting()


def run(wanted: Wanted, report: Report) -> dict[str, Any]:
    """Train, measure, write; what was found: folder, mb, figures by generator, sources, losses.

    The same seed, sets and versions give the same files on the same kind of processor.

    Raises:
        TrainingRefused: a set is missing or may not train a model that is published; a file would be too large.
    """
    report("reading", 0.0)
    found = corpus(wanted.data, wanted.seed)
    known = words([*found.texts, *_facts()], lambda what: report(what, 0.05))
    vocabulary, own = serving("reading").Vocabulary(known.names), own_words()
    given = batches(lessons(found, wanted.seed), wanted.fitting.size, vocabulary, own)
    losses: list[tuple[int, float]] = []

    def told(step: int, loss: float) -> None:
        losses.append((step, round(loss, 4)))
        share = step / wanted.fitting.steps
        report(f"learning, loss {loss:.3f}", _WORDS_DONE + (_FIT_DONE - _WORDS_DONE) * share)

    params = fit(initial(wanted.seed, len(own)), (known.vectors, known.weights), given, wanted.fitting, told)
    report("writing", _FIT_DONE)
    files = {
        "reader.onnx": reader_graph(params, known.vectors, known.weights),
        "speaker.onnx": speaker_graph(params),
        "vocabulary.txt": ("\n".join(known.names) + "\n").encode(),
        "own.json": (json.dumps({"words": own, "phrases": own_phrases(own)}, ensure_ascii=False) + "\n").encode(),
    }
    sources = [*found.used, *known.sources]
    about: dict[str, Any] = {"seed": wanted.seed, **wanted.fitting._asdict(), "sources": sources}
    about["versions"] = {name: version(name) for name in _PACKAGES}
    files[_ABOUT] = (json.dumps(about, indent=1) + "\n").encode()
    for name, content in files.items():
        if len(content) > LARGEST_MB << 20:
            raise TrainingRefused(f"{name} would have {len(content) >> 20} MB, of {LARGEST_MB} that a file may have")
    write(wanted.out, files)
    report("measuring", _FIT_DONE)
    figures = {name: figure._asdict() for name, figure in measured(wanted.out).items()}
    size = round(sum(len(content) for content in files.values()) / 2**20, 1)
    return {"folder": str(wanted.out), "mb": size, "figures": figures, "losses": losses, "sources": sources}


def write(out: Path, files: Mapping[str, bytes]) -> None:
    """A model folder for Triton: these files beside the shipped model's code, its configuration with their hash."""
    version_folder = out / VERSION
    version_folder.mkdir(parents=True, exist_ok=True)
    if out.resolve() != MODEL.resolve():
        for path in sorted((MODEL / VERSION).glob("*.py")):
            shutil.copy(path, version_folder / path.name)
        for name in ("config.pbtxt", "README.md"):
            shutil.copy(MODEL / name, out / name)
    for name, content in files.items():
        (version_folder / name).write_bytes(content)
    stamp(out)


def stamp(model: Path) -> str:
    """Write the hash of a model's files into its configuration, where it becomes part of every reply's fingerprint."""
    content, folder = sha256(), model / VERSION
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    config = model / "config.pbtxt"
    text = config.read_text(encoding="utf-8")
    config.write_text(_HASH.sub(rf'\g<1>{content.hexdigest()}"', text), encoding="utf-8")
    return content.hexdigest()


def measured(model: Path) -> dict[str, Figures]:
    """The figures of the model in a folder, and of the generator that quotes, on articles that neither saw."""
    pointer = serving("pointer").Pointer(model / VERSION)
    answers: Mapping[str, Callable[[str], str]] = {
        "pointer": lambda prompt: "".join(pointer.pieces(prompt)),
        "quoting": lambda prompt: str(serving("extractive").answer(prompt)),
    }
    template, questions = _template(), held_out()
    found = {}
    for name, answer in answers.items():
        for lang in LANGS:
            found[f"{name} {lang}"] = check(answer, template, [q for q in questions if q.lang == lang])
    return found


def _template() -> PromptTemplate:
    prompts = check_prompts("check", {}, shipped_prompts([]))
    template = prompts.get(_TEMPLATE) if isinstance(prompts, Prompts) else None
    if template is None:
        raise TrainingRefused(f"the shipped prompt {_TEMPLATE} cannot be read")
    return template


def _facts() -> list[str]:
    """The project's own articles, each sentence filled in a few times, for the vocabulary."""
    import random

    rng = random.Random(0)
    facts = [(lang, fact.says) for lang in LANGS for subject in subjects(lang).values() for fact in subject.facts]
    return [written(lang, says, rng, a_noun(lang, rng)) for (lang, says), _ in itertools.product(facts, range(4))]
