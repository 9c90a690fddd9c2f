"""Live A/B: experiments started and stopped by events, and what the facts say of their arms (docs/experiments.md)."""
