"""A row on its way to a bundle that only watches, and the matrix which that bundle takes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.features.plan import Plan
from gateway.features.row_status import RowStatus
from gateway.intake import Row
from gateway.lane import Lane, Outcome
from gateway.stored import StoredReader

# Seconds that features of a watcher's own are waited for: nobody waits for the watcher.
PATIENCE = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """A row that some lane has run: with its line of the matrix, made by `plan`, and what came of it."""

    row: Row
    plan: Plan
    features: NDArray[np.float32]
    outcome: Outcome


class Readied(NamedTuple):
    """Samples as a lane takes them; `places` are those whose features could be read, the matrix has all."""

    matrix: NDArray[np.float32]
    places: frozenset[int]


async def ready(lane: Lane, samples: Sequence[Sample], features: StoredReader) -> Readied:
    """The running lane's row serves another lane too, unless that one's plan wants other features: these are read."""
    if all(one.plan is lane.plan for one in samples):
        return Readied(np.array([one.features for one in samples]), frozenset(range(len(samples))))
    rows = [one.row for one in samples]
    stored = await features.read(lane.plan, rows, PATIENCE)
    unread = {at for at, status in stored.odd.items() if _unread(status)}
    return Readied(lane.build(rows, stored.values), frozenset(range(len(samples))) - unread)


def _unread(status: RowStatus) -> bool:
    return bool(status.unreadable) or FeatureStatus.LATE in status.statuses.values()
