"""A policy's YAML to a Policy. Every field is explained in docs/policies.md."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

from processors.entities import KINDS
from processors.labels import LABELS
from processors.policy.model import (
    GENERATING,
    KEPT,
    LANGUAGES,
    POLICY_RUNGS,
    Generation,
    HandoffRules,
    Handover,
    KnowledgeRules,
    Policy,
    Scenario,
    Soothing,
    Step,
    Template,
    Trigger,
    Understanding,
)
from processors.policy.problem import instead
from processors.policy.reading import Fields, Source
from schemas.events import DIALOGUE_ACT, SCENARIOS

NO_TRIGGER: Final = "name at least one of intents, families, keywords, tiers, verified, entry_paths, after"
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}").fullmatch
_SLOT: Final = re.compile(r"\{([^{}]*)\}")
DAY: Final = 86_400
MAX_TOKENS: Final = 4_096


def parse_policy(text: str, source: Source) -> Policy | None:
    """The policy of a file; None when it is none at all. Mistakes are noted in `source`: use it only without any."""
    root = source.root(text)
    if root is None:
        return None
    tenant = root.text("tenant", "", "write the tenant's name, such as tenant: shop")
    if tenant and not _TENANT(tenant):
        root.wrong("tenant", f"{tenant!r} is no tenant's name", "use small letters, digits, - and _, at most 64")
    version = root.text("version", "", 'write the version, such as version: "3"')
    languages = root.names("languages", LANGUAGES)
    if not languages:
        known = ", ".join(LANGUAGES)
        root.wrong("languages", "names no language", f"write those you answer in, default first: [{known}]")
    templates = _templates(root, languages)
    labels = frozenset((*LABELS, *root.names("intents")))
    steps_of = root.inner("scenarios", "describe at least the scenario other")
    scenarios = _scenarios(steps_of, templates, labels) if steps_of is not None else {}
    if steps_of is not None and "other" not in scenarios:
        root.wrong("scenarios", "has no scenario other", "add other: it takes what no other scenario wants")
    policy = Policy(
        tenant=tenant,
        version=version,
        languages=languages,
        session_timeout=root.number("session_timeout", 1800, 1, 30 * DAY, "seconds"),
        fallback=root.choice("fallback", templates, "name the template that is said when nothing else answers") or "",
        scenarios=scenarios,
        templates=templates,
        about=root.text("about"),
        cache=root.flag("cache", True),
        channels=_channels(root),
        understanding=_understanding(root, templates),
        handoff=_handoff(root, templates),
        soothing=_soothing(root, templates),
        knowledge=_knowledge(root),
        generation=_generation(root),
    )
    if steps_of is not None:
        _unused_prompts(steps_of, policy)
    root.close()
    return policy


def _unused_prompts(fields: Fields, policy: Policy) -> None:
    for name, inner in fields.entries():
        if inner.has("prompt") and not policy.prompt_of(policy.scenarios[name]):
            inner.wrong("prompt", "is of no use: no rung here generates", f"add {GENERATING[0]} to rungs, or remove it")


def _channels(root: Fields) -> dict[str, float]:
    found: dict[str, float] = {}
    channels = root.inner("channels")
    for name, fields in channels.entries() if channels is not None else ():
        found[name] = fields.number("deadline", 5.0, 0.1, DAY, "seconds")
        fields.close()
    return found


def _understanding(root: Fields, templates: dict[str, Template]) -> Understanding:
    fields = root.inner("understanding", "describe what is done with a message that is not understood")
    if fields is None:
        return Understanding()
    found = Understanding(
        fields.number("min_confidence", 0.3, 0, 1),
        fields.number("switch_confidence", 0.55, 0, 1),
        fields.number("out_of_scope", 0.7, 0, 1),
        fields.choice("ask_back", templates, "name the template that asks what was meant") or "",
        _rungs(fields, ("knowledge", "template", "fallback")),
        fields.choice("acknowledge", templates, "name the template said to yes, ok, and the like") or "",
    )
    fields.close()
    return found


def _handoff(root: Fields, templates: dict[str, Template]) -> HandoffRules:
    fields = root.inner("handoff", "describe when a human takes over")
    if fields is None:
        return HandoffRules()
    found = HandoffRules(
        fields.choice("notice", templates, "name the template that tells the customer") or "",
        fields.number("timeout", 3600, 1, 30 * DAY, "seconds"),
        fields.number("anger", 0.8, 0, 1),
        fields.whole("low_confidence", 3, 1, 100),
        fields.whole("failures", 3, 1, 100),
    )
    fields.close()
    return found


def _soothing(root: Fields, templates: dict[str, Template]) -> Soothing:
    fields = root.inner("soothing")
    if fields is None:
        return Soothing(1.0, None)
    found = Soothing(
        fields.number("above", 0.5, 0, 1),
        fields.choice("template", templates, "name the template said first to a customer who is upset"),
    )
    fields.close()
    return found


def _knowledge(root: Fields) -> KnowledgeRules:
    fields = root.inner("knowledge")
    if fields is None:
        return KnowledgeRules()
    found = KnowledgeRules(fields.number("min_score", 0.4, 0, 1), fields.whole("passages", 1, 1, 5))
    fields.close()
    return found


def _generation(root: Fields) -> Generation:
    fields = root.inner("generation")
    if fields is None:
        return Generation()
    usual = Generation()
    found = Generation(
        fields.text("prompt", usual.prompt),
        fields.whole("max_tokens", usual.max_tokens, 1, MAX_TOKENS),
        fields.choice("cache", KEPT) or usual.cache,
    )
    fields.close()
    return found


def _rungs(fields: Fields, default: tuple[str, ...]) -> tuple[str, ...]:
    """The rungs in the order given; the fallback is always the last."""
    rungs = fields.names("rungs", POLICY_RUNGS) or default
    return (*(r for r in rungs if r != "fallback"), "fallback")


def _scenarios(fields: Fields, templates: dict[str, Template], labels: Set[str]) -> dict[str, Scenario]:
    found: dict[str, Scenario] = {}
    for name, inner in fields.entries():
        if name not in SCENARIOS:
            fields.wrong(name, "is no scenario", instead(name, SCENARIOS))
        rungs = _rungs(inner, ("cache", "knowledge", "template"))
        found[name] = Scenario(
            name,
            inner.whole("priority", 0, -1000, 1000),
            tuple(_trigger(f, labels) for f in inner.each("triggers")) or (Trigger(families=(name,)),),
            inner.names("knowledge"),
            rungs,
            inner.choice("template", templates),
            _steps(inner, templates, labels),
            _handover(inner, labels),
            inner.text("prompt") or None,
        )
        if "template" in rungs and not inner.has("template") and not inner.has("steps"):
            inner.wrong("template", "is missing", "name one, or leave the rung template out of rungs")
        inner.close()
    return found


def _trigger(fields: Fields, labels: Set[str]) -> Trigger:
    found = Trigger(
        fields.names("intents", labels),
        fields.names("families", (*SCENARIOS, DIALOGUE_ACT)),
        fields.names("keywords"),
        fields.names("tiers"),
        fields.flag("verified", True) if fields.has("verified") else None,
        fields.names("entry_paths"),
        fields.names("after", SCENARIOS),
    )
    fields.close()
    if found == Trigger():
        fields.source.wrong(fields.node, fields.path, "asks for nothing", NO_TRIGGER)
    return found


def _steps(fields: Fields, templates: dict[str, Template], labels: Set[str]) -> tuple[Step, ...]:
    inner = fields.inner("steps")
    if inner is None:
        return ()
    names = inner.keys()
    found = []
    for name, step in inner.entries():
        template = step.choice("template", templates)
        found.append(
            Step(
                name,
                step.names("intents", labels),
                template,
                step.names("until", KINDS),
                step.choice("next", names),
                _rungs(step, ("template",)) if template or step.has("rungs") else (),
            )
        )
        if found[-1].until and not found[-1].next and not step.has("next"):
            step.wrong("until", "waits, but no step follows", "add next: the step that follows")
        if name == found[-1].next:
            step.wrong("next", "is the step itself", "name another step, or leave next out")
        step.close()
    reached = {s.next for s in found}
    for s in found:
        if not s.intents and s.name not in reached:
            inner.wrong(s.name, "is never entered", "give it intents, or name it as another step's next")
    return tuple(found)


def _handover(fields: Fields, labels: Set[str]) -> Handover:
    inner = fields.inner("handoff")
    if inner is None:
        return Handover()
    found = Handover(
        inner.flag("always", False),
        inner.names("intents", labels),
        inner.names("tiers"),
        inner.number("anger", 1, 0, 1) if inner.has("anger") else None,
        inner.whole("failures", 1, 1, 100) if inner.has("failures") else None,
    )
    inner.close()
    return found


def _templates(root: Fields, languages: tuple[str, ...]) -> dict[str, Template]:
    found: dict[str, Template] = {}
    inner = root.inner("templates", "write the texts of the bot, by name and language")
    for name, fields in inner.entries() if inner is not None else ():
        texts = {
            lang: fields.text(lang, "", f"write the text in {lang}, or take {lang} out of languages").strip()
            for lang in languages
        }
        found[name] = Template(name, texts, _defaults(fields, texts, languages))
        fields.close()
    return found


def _defaults(fields: Fields, texts: dict[str, str], languages: tuple[str, ...]) -> dict[str, dict[str, str]]:
    slots: dict[str, str] = {}
    for lang, text in texts.items():
        for slot in _SLOT.findall(text):
            slots.setdefault(slot, lang)
        if not {"{", "}"}.isdisjoint(_SLOT.sub("", text)):
            fields.wrong(lang, "has a { or } that is no slot", "write {slot}, or leave the brace out")
    for slot, lang in slots.items():
        if slot not in KINDS:
            fields.wrong(lang, f"{{{slot}}} is no slot", instead(slot, KINDS))
    inner = fields.inner("defaults")
    found: dict[str, dict[str, str]] = {}
    for slot, given in inner.entries() if inner is not None else ():
        if inner is not None and slot not in slots:
            inner.wrong(slot, "is used in no text of this template", "remove it, or use it as {" + slot + "}")
        found[slot] = {
            lang: given.text(lang, "", f"write what stands for {{{slot}}} in {lang} when it is not known")
            for lang in languages
        }
        given.close()
    for slot, lang in slots.items():
        if slot in KINDS and slot not in found:
            remedy = f"add defaults: {{{slot}: {{{lang}: what stands for it}}}}"
            fields.wrong(lang, f"{{{slot}}} has no default", remedy)
    return found
