"""Drills: a fault at a random moment under load on a stack of its own, recovery, and an audit of everything."""
