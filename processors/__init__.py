"""What we decide: pure functions of events. No clock, no random, no I/O, no environment."""
