"""Damage to files: to their bytes, to their lines, and to the values in them."""

from __future__ import annotations

import gzip
import random
from typing import Final

VALUES: Final = (
    "",
    "~",
    "yes",
    "-1",
    "1e999",
    ".nan",
    ".inf",
    "NaN",
    "Infinity",
    "9" * 5000,
    "0b_",
    "0x_",
    "1_0:70:99",
    "2024-13-45",
    "2024-01-01T25:61:61Z",
    "!!int x",
    "!!float x",
    "!!bool x",
    "!!timestamp x",
    "!!binary x",
    "!!set {a, b}",
    "!!python/object/apply:os.system [true]",
    "!unknown {a: 1}",
    "*nothing",
    "&a [*a]",
    "&a {a: *a}",
    "<<: *a",
    "[" * 3000,
    "{a: " * 300,
    "[[1]]: 2",
    "? [a]\n: b",
    "{{[a]: b}: c}",
    '"\\ud800"',
    '"\\u0000"',
    '"\\x00"',
    "'",
    '"',
    "|",
    ">2-",
    "@",
    "`",
    "%YAML 9.9",
    "[]",
    "{}",
    "[null]",
    '{"": ""}',
    "null",
    "true",
    "1.5",
    '"a"',
    "x" * 300,
    "😀",
    "../../etc/passwd",
    "/" + "x" * 300,
    "a\tb",
)
LAUGHS: Final = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
WHOLE: Final = (b"", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00" * 100, b"[" * 100_000, b'{"a":' * 50_000, LAUGHS.encode())
BAD: Final = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\x00", b"\r", b"\x85", b"\xe2\x80\xa8", b"\t")


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The file with something wrong in one to three places."""
    if rng.random() < 0.03:
        return rng.choice(WHOLE)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice((_byte, _cut, _line, _value, _value, _value, _repeat))(content, rng)
    return content


def damaged_gzip(content: bytes, rng: random.Random) -> bytes:
    """The packed file: damaged before it was packed, or after."""
    if rng.random() < 0.5:
        return gzip.compress(damaged(gzip.decompress(content), rng), mtime=0)
    return rng.choice((_byte, _cut, _repeat))(content, rng)


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """A file that is no text: bytes changed, cut off, repeated."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        content = rng.choice((_byte, _byte, _byte, _cut, _repeat))(content, rng)
    return content


def _byte(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    new = rng.choice((rng.randbytes(1), rng.choice(BAD), b""))
    return content[:at] + new + content[at + 1 :]


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[max(0, at - rng.randrange(200)) :]


def _line(content: bytes, rng: random.Random) -> bytes:
    """A line taken out, written twice, indented, or put elsewhere."""
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines[at] = b"  " + lines[at]
        case _:
            lines.insert(rng.randrange(len(lines)), lines.pop(at))
    return b"\n".join(lines)


def _value(content: bytes, rng: random.Random) -> bytes:
    """Another value after a colon, or between commas: what stands there is put aside to the next mark."""
    marks = [i for i, byte in enumerate(content[:200_000]) if byte in b":[,"]
    if not marks:
        return content
    at = rng.choice(marks) + 1
    end = at
    while end < len(content) and content[end] not in b",\n}]":
        end += 1
    return content[:at] + b" " + rng.choice(VALUES).encode() + content[end:]
