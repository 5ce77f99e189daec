"""Owns fraud's request-time features: what only the call and the stored history together can say.

The gateway and training import this same file; its digest is in every bundle. Row-wise, numpy alone.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

HOUR = 3600.0
LONGEST_GAP = 90 * 24 * HOUR  # as long as the history is kept; a card never seen counts as this long ago
Column = NDArray[np.float64]


def transform(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Hour of the day (UTC), time since card and store were last seen, and the amount against what is usual."""
    time = columns["time"]
    amount = columns["amount"]
    return {
        "hour": np.floor_divide(time, HOUR) % 24.0,
        "card_gap": np.minimum(np.maximum(time - columns["card_last_seen"], 0.0), LONGEST_GAP),
        "store_gap": np.minimum(np.maximum(time - columns["store_last_seen"], 0.0), LONGEST_GAP),
        "card_amount_ratio": amount / (columns["card_amount_30d"] + 1.0),
        "store_fraud_rate": columns["store_fraud_count"] / (columns["store_label_count"] + 1.0),
    }
