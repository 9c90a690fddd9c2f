"""What the small generating model learns from: prompts with articles and a question, and what is to be said to them.

What is to be said is copied from the articles, sentence and citation, in the order of the prompt; or it is one of a few
phrases of the model's own. So what is learnt is to find and to copy, and no fact of any text.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from infra.training.generation_facts import Fact, Subject, a_noun, related, subjects, written
from infra.training.generation_sets import Corpus, Found
from processors.prompting.data import Block, Line, lines_of

PHRASES: Final = {
    "en": {
        "hello": "Hello!",
        "sorry": "I am sorry for the trouble.",
        "nothing": "I could not find this in our articles. Could you tell me a little more, or would you like a "
        "colleague to help?",
    },
    "zh": {
        "hello": "您好，",
        "sorry": "很抱歉给您添麻烦了。",
        "nothing": "这个问题我在现有的资料里没有找到答案。您可以说得具体一点吗？也可以转人工。",
    },
}
"""Everything that the model can say without an article."""
GREETINGS: Final = {
    "en": ("hello", "hi", "hi there", "good morning", "hey", "good evening", "hello there", "dear team"),
    "zh": ("你好", "您好", "在吗", "早上好", "你好呀", "客服你好", "亲", "哈喽"),
}
UPSET: Final = {
    "en": ("this is ridiculous", "i am really annoyed", "what a terrible service", "i am so disappointed",
           "this is the third time i ask", "i'm fed up", "unbelievable", "i am very angry", "worst shop ever",
           "this is unacceptable"),
    "zh": ("太过分了", "气死我了", "服务太差了", "真的很失望", "我都问了三遍了", "太生气了", "什么破店", "无语了",
           "太坑了", "再也不买了", "等得火大"),
}  # fmt: skip
ONWARDS: Final = {
    "en": ("and how does that work", "tell me more", "ok and what do i do", "can you explain", "what about that", "so?",
           "please answer", "how exactly", "and now?"),
    "zh": ("那怎么弄", "具体说一下", "然后呢", "怎么操作", "请回答一下", "这个怎么说", "那要怎么办", "说详细点"),
}  # fmt: skip
_JOINED: Final = {"en": (" and ", ", also ", "? and ", ". "), "zh": ("，还有", "？", "，另外", "，")}
_FRONTS: Final = {
    "en": ("", "", "", "", "can you tell me ", "i want to know ", "quick question, ", "just wondering, ", "please, "),
    "zh": ("", "", "", "", "请问", "想问一下", "我想知道", "麻烦问下，", "问一下"),
}


class Lesson(NamedTuple):
    """A prompt and what is to be said: `phrases` before, by name, then the sentences `says`, or nothing but the phrase
    `nothing`. `of`: the kind of lesson."""

    prompt: str
    lang: str
    phrases: tuple[str, ...]
    says: tuple[str, ...]
    of: str


class _Article(NamedTuple):
    title: str
    sentences: tuple[str, ...]


def lessons(corpus: Corpus, seed: int) -> Iterator[Lesson]:
    """One after the other, without end; the same for the same seed and text."""
    rng = random.Random(seed)
    makers = (
        (0.42, _of_facts), (0.12, _of_subjects), (0.16, _of_stretches), (0.08, _of_talks), (0.22, _of_nothing),
    )  # fmt: skip
    weights = [weight for weight, _ in makers]
    while True:
        lang = rng.choice(("en", "zh"))
        made = rng.choices([maker for _, maker in makers], weights)[0](corpus, lang, rng)
        # A sentence with a mark in it is written otherwise in a prompt.
        if made is not None and all(sentence in made.prompt for sentence in made.says):
            yield made


def _of_facts(corpus: Corpus, lang: str, rng: random.Random) -> Lesson | None:
    """A question about one fact, or two."""
    noun, all_of_them = a_noun(lang, rng), subjects(lang)
    subject = all_of_them[rng.choice(sorted(all_of_them))]
    facts = rng.sample(subject.facts, min(len(subject.facts), rng.randint(1, 5)))
    asked = [rng.choice(facts)]
    others = _others(lang, subject, rng, rng.randint(0, 4), same_family=True)
    chosen = [(subject, facts), *((o, rng.sample(o.facts, min(len(o.facts), rng.randint(1, 3)))) for o in others)]
    if rng.random() < 0.12:
        asked.append(rng.choice([fact for _, some in chosen for fact in some]))
        asked = list(dict.fromkeys(asked))
    said = {id(fact): written(lang, fact.says, rng, noun) for _, some in chosen for fact in some}
    articles = [
        _Article(written(lang, rng.choice(s.titles), rng, noun), tuple(said[id(fact)] for fact in some))
        for s, some in chosen
    ]
    questions = [_lower(lang, written(lang, rng.choice(fact.asks), rng, noun)) for fact in asked]
    message = rng.choice(_JOINED[lang]).join(questions)
    says = [said[id(fact)] for fact in asked]
    return _lesson(lang, articles, message, says, rng, "facts", others=_questions(lang, rng))


def _of_subjects(corpus: Corpus, lang: str, rng: random.Random) -> Lesson | None:
    """What customers ask of a subject as a whole, in words that nobody wrote for the fact."""
    all_of_them, noun = subjects(lang), a_noun(lang, rng)
    name = rng.choice([name for name in sorted(all_of_them) if corpus.asked[lang].get(name)])
    message = rng.choice(corpus.asked[lang][name])
    others = _others(lang, all_of_them[name], rng, rng.randint(1, 4), same_family=False)
    said = written(lang, all_of_them[name].facts[0].says, rng, noun)
    articles = [_Article(written(lang, rng.choice(all_of_them[name].titles), rng, noun), (said,))]
    for other in others:
        facts = rng.sample(other.facts, min(len(other.facts), rng.randint(1, 3)))
        texts = tuple(written(lang, fact.says, rng, noun) for fact in facts)
        articles.append(_Article(written(lang, rng.choice(other.titles), rng, noun), texts))
    return _lesson(lang, articles, message, [said], rng, "subjects")


def _of_stretches(corpus: Corpus, lang: str, rng: random.Random) -> Lesson | None:
    """Some of a sentence's own words, out of a stretch of real text."""
    if not corpus.documents[lang]:
        return None
    documents = rng.sample(corpus.documents[lang], rng.randint(1, 4))
    articles = [_part(document, rng) for document in documents]
    sentence = rng.choice(articles[0].sentences)
    message = _fragments(lang, sentence, rng)
    return _lesson(lang, articles, message, [sentence], rng, "stretches") if message else None


def _of_talks(corpus: Corpus, lang: str, rng: random.Random) -> Lesson | None:
    """What was really answered to what a customer really said, among other answers."""
    if not corpus.talks[lang]:
        return _of_stretches(corpus, lang, rng)
    talk = rng.choice(corpus.talks[lang])
    others = [rng.choice(corpus.talks[lang]).answer for _ in range(rng.randint(2, 8))]
    sentences = list(dict.fromkeys([talk.answer, *others]))
    rng.shuffle(sentences)
    cut = rng.randint(1, len(sentences))
    parted = (("推荐", sentences[:cut]), ("更多", sentences[cut:]))
    articles = [_Article(title, tuple(some)) for title, some in parted if some]
    return _lesson(lang, articles, talk.question, [talk.answer], rng, "talks", shuffled=False)


def _of_nothing(corpus: Corpus, lang: str, rng: random.Random) -> Lesson | None:
    """A question that the articles do not answer, or no article at all."""
    noun, all_of_them = a_noun(lang, rng), subjects(lang)
    subject = all_of_them[rng.choice(sorted(all_of_them))]
    if rng.random() < 0.5:
        message = _lower(lang, written(lang, rng.choice(rng.choice(subject.facts).asks), rng, noun))
    else:
        message = rng.choice(corpus.outside[lang])
    others = _others(lang, subject, rng, rng.choice((0, 1, 2, 3, 3, 4)), same_family=False)
    articles = []
    for other in others:
        facts = rng.sample(other.facts, min(len(other.facts), rng.randint(1, 4)))
        noun = a_noun(lang, rng)
        texts = tuple(written(lang, fact.says, rng, noun) for fact in facts)
        articles.append(_Article(written(lang, rng.choice(other.titles), rng, noun), texts))
    return _lesson(lang, articles, message, [], rng, "nothing")


def _others(lang: str, subject: Subject, rng: random.Random, count: int, *, same_family: bool) -> list[Subject]:
    free = [s for name, s in sorted(subjects(lang).items())
            if name != subject.name and (same_family or not related(name, subject.name))]  # fmt: skip
    return rng.sample(free, count)


def _questions(lang: str, rng: random.Random) -> str:
    subject: Subject = subjects(lang)[rng.choice(sorted(subjects(lang)))]
    fact: Fact = rng.choice(subject.facts)
    return _lower(lang, written(lang, rng.choice(fact.asks), rng, a_noun(lang, rng)))


def _lower(lang: str, text: str) -> str:
    return text[:1].lower() + text[1:] if lang == "en" else text


def _part(document: Found, rng: random.Random) -> _Article:
    count = min(len(document.sentences), rng.randint(1, 6))
    begin = rng.randint(0, len(document.sentences) - count)
    return _Article(document.title, document.sentences[begin : begin + count])


def _fragments(lang: str, sentence: str, rng: random.Random) -> str:
    if lang == "en":
        words = [w.strip(".,;:!?()\"'").lower() for w in sentence.split()]
        kept = [w for w in words if w and (len(w) > 3 or rng.random() < 0.4) and rng.random() < 0.6]
        if rng.random() < 0.4:
            at = rng.randrange(len(kept) + 1)
            kept = [*kept[at:], *kept[:at]]
        if len(kept) < 2:
            return ""
        front = rng.choice((["how"], ["what", "is"], ["do", "you"], [], ["can", "i"]))
        return " ".join([*front, *kept[:12]])
    pieces = [sentence[i : i + 3] for i in range(0, len(sentence), 3)]
    kept = [piece.strip("，。！？、") for piece in pieces if rng.random() < 0.45]
    return "".join(kept[:8]) + rng.choice(("", "吗", "呢", "怎么样", "是什么")) if len(kept) > 1 else ""


def _lesson(
    lang: str,
    articles: Sequence[_Article],
    message: str,
    says: Sequence[str],
    rng: random.Random,
    of: str,
    *,
    others: str = "",
    shuffled: bool = True,
) -> Lesson:
    order = list(articles)
    if shuffled and rng.random() < 0.5:
        rng.shuffle(order)
    message, phrases = _put(lang, message, rng)
    history: list[Line] = []
    if others and rng.random() < 0.25:
        before = _put(lang, others, rng)[0] if rng.random() < 0.6 else rng.choice(GREETINGS[lang])
        history = lines_of("customer", before)
    elif says and of == "facts" and rng.random() < 0.06:
        history, message, phrases = lines_of("customer", message), rng.choice(ONWARDS[lang]), ()
    blocks = (
        Block("passages", tuple(line for n, article in enumerate(order, 1) for line in _lines(n, article, rng, lang))),
        Block("history", tuple(history)),
        Block("message", tuple(lines_of("", message))),
    )
    placed = [s for article in order for s in article.sentences if s in says]
    found = tuple(dict.fromkeys(placed))
    return Lesson("\n".join(map(str, blocks)), lang, (*phrases, *(() if found else ("nothing",))), found, of)


def _lines(number: int, article: _Article, rng: random.Random, lang: str) -> Iterator[Line]:
    yield Line(str(number), " ".join(str(line.text) for line in lines_of("", article.title)))
    if rng.random() < 0.6:
        yield from lines_of(str(number), ("" if lang == "zh" else " ").join(article.sentences))
    else:
        yield from lines_of(str(number), "\n".join(article.sentences))


def _put(lang: str, message: str, rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """The question as one of its writers would put it, and the phrases that this calls for."""
    phrases: tuple[str, ...] = ()
    message = rng.choice(_FRONTS[lang]) + message
    gap = ("，", "！", " ", "。") if lang == "zh" else (", ", "! ", ". ", " ")
    if rng.random() < 0.12:
        words = rng.choice(UPSET[lang])
        message = words + rng.choice(gap) + message if rng.random() < 0.5 else message + rng.choice(gap) + words
        phrases = ("sorry",)
    if rng.random() < 0.12:
        message, phrases = rng.choice(GREETINGS[lang]) + rng.choice(gap) + message, ("hello", *phrases)
    if lang == "en":
        message = message[:1].upper() + message[1:] if rng.random() < 0.5 else message
        return message + rng.choice(("?", "?", "", "??", ".")), phrases
    return message + rng.choice(("？", "?", "", "。", "", "啊", "呢")), phrases
