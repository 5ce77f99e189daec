"""Owns credit's request-time features: bills and payments in proportion to the limit and to each other.

The gateway and training import this same file; its digest is in every bundle. Row-wise, numpy alone.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

MOST = 10.0  # ratios to small bills grow without bound and say no more beyond this
Column = NDArray[np.float64]


def transform(columns: Mapping[str, Column]) -> dict[str, Column]:
    """How much of the limit is used, how much of the last bill was paid, and whether the bill grows."""
    limit = np.maximum(columns["credit_limit"], 1.0)
    owed = np.maximum(columns["bill_previous"], 1.0)
    return {
        "utilisation": columns["bill_last"] / limit,
        "utilisation_6m": columns["bill_mean_6m"] / limit,
        "payment_ratio": np.minimum(columns["paid_last"] / owed, MOST),
        "bill_trend": (columns["bill_last"] - columns["bill_mean_6m"]) / limit,
    }
