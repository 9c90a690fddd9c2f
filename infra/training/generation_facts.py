"""Articles of imaginary shops and banks with what customers ask about them: texts/generation_<lang>.yaml, filled in."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from infra.training.texts.intents_grammar import Grammar, parse

LANGS: Final = ("en", "zh")
FAMILIES: Final = (
    "return_item refund_status refund_request exchange_item damaged_item cancel_order price",
    "cancel_order change_order change_address order_status place_order",
    "delivery_time shipping_options track_order urge_delivery delivery_problem order_status change_address",
    "payment_methods payment_failed charge_question fraud invoice balance transfer",
    "card_question lost_card fraud fees rates balance transfer start_service",
    "fees rates price discount shipping_options start_service change_service",
    "start_service stop_service change_service update_details reset_password login_problem place_order",
    "store_info request_human complaint urge_delivery",
    "stock product_info place_order price discount damaged_item",
)
"""Subjects of which one may well answer a question about another."""
_NAME: Final = "noun"


class Fact(NamedTuple):
    """A template of what an article says, and templates of what is asked about it."""

    says: str
    asks: tuple[str, ...]


class Subject(NamedTuple):
    """Templates of an article's title, and its facts; the first is what the subject is mostly asked for."""

    name: str
    titles: tuple[str, ...]
    facts: tuple[Fact, ...]


@cache
def subjects(lang: str) -> Mapping[str, Subject]:
    """By name."""
    found = {}
    for name, text in _document(lang).items():
        if name != "slots":
            titles, *lines = text.splitlines()
            parted = [line.split(" >> ") for line in lines]
            facts = tuple(Fact(says, tuple(asks.split(" // "))) for says, asks in parted)
            found[name] = Subject(name, tuple(titles.split(" // ")), facts)
    return found


def related(one: str, other: str) -> bool:
    """Whether an article on one subject may answer a question on the other."""
    return one == other or any({one, other} <= set(family.split()) for family in FAMILIES)


def written(lang: str, template: str, rng: random.Random, noun: str) -> str:
    """A text of the template. `noun`: the thing that it is about, where it names one."""
    text = _grammar(lang).write(parse(template.replace(f"{{{_NAME}}}", noun)), rng)
    return text[:1].upper() + text[1:]


def a_noun(lang: str, rng: random.Random) -> str:
    """A thing that articles and questions can be about."""
    return _grammar(lang).write(parse(f"{{{_NAME}}}"), rng)


@cache
def _grammar(lang: str) -> Grammar:
    lists: Mapping[str, str] = _document(lang)["slots"]
    slots = {name: tuple(parse(line) for line in text.splitlines()) for name, text in lists.items()}
    return Grammar(slots, {"n": _number})


def _number(rng: random.Random) -> str:
    return str(rng.choice((rng.randint(2, 12), rng.randint(10, 99), 10 * rng.randint(2, 60))))


@cache
def _document(lang: str) -> Mapping[str, Any]:
    path = Path(__file__).parent / "texts" / f"generation_{lang}.yaml"
    document: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document
