"""Drills of generation on a real server under load, and what they measure: figures that a person can ask for again."""
