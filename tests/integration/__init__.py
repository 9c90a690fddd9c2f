"""Several real parts at once."""
