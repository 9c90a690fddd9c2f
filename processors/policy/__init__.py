"""What a tenant wants of its bot: model → parse → check → compile. Texts come in from outside; nothing is read here."""

from processors.policy.check import Tenant, check_tenant, rules_of
from processors.policy.compile import Rules
from processors.policy.model import Policy
from processors.policy.problem import Problem

__all__ = ["Policy", "Problem", "Rules", "Tenant", "check_tenant", "rules_of"]
