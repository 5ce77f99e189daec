"""The memory that worker and host share: what one side writes the other reads, and nobody can take it away."""

import mmap
import os
from collections.abc import Iterator

import numpy as np
import pytest

from gateway.host.slots import SLOT_ROWS, Slots, new_memory

COUNT, WIDTH = 3, 5


@pytest.fixture
def memory() -> Iterator[int]:
    fd = new_memory(COUNT, WIDTH)
    yield fd
    os.close(fd)


def test_rows_there_and_scores_back(memory: int) -> None:
    ours, theirs = Slots(memory, COUNT, WIDTH), Slots(memory, COUNT, WIDTH)
    sent = np.random.default_rng(7).random((SLOT_ROWS, WIDTH), dtype=np.float32)
    for slot in range(COUNT):
        ours.put_rows(slot, sent + slot)
    for slot in range(COUNT):
        assert theirs.rows(slot, SLOT_ROWS, WIDTH).tolist() == (sent + slot).tolist()
        theirs.put_scores(slot, np.arange(SLOT_ROWS) + 100.0 * slot)
    for slot in range(COUNT):
        assert ours.scores(slot, SLOT_ROWS).tolist() == (np.arange(SLOT_ROWS) + 100.0 * slot).tolist()
        assert theirs.rows(slot, SLOT_ROWS, WIDTH).tolist() == (sent + slot).tolist(), "scores lie beside the rows"


def test_rows_of_a_narrower_model_and_of_a_view(memory: int) -> None:
    ours, theirs = Slots(memory, COUNT, WIDTH), Slots(memory, COUNT, WIDTH)
    wide = np.arange(24, dtype=np.float32).reshape(4, 6)
    ours.put_rows(1, wide[:, ::2])
    assert theirs.rows(1, 4, 3).tolist() == wide[:, ::2].tolist()


def test_scores_that_were_taken_out_cannot_be_changed_any_more(memory: int) -> None:
    ours, theirs = Slots(memory, COUNT, WIDTH), Slots(memory, COUNT, WIDTH)
    theirs.put_scores(0, np.array([1.0]))
    taken = ours.scores(0, 1)
    theirs.put_scores(0, np.array([2.0]))
    assert taken.tolist() == [1.0]


def test_a_host_cannot_take_the_memory_away(memory: int) -> None:
    """A worker that touches memory behind the end of a file is killed by the kernel."""
    for size in (0, 10 * mmap.PAGESIZE):
        with pytest.raises(PermissionError):
            os.ftruncate(memory, size)
