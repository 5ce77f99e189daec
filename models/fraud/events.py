"""Owns what fraud's data file says: the payments, when each became known, and the examples to learn from."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from models.errors import DataError
from models.history import EVENT_TIMESTAMP, MICROSECOND, VISIBLE_AT
from models.recipe import LABEL, LABEL_VISIBLE_AT, Cleaned

SOURCE = "fraud_transactions_evalml.parquet"
COLUMNS = ["id", "card_id", "store_id", "datetime", "amount", "customer_present", "fraud"]
LABEL_DELAY = timedelta(days=7)  # until then nobody knows whether a payment was fraud


def read_events(data: Path) -> Cleaned:
    """The payments in order of time. The file is grouped by store, and its times are naive: they are read as UTC.

    `country` is not read: 87 rows lost Namibia's code NA to a parser that took it for a missing value. `currency`,
    card and store details say nothing of a payment's risk beyond the histories.
    """
    raw = pd.read_parquet(data / SOURCE, columns=COLUMNS)
    if raw.isna().to_numpy().any() or raw["id"].duplicated().any() or (raw["amount"] <= 0).any():
        raise DataError(f"{SOURCE}: a null, a repeated id or an amount that is not positive")
    events = raw.sort_values(["datetime", "id"], ignore_index=True)
    events["datetime"] = events["datetime"].dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    events["seen"] = events["datetime"].astype(np.int64) // 1_000_000  # whole seconds
    events["fraud_amount"] = events["amount"].where(events["fraud"], 0)
    notes = (f"{len(raw):,} payments read, {len(raw) - len(events):,} dropped",)
    return Cleaned(events=events, last_call=events["datetime"].iloc[-1], notes=notes)


def payments(events: pd.DataFrame) -> pd.DataFrame:
    """Payments, known just after they happen: Feast joins rows stamped at or before the call, so a payment stamped at
    its own time would be in its own history."""
    return events.assign(**{VISIBLE_AT: events["datetime"] + MICROSECOND})


def labels(events: pd.DataFrame) -> pd.DataFrame:
    """The same payments, known with their label after the delay."""
    return events.assign(**{VISIBLE_AT: events["datetime"] + LABEL_DELAY})


def examples(events: pd.DataFrame) -> pd.DataFrame:
    """One row to learn from per payment, as the call that it would have made."""
    return pd.DataFrame(
        {
            "example": events["id"],
            EVENT_TIMESTAMP: events["datetime"],
            "card_id": events["card_id"],
            "store_id": events["store_id"],
            "amount": events["amount"].astype(np.float64),
            "customer_present": events["customer_present"].astype(np.float64),
            LABEL: events["fraud"].astype(np.float64),
            LABEL_VISIBLE_AT: events["datetime"] + LABEL_DELAY,
        }
    )
