"""What the demonstration plays: two tenants with their policies and articles, and labelled conversations."""

from pathlib import Path

TENANTS = Path(__file__).parent / "tenants"
"""A folder for each example tenant: policy.yaml and articles/*.md."""
CONVERSATIONS = Path(__file__).parent / "conversations.jsonl"
"""Conversations with the scenario that a person gave each customer turn, one JSON object a line."""
