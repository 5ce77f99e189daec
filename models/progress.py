"""Owns what a long run tells the person who waits: one line a step, with its seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """Prints each step as it begins and its time as it ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step that takes a while."""
        began = self._clock()
        print(f"  {name} ...", end="", flush=True)
        try:
            yield
        except BaseException:
            print(" failed", flush=True)
            raise
        print(f" {self._clock() - began:.1f} s", flush=True)

    def say(self, line: str) -> None:
        """A line between steps."""
        print(f"  {line}", flush=True)
