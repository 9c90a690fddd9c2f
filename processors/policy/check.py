"""A tenant as a whole: its policy, its articles, and that they fit each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from processors.policy.articles import parse_article
from processors.policy.compile import Rules
from processors.policy.model import Policy, canonical
from processors.policy.parse import parse_policy
from processors.policy.problem import Problem, instead
from processors.policy.prompts import lacking, read_prompts, used_prompts
from processors.policy.reading import Source
from schemas.events import Article, Meta, PolicyActivated, PromptFile
from schemas.identity import fingerprint


@dataclass(frozen=True, slots=True)
class Tenant:
    """A policy and articles without a mistake, ready to be put in force."""

    rules: Rules
    policy_text: str
    articles: tuple[Article, ...]
    prompts: tuple[PromptFile, ...] = ()

    @property
    def policy_fingerprint(self) -> str:
        return self.rules.fingerprint

    @property
    def knowledge_fingerprint(self) -> str:
        """Who this version of the articles is; their order does not count."""
        return knowledge_fingerprint(self.rules.tenant, self.articles)

    def activation(self, meta: Meta, effective_at: int) -> PolicyActivated:
        """The event that puts it in force from `effective_at` on (microseconds UTC)."""
        return PolicyActivated(
            meta,
            self.policy_text,
            self.policy_fingerprint,
            self.articles,
            self.knowledge_fingerprint,
            effective_at,
            self.prompts,
        )


def check_tenant(
    policy_text: str,
    articles: Mapping[str, str],
    policy_file: str = "policy.yaml",
    prompts: Mapping[str, str] = MappingProxyType({}),
    shipped: Mapping[str, str] = MappingProxyType({}),
) -> Tenant | tuple[Problem, ...]:
    """The tenant that these texts describe, or every mistake in them.

    articles, prompts: file name to Markdown, the tenant's own. shipped: the prompts that any tenant may use.
    """
    source = Source(policy_file)
    policy = parse_policy(policy_text, source)
    parsed, wrong = check_articles(articles)
    problems = [*source.problems, *wrong]
    if policy is not None:
        problems += _unanswerable(policy_text, policy_file, list(parsed.values()))
        problems += [
            Problem(file, 1, "lang", f"{a.lang} is no language of the policy", f"add it to languages in {policy_file}")
            for file, a in parsed.items()
            if a.lang and policy.languages and a.lang not in policy.languages
        ]
    if policy is None:
        return tuple(problems)
    files, wrong = used_prompts(policy, policy_text, policy_file, prompts, shipped)
    if problems := [*problems, *wrong]:
        return tuple(problems)
    return Tenant(rules_with(policy, files), policy_text, tuple(parsed.values()), files)


def rules_with(policy: Policy, prompts: Sequence[PromptFile], fingerprint: str | None = None) -> Rules:
    """The rules of a policy with its prompts, which have no mistake. fingerprint: what the log calls it, if it does."""
    return Rules(policy, fingerprint, read_prompts(prompts)[0])


def check_articles(articles: Mapping[str, str]) -> tuple[dict[str, Article], list[Problem]]:
    """The articles in these texts (file name to Markdown), by file, and every mistake in them."""
    parsed: dict[str, Article] = {}
    problems: list[Problem] = []
    for file in sorted(articles):
        source = Source(file)
        article = parse_article(articles[file], source)
        if article is not None:
            parsed[file] = article
        problems += source.problems
    return parsed, problems + _doubles(parsed)


def knowledge_fingerprint(tenant: str, articles: Iterable[Article]) -> str:
    """Who this version of a tenant's articles is; their order does not count."""
    content = sorted(articles)
    return fingerprint(f"{tenant}-articles", str(len(content)), canonical(content))


def rules_of(activated: PolicyActivated) -> Rules | tuple[Problem, ...]:
    """The rules of an activation in the log, or why it is none. Its fingerprint is the log's, not computed anew."""
    source = Source(f"policy of {activated.meta.tenant_id}")
    policy = parse_policy(activated.policy, source)
    if policy is None or source.problems:
        return tuple(source.problems)
    if policy.tenant != activated.meta.tenant_id:
        return (Problem(source.file, 1, "tenant", f"is {policy.tenant}", "activate it for that tenant"),)
    templates, wrong = read_prompts(activated.prompts)
    if wrong := [*wrong, *lacking(policy, templates, source.file)]:
        return tuple(wrong)
    return Rules(policy, activated.policy_fingerprint, templates)


def _doubles(articles: Mapping[str, Article]) -> list[Problem]:
    first: dict[str, str] = {}
    found = []
    for file, article in articles.items():
        if article.article_id and article.article_id in first:
            problem = f"{article.article_id!r} is also the id of {first[article.article_id]}"
            found.append(Problem(file, 2, "id", problem, "give each article an id of its own"))
        first.setdefault(article.article_id, file)
    return found


def _unanswerable(policy_text: str, policy_file: str, articles: list[Article]) -> list[Problem]:
    """Knowledge scopes that no article has a tag of."""
    tags = {tag for article in articles for tag in article.tags}
    source = Source(policy_file)
    root = source.root(policy_text)
    scenarios = root.inner("scenarios") if root is not None else None
    for _, scenario in scenarios.entries() if scenarios is not None else ():
        for tag in scenario.names("knowledge"):
            if tag not in tags:
                scenario.wrong("knowledge", f"no article has the tag {tag!r}", instead(tag, tags))
    return [p for p in source.problems if p.field.endswith(".knowledge") and "no article" in p.problem]
