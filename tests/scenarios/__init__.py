"""Golden histories: recorded conversations with the two example tenants, and what came of them, turn by turn."""
