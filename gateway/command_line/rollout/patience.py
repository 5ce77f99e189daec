"""An order that is given again while gateways have not told the control plane yet what it takes."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from gateway.client.rollouts_errors import NotYet
from gateway.command_line.rollout.words import visible
from routing.figure import span

T = TypeVar("T")

AGAIN = 0.5
"""Seconds from one try to the next: so often gateways tell how they stand."""


def patiently(
    order: Callable[[], T],
    patience: float,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Give the order until it is no longer too early, for so many seconds; say once on standard error that one waits.

    Raises what it raises, and `NotYet` when the time is over.
    """
    until, said = clock() + patience, False
    while True:
        try:
            return order()
        except NotYet as exc:
            if clock() >= until:
                raise
            if not said:
                print(f"sluice: waiting, {span(patience)} at most: {visible(str(exc))}", file=sys.stderr, flush=True)
            said = True
        wait(AGAIN)
