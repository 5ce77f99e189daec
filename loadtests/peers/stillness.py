"""Processes that rest while somebody else is measured.

An idle server is not a quiet one: LitServe's processes poll their queues, and took two thirds of the core from whoever
was asked beside them.
"""

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress


@contextmanager
def at_rest(pids: Sequence[int]) -> Iterator[None]:
    """Stop the processes for a while; they go on afterwards, whatever happens, so that they can be ended."""
    _signal(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(pids, signal.SIGCONT)


@contextmanager
def at_work(pids: Sequence[int]) -> Iterator[None]:
    """Let processes at rest go on for a while."""
    _signal(pids, signal.SIGCONT)
    try:
        yield
    finally:
        _signal(pids, signal.SIGSTOP)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
