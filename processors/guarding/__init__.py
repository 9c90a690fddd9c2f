"""Guard rails for generated replies: each with its own outcome; what cannot be mended goes to the next rung."""

from __future__ import annotations

from processors.guarding.release import Release
from processors.guarding.verdict import REASONS, Finding, Grounds, Limits, Verdict, guard

__all__ = ["REASONS", "Finding", "Grounds", "Limits", "Release", "Verdict", "guard"]
