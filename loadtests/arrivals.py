"""When independent callers call: a Poisson process, drawn before the run so that no answer can shift it."""

import random
from collections.abc import Iterator

_SECOND = 1_000_000_000


def poisson(rate: float, seconds: float, seed: int) -> Iterator[int]:
    """Yield the nanoseconds after the start at which calls are due, `rate` a second on average, for `seconds`."""
    if rate <= 0:
        raise ValueError(f"a rate of {rate} calls a second never makes a call")
    draw, at, end = random.Random(seed).expovariate, 0.0, seconds
    while (at := at + draw(rate)) < end:
        yield int(at * _SECOND)
