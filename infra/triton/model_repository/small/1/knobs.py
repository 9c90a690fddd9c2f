"""What the model's parameters set: how fast it is, how many at once, and the faults that a drill asks for."""

import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

NUMBERS = {"token_ms": 0.0, "first_token_ms": 0.0, "error_share": 0.0, "wrong_shape_share": 0.0}
WHOLE = {"slots": 64, "seed": 1, "threads": 1}
LOADS = ("works", "out of memory")
OTHERS = {"load", "generator", "sha256"}


class OutOfMemory(Exception):
    """What a model says that does not fit."""


class Knobs(NamedTuple):
    """The parameters, checked. Times are in seconds; shares from 0 to 1. `slots`: requests answered at once; `threads`:
    that compute."""

    token_s: float
    first_token_s: float
    error_share: float
    wrong_shape_share: float
    slots: int
    seed: int
    loads: str
    threads: int

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Knobs":
        """Reads parameters by name; those not given have their defaults.

        Raises:
            ValueError: a name is unknown, or a value out of its range.
        """
        if unknown := set(given) - NUMBERS.keys() - WHOLE.keys() - OTHERS:
            known = ", ".join([*NUMBERS, *WHOLE, *sorted(OTHERS)])
            raise ValueError(f"no such parameter: {', '.join(sorted(unknown))}; there are {known}")
        number = {name: _number(name, given.get(name, str(usual))) for name, usual in NUMBERS.items()}
        whole = {name: int(_number(name, given.get(name, str(usual)))) for name, usual in WHOLE.items()}
        for share in ("error_share", "wrong_shape_share"):
            if number[share] > 1:
                raise ValueError(f"parameter {share}: must be from 0 to 1, not {number[share]}")
        for name in ("slots", "threads"):
            if whole[name] < 1:
                raise ValueError(f"parameter {name}: must be at least 1")
        loads = given.get("load", LOADS[0])
        if loads not in LOADS:
            raise ValueError(f"parameter load: must be one of {', '.join(LOADS)}, not {loads!r}")
        return cls(
            token_s=number["token_ms"] / 1000,
            first_token_s=number["first_token_ms"] / 1000,
            error_share=number["error_share"],
            wrong_shape_share=number["wrong_shape_share"],
            slots=whole["slots"],
            seed=whole["seed"],
            loads=loads,
            threads=whole["threads"],
        )

    def load(self) -> None:
        """Raises OutOfMemory where the drill wants that."""
        if self.loads == "out of memory":
            raise OutOfMemory("out of memory, as the parameter load asks")

    def faults(self) -> Iterator[str]:
        """For one request after the other: `error`, `shape`, or nothing; the same again for the same seed."""
        chance = random.Random(self.seed)
        while True:
            drawn = chance.random()
            if drawn < self.error_share:
                yield "error"
            elif drawn < self.error_share + self.wrong_shape_share:
                yield "shape"
            else:
                yield ""


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ValueError(f"parameter {name}: must be a number that is not negative, not {text!r}")
    return value
