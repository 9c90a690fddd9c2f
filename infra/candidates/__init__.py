"""Candidates: what would replace what is live, and what it must not make worse. The file: docs/candidates.md."""
