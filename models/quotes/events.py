"""Owns what quotes' data file says: the trips fit to learn from, when each became known, and the examples."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.errors import DataError
from models.history import EVENT_TIMESTAMP, MICROSECOND, VISIBLE_AT
from models.recipe import LABEL, LABEL_VISIBLE_AT, Cleaned

SOURCE = "nyc_taxi_yellow_2018_2020.parquet"
# Distance and drop-off are read for the history of earlier trips. Tips, payment, tolls and the surcharges (one of them
# absent before 2019) are not read at all: nobody knows them when a price is quoted.
COLUMNS = [
    "sample_month", "pickup_datetime", "dropoff_datetime", "passenger_count", "trip_distance",
    "pickup_location_id", "dropoff_location_id", "fare_amount",
]  # fmt: skip
MOST_DROPPED = 0.03
LEARN_UNTIL = pd.Timestamp("2020-07-01", tz="UTC")  # the trips after that are history for the online store alone
ONE_EXAMPLE_IN = 2  # of two trips one is an example, both are history: halves the join, costs 0.02 dollars of error


def read_events(data: Path) -> Cleaned:
    """The trips in order of pickup. The file's times are New York's, without a zone: they are read as if UTC."""
    raw = pd.read_parquet(data / SOURCE, columns=COLUMNS)
    duration = (raw["dropoff_datetime"] - raw["pickup_datetime"]).dt.total_seconds()
    month = raw["pickup_datetime"].dt.strftime("%Y-%m")
    sound = {
        "pickup outside of its month": (month == raw["sample_month"].astype(str)).to_numpy(),
        "fare outside of 2.50 to 250": raw["fare_amount"].between(2.5, 250).to_numpy(),
        "distance outside of 0.05 to 100 miles": raw["trip_distance"].between(0.05, 100).to_numpy(),
        "shorter than half a minute or longer than three hours": duration.between(30, 180 * 60).to_numpy(),
    }
    kept = raw[np.logical_and.reduce(list(sound.values()))]
    if len(kept) < (1 - MOST_DROPPED) * len(raw):
        raise DataError(f"{SOURCE}: only {len(kept):,} of {len(raw):,} trips are sound: is it the right file?")
    events = _whole_numbers(kept)
    return Cleaned(events=events, last_call=events["pickup"].iloc[-1], notes=_notes(raw, sound, kept))


def _whole_numbers(kept: pd.DataFrame) -> pd.DataFrame:
    """Trips with their figures in cents, hundredths of a mile and seconds, so that sums over them are exact."""
    pickup = kept["pickup_datetime"].dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    dropoff = kept["dropoff_datetime"].dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    trips = pd.DataFrame(
        {
            "trip": np.arange(len(kept)),
            "pickup": pickup,
            "dropoff": dropoff,
            "pickup_zone": kept["pickup_location_id"].astype(np.int64),
            "dropoff_zone": kept["dropoff_location_id"].astype(np.int64),
            "passenger_count": kept["passenger_count"].astype("float64"),
            "fare": (kept["fare_amount"] * 100).round(),
            "distance": (kept["trip_distance"] * 100).round(),
            "duration": (dropoff - pickup).dt.total_seconds(),
        }
    )
    return trips.sort_values(["pickup", "trip"], ignore_index=True)


def _notes(raw: pd.DataFrame, sound: Mapping[str, NDArray[np.bool_]], kept: pd.DataFrame) -> tuple[str, ...]:
    missing = int(kept["passenger_count"].isna().sum())
    return (
        f"{len(raw):,} trips read, {len(raw) - len(kept):,} dropped, {len(kept) / len(raw):.1%} left",
        *(f"  {(~mask).sum():,} {reason}" for reason, mask in sound.items()),
        f"{missing:,} more have no passenger count: they count as history, and are no examples",
    )


def trips_at_dropoff(events: pd.DataFrame) -> pd.DataFrame:
    """Trips, known just after they end."""
    return events.assign(**{VISIBLE_AT: events["dropoff"] + MICROSECOND})


def trips_by_day(events: pd.DataFrame) -> pd.DataFrame:
    """Trips, known from the midnight after they end: a zone has thousands, and its habits can wait for a night."""
    return events.assign(**{VISIBLE_AT: events["dropoff"].dt.floor("D") + timedelta(days=1)})


def examples(events: pd.DataFrame) -> pd.DataFrame:
    """One row to learn from per trip, as the quote that would have been asked for at its pickup."""
    counted = events["passenger_count"].notna() & (events["trip"] % ONE_EXAMPLE_IN == 0)
    asked = events[counted & (events["pickup"] < LEARN_UNTIL)]
    return pd.DataFrame(
        {
            "example": asked["trip"],
            EVENT_TIMESTAMP: asked["pickup"],
            "pickup_zone": asked["pickup_zone"],
            "dropoff_zone": asked["dropoff_zone"],
            "passenger_count": asked["passenger_count"],
            LABEL: asked["fare"] / 100,
            LABEL_VISIBLE_AT: asked["dropoff"],
        }
    )
