"""The search for the rows at which a run fails: halves, and halves of those, until each row was scored or failed alone.

The same for every arm, on the path (to answer a bad row's neighbours) and off it (to settle which row was at fault).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from gateway.backends.backend import BackendError
from gateway.tensor_request import TensorAnswer

Run = Callable[[NDArray[Any]], Awaitable[NDArray[Any]]]
Scored = float | TensorAnswer
Found = Scored | BackendError | None


def scored_rows(found: Sequence[Found]) -> dict[int, Scored]:
    """Return by place what was scored."""
    return {at: one for at, one in enumerate(found) if isinstance(one, float | TensorAnswer)}


async def halve(run: Run, rows: NDArray[Any], may_run: Callable[[int], bool]) -> list[Found]:
    """Score rows, two at least, of which a run as a whole has just failed.

    Returns for each row its score, or the error that it gives alone, or None where `may_run`, asked with the number of
    rows before each run, said no first. The first half is searched to its end before the second one is begun.
    """
    found: list[Found] = [None] * len(rows)
    parts = _halves(0, len(rows))
    while parts:
        start, stop = parts.pop()
        if not may_run(stop - start):
            break
        try:
            found[start:stop] = (await run(rows[start:stop])).tolist()
        except BackendError as exc:
            if stop - start == 1:
                found[start] = exc
            else:
                parts += _halves(start, stop)
    return found


def _halves(start: int, stop: int) -> list[tuple[int, int]]:
    middle = (start + stop) // 2
    return [(middle, stop), (start, middle)]
