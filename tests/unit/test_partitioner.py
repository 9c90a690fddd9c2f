"""The partitioner against the vectors of the Java client's own tests."""

from __future__ import annotations

import pytest

from streams.partitioner import murmur2, partition_of

JAVA = {  # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "hash_"), JAVA.items())
def test_hashes_as_java_does(key: bytes, hash_: int) -> None:
    """murmur2 gives the 32-bit number that the Java client computes."""
    assert murmur2(key) == hash_ & 0xFFFFFFFF


def test_a_partition_is_one_of_those_there_are() -> None:
    """Every partition is chosen for some key, and none beyond."""
    assert {partition_of(f"key {i}".encode(), 12) for i in range(500)} == set(range(12))
