"""The generator that is a neural model: it points at words of the passages, or says one of a few of its own.

A reader looks at the prompt once; then a decoder says one word after the other, with keys and values of those before
kept. The same prompt has the same answer: the likeliest word is taken each time. README.md says what it can do.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from reading import Vocabulary, read

HERE = Path(__file__).parent
WINDOW = 64
"""Words said before that the decoder looks back on."""
NEVER = np.float32(-1e4)
POINTED, BEGIN, END = 0, 1, 2
"""Of the model's own words: a position instead of one; before the first word; behind the last."""


class Pointer:
    """The generator. Safe for several threads, as each answer has its state to itself."""

    name = "pointer"

    def __init__(self, folder=HERE):
        lines = (folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
        self._vocabulary = Vocabulary(lines)
        own = json.loads((folder / "own.json").read_text(encoding="utf-8"))
        self._own, self._phrases = own["words"], own["phrases"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._reader, self._speaker = (
            onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
            for name in ("reader.onnx", "speaker.onnx")
        )
        self._memory = [output.name for output in self._reader.get_outputs()]

    def pieces(self, prompt):
        """The answer, a token at a time: a word with what is written to it, or a Chinese character."""
        held = ""
        for written in self._said(prompt):
            if held and not (_latin(held[-1]) and _latin(written[0])):
                yield held
                held = ""
            held += written
        if held:
            yield held

    def _said(self, prompt):
        given = read(prompt, self._vocabulary)
        memory = dict(zip(self._memory, self._reader.run(None, given.inputs), strict=True))
        phrases = _Phrases(self._phrases["zh" if given.chinese else "en"])
        answer, said = _Answer(given, memory, self._own, phrases), ""
        while True:
            scores, kept = self._speaker.run(None, answer.inputs())
            written = answer.take(scores[0], kept, said)
            if written is None:
                return
            if written:
                said = written
                yield written


class _Phrases:
    """Which of its own words may come next, in the customer's language: a phrase is said to its end, and once. The last
    of them ends an answer; nothing else of its own ends one that has said no sentence."""

    def __init__(self, phrases):
        self._left, self._begun, self._at = list(phrases), [], 0
        self._ending = phrases[-1]
        self.over = False

    def next(self, pointed):
        """Own words that may be said, and whether a position may be. `pointed`: a sentence was said."""
        if self.over:
            return {END}, False
        if self._begun:
            return {phrase[self._at] for phrase in self._begun}, False
        return {phrase[0] for phrase in self._left} | ({END} if pointed else set()), True

    def said(self, word):
        self._begun = [p for p in self._begun or self._left if p[self._at] == word]
        self._at += 1
        for phrase in self._begun:
            if len(phrase) == self._at:
                self._left.remove(phrase)
                self.over = phrase == self._ending
                self._begun, self._at = [], 0
                return


class _Answer:
    """An answer that is being made: what was said, and what the decoder is asked next."""

    def __init__(self, given, memory, own, phrases):
        self._given, self._own, self._phrases = given, own, phrases
        self._words, length = memory["words"], len(given.surface)
        proposed = np.repeat(memory["proposed"], length // len(memory["proposed"]))
        opens = given.opens[None]
        self._fixed = {name: memory[name] for name in ("keys", "seen", "gist", "unseen")}
        self._fixed |= {"opens": opens, "opening": np.where(opens > 0, proposed[None], np.float32(0))}
        self._closed = np.where(given.closed, NEVER, np.float32(0))[None]
        self._past = np.zeros((2, 2, 0, self._words.shape[1]), np.float32)
        self._last, self._said_own, self._pointed = -1, BEGIN, False

    def inputs(self):
        following = np.zeros_like(self._closed)
        behind = self._given.following[self._last] if self._last >= 0 else -1
        if behind >= 0:
            following[0, behind] = 1
        rows = {"last": self._row(self._last), "next": self._row(behind)}
        rows |= {"following": following, "closed": self._closed, "past": self._past}
        return {**self._fixed, **rows, "own": np.array([self._said_own], np.int64)}

    def take(self, scores, kept, said):
        """What is written for the likeliest word; None at the end. `said`: what was written before it."""
        chosen = self._chosen(scores)
        if chosen == END:
            return None
        self._past = np.concatenate([self._past, kept], axis=2)[:, :, -WINDOW:]
        if chosen < len(self._own):
            self._last, self._said_own = -1, chosen
            self._phrases.said(chosen)
            apart = said and _latin(said[-1]) and self._own[chosen][0] != " " and _latin(self._own[chosen][0])
            return f" {self._own[chosen]}" if apart else self._own[chosen]
        self._last, self._said_own, self._pointed = chosen - len(self._own), POINTED, True
        self._closed[0, self._last] = NEVER
        written = self._given.surface[self._last]
        apart = said and self._given.opens[self._last] and _latin(said[-1]) and _latin(written[:1])
        return f" {written}" if apart else written

    def _chosen(self, scores):
        words, may_point = self._phrases.next(self._pointed)
        within = self._last >= 0 and self._given.following[self._last] >= 0
        best = max(words, key=lambda word: scores[word]) if words and not within else -1
        positions = scores[len(self._own) :] + self._closed[0]
        if may_point and not self._given.closed.all():
            pointed = int(positions.argmax())
            if positions[pointed] > NEVER / 2 and (best < 0 or positions[pointed] > scores[best]):
                return len(self._own) + pointed
        return best if best >= 0 else END

    def _row(self, position):
        return self._words[position][None] if position >= 0 else np.zeros((1, self._words.shape[1]), np.float32)


def _latin(character):
    """Whether words of it are parted by spaces; a space is not."""
    return "" < character < "\u2e80" and not character.isspace()
