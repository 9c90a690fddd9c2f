"""Judges of reply texts, how far they agree, and how near replies come to what people said. See docs/candidates.md."""
