"""Waits for something that other processes bring about, and gives up after a while."""

import time
from collections.abc import Callable

from loadtests.serving import ServingError

PATIENCE = 30.0


def wait_until(holds: Callable[[], bool], trouble: str, pause: float = 0.01) -> None:
    """Look every `pause` seconds. Raises ServingError, which says `trouble`."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise ServingError(f"{trouble} within {PATIENCE:.0f} s")
        time.sleep(pause)
