"""Owns quotes' request-time features: when the trip is wanted.

The gateway and training import this same file; its digest is in every bundle. Row-wise, numpy alone. `time` is the
city's wall clock read as if it were UTC, as in the data: hour and weekday are then the rider's own.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

HOUR, DAY = 3600.0, 86400.0
THURSDAY = 3.0  # the weekday of 1 January 1970, counted from Monday
Column = NDArray[np.float64]


def transform(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Hour of the day with its fraction, day of the week from Monday 0."""
    time = columns["time"]
    return {"hour": time % DAY / HOUR, "weekday": (np.floor_divide(time, DAY) + THURSDAY) % 7.0}
