"""Records that nobody should write, pushed through the codec and every stage among customers who wrote nothing wrong.

    python -m streams.testing.fuzzing --records 100000 --seed 7

A record is made from the seed and its number alone, so each can be made again: a failure prints both, and the bytes.
"""

from streams.testing.fuzzing.mutants import Mutant, mutant
from streams.testing.fuzzing.running import Finding, Fuzzed, fuzz
from streams.testing.fuzzing.world import World

__all__ = ["Finding", "Fuzzed", "Mutant", "World", "fuzz", "mutant"]
