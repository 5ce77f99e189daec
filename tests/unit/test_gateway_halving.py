"""The search for bad rows: finds every one, scores every other, and stops when told to."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.backends.backend import BackendError
from gateway.halving import Found, halve


def search(rows: int, bad: set[int], most: int = 10_000) -> tuple[list[Found], int]:
    """Return what was found in rows scored by their number, and how many runs it took."""
    runs = 0

    async def run(part: NDArray[np.float32]) -> NDArray[np.float64]:
        if bad & set(part[:, 0].astype(int).tolist()):
            raise BackendError("bad")
        return part[:, 0].astype(np.float64)

    def may_run(rows: int) -> bool:
        nonlocal runs
        assert rows >= 1
        runs += runs < most
        return runs < most

    matrix = np.arange(rows, dtype=np.float32).reshape(-1, 1)
    return asyncio.run(halve(run, matrix, may_run)), runs


@given(st.integers(2, 70).flatmap(lambda rows: st.tuples(st.just(rows), st.sets(st.integers(0, rows - 1)))))
def test_every_row_is_scored_or_found_bad(case: tuple[int, set[int]]) -> None:
    rows, bad = case
    found, _ = search(rows, bad)
    assert {at for at, one in enumerate(found) if isinstance(one, BackendError)} == bad
    assert [one for one in found if isinstance(one, float)] == [float(at) for at in range(rows) if at not in bad]


def test_one_bad_row_of_64_takes_twelve_runs() -> None:
    assert search(64, {17})[1] == 12


def test_what_there_was_no_time_for_is_not_claimed() -> None:
    found, runs = search(64, {0, 63}, most=4)
    assert runs == 4
    assert None in found
    assert all(one is None or isinstance(one, float | BackendError) for one in found)


def test_a_run_that_fails_only_once_leaves_nothing_bad() -> None:
    found, _ = search(8, set())
    assert found == [float(at) for at in range(8)]


def test_a_single_row_is_not_searched() -> None:
    with pytest.raises(AssertionError):
        search(1, {0})  # its first half is empty: the caller knows already which row it was
