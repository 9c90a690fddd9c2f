"""The policies and articles that a candidate file names, read and checked: a change for each tenant."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from infra.candidates.model import TenantChange
from infra.candidates.paths import named_path
from infra.tenants import ARTICLES, POLICY, PROMPTS, load_tenant, read_folder, read_text, shipped_prompts
from processors.policy import Policy, Problem
from processors.policy.check import check_articles, knowledge_fingerprint, rules_with
from processors.policy.parse import parse_policy
from processors.policy.prompts import used_prompts
from processors.policy.reading import Fields, Source

_BY_TENANT: Final = "write knowledge: {TENANT: FOLDER}"


def replaced_tenants(root: Fields, folder: Path) -> dict[str, TenantChange]:
    """Of the fields tenant, policy and knowledge. Mistakes of the files named are noted in the source of `root`."""
    found: dict[str, TenantChange] = {}
    for name in root.names("tenant"):
        if (place := named_path(root, "tenant", folder, name)) is not None:
            _add(root, "tenant", found, _whole_tenant(root, place))
    for name in root.names("policy"):
        if (place := named_path(root, "policy", folder, name)) is not None:
            _add(root, "policy", found, _policy(root, place))
    for tenant, place in _knowledge_places(root, folder, tuple(found)):
        _add(root, "knowledge", found, _knowledge(root, tenant, place))
    return found


def _add(root: Fields, field: str, found: dict[str, TenantChange], change: TenantChange | None) -> None:
    if change is None:
        return
    other = found.get(change.tenant, TenantChange(change.tenant))
    if (change.policy is not None and other.policy is not None) or (
        change.articles is not None and other.articles is not None
    ):
        root.wrong(field, f"replaces what is {change.tenant}'s a second time", "name one file for each tenant")
        return
    given = {key: value for key, value in change._asdict().items() if value not in (None, "")}
    if change.policy is None:
        del given["prompts"]
    found[change.tenant] = other._replace(**given)


def _whole_tenant(root: Fields, directory: Path) -> TenantChange | None:
    tenant = load_tenant(directory)
    if isinstance(tenant, tuple):
        _passed_on(root, "tenant", directory, tenant)
        return None
    return TenantChange(
        tenant.rules.tenant,
        tenant.policy_text,
        tenant.policy_fingerprint,
        tenant.articles,
        tenant.knowledge_fingerprint,
        tenant.prompts,
    )


def _policy(root: Fields, file: Path) -> TenantChange | None:
    problems: list[Problem] = []
    text = read_text(file, problems, "write it, or name a file that is there")
    policy = _parsed(text, file, problems) if text is not None else None
    if text is None or policy is None or problems:
        _passed_on(root, "policy", file, tuple(problems))
        return None
    own, shipped = read_folder(file.parent / PROMPTS, problems), shipped_prompts(problems)
    prompts, wrong = used_prompts(policy, text, str(file), own, shipped)
    if problems or wrong:
        _passed_on(root, "policy", file, (*problems, *wrong))
        return None
    return TenantChange(policy.tenant, text, rules_with(policy, prompts).fingerprint, prompts=prompts)


def _parsed(text: str, file: Path, problems: list[Problem]) -> Policy | None:
    source = Source(str(file))
    policy = parse_policy(text, source)
    problems += source.problems
    return policy


def _knowledge_places(root: Fields, folder: Path, tenants: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Tenant and folder. Where no tenant is named: the one of the policy, or of the policy.yaml beside the folder."""
    if root.is_mapping("knowledge") and (inner := root.inner("knowledge")) is not None:
        tenants = tuple(inner.keys())
        named = {tenant: inner.text(tenant, "", "name the folder of its articles") for tenant in tenants}
        places = ((t, named_path(inner, t, folder, name)) for t, name in named.items() if name)
        return [(tenant, place) for tenant, place in places if place is not None]
    name = root.text("knowledge")
    place = named_path(root, "knowledge", folder, name) if name else None
    if place is None:
        return []
    if len(tenants) == 1:
        return [(tenants[0], place)]
    beside = place.resolve().parent / POLICY
    text = read_text(beside, []) if beside.is_file() else None
    policy = None if text is None else _parsed(text, beside, [])
    if policy is None or not policy.tenant:
        root.wrong("knowledge", "does not say whose articles these are", _BY_TENANT)
        return []
    return [(policy.tenant, place)]


def _knowledge(root: Fields, tenant: str, directory: Path) -> TenantChange | None:
    inner = directory / ARTICLES
    directory = inner if inner.is_dir() else directory
    problems: list[Problem] = []
    files = sorted(directory.glob("*.md"))
    if not files:
        root.wrong("knowledge", f"there is no article in {directory}", "name a folder that holds articles, as *.md")
        return None
    texts = {str(file): text for file in files if (text := read_text(file, problems)) is not None}
    articles, wrong = check_articles(texts)
    if problems or wrong:
        _passed_on(root, "knowledge", directory, (*problems, *wrong))
        return None
    content = tuple(articles.values())
    return TenantChange(tenant, None, "", content, knowledge_fingerprint(tenant, content))


def _passed_on(root: Fields, field: str, place: Path, problems: tuple[Problem, ...]) -> None:
    """What is wrong in a file that the candidate names: there, and here, where it is named."""
    root.wrong(field, f"{place} cannot be used", "mend what is said of it below")
    root.source.problems += problems
