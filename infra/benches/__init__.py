"""Benchmarks of this machine: each prints ratios, says what limits, and measures the machine's own limit with it."""
