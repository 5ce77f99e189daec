"""Ports for servers that bind them later: below those that the kernel gives away, others in each process."""

import os
import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle

RANGE = range(20_000, 32_000)
_STRIDE = 997
"""Processes that test at the same time have neighbouring ids: so far apart they begin."""


def free_ports(count: int) -> list[int]:
    """Return so many ports of the loopback that nobody listens on, and that nobody here was given before."""
    found: list[int] = []
    while len(found) < count:
        port = next(_candidates())
        if _is_free(port):
            found.append(port)
    return found


@cache
def _candidates() -> Iterator[int]:
    first = os.getpid() * _STRIDE % len(RANGE)
    return cycle([*RANGE[first:], *RANGE[:first]])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
