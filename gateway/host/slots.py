"""The memory that a worker and its lane host share: a few slots, each with room for the rows of a run and its scores.

An anonymous file (memfd) that only descriptors name: nothing is left behind whoever is killed. It is sealed against
shrinking, or a host could cut it off and the worker's next touch of it would be fatal.
"""

import fcntl
import mmap
import os

import numpy as np
from numpy.typing import NDArray

SLOT_ROWS = 64
_LINE = 64  # bytes of a cache line: no two slots share one


class Slots:
    """Both sides' view of the same memory. `width` is the greatest number of features that a row may have."""

    def __init__(self, fd: int, count: int, width: int) -> None:
        whole = np.frombuffer(mmap.mmap(fd, _size(count, width)), dtype=np.uint8).reshape(count, -1)
        rows = SLOT_ROWS * width * 4
        self._rows = [slot[:rows].view(np.float32) for slot in whole]
        self._scores = [slot[-SLOT_ROWS * 8 :].view(np.float64) for slot in whole]

    def put_rows(self, slot: int, rows: NDArray[np.float32]) -> None:
        """Copy rows into a slot."""
        self._rows[slot][: rows.size] = rows.reshape(-1)

    def rows(self, slot: int, count: int, width: int) -> NDArray[np.float32]:
        """Return the rows in a slot, where they lie."""
        return self._rows[slot][: count * width].reshape(count, width)

    def put_scores(self, slot: int, scores: NDArray[np.float64]) -> None:
        """Copy scores into a slot."""
        self._scores[slot][: len(scores)] = scores

    def scores(self, slot: int, count: int) -> NDArray[np.float64]:
        """Return a copy of a slot's scores: nobody can change it any more."""
        return self._scores[slot][:count].copy()


def new_memory(count: int, width: int) -> int:
    """Return a descriptor of fresh memory for `Slots`."""
    return sealed_memory(_size(count, width))


def sealed_memory(size: int) -> int:
    """Return a descriptor of fresh memory of so many bytes, for good."""
    fd = os.memfd_create("sluice-lane", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return fd


def _size(count: int, width: int) -> int:
    slot = SLOT_ROWS * (width * 4 + 8)
    return count * -(-slot // _LINE) * _LINE
