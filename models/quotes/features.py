"""Owns quotes' stored features: what trips from, to and between zones came to, once for Feast and for training."""

from collections.abc import Iterator
from datetime import timedelta

from models.feature_view import entity, feature_service, feature_view
from models.history import Aggregate, History
from models.quotes.events import trips_at_dropoff, trips_by_day

DAY = timedelta(days=1)
WINDOWS = {"7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}
MEANS = {"fare": 100.0, "distance": 100.0, "duration": 1.0}  # column -> what its unit is divided by: dollars, miles


def _trips(of: str) -> Iterator[Aggregate]:
    for name, window in WINDOWS.items():
        yield Aggregate(f"{of}_count_{name}", "count", window=window)
        for column, unit in MEANS.items():
            yield Aggregate(f"{of}_{column}_{name}", "mean", column, window, unit)


HISTORIES = (
    History("pickup_history", ("pickup_zone",), trips_by_day, tuple(_trips("pickup")), ttl=14 * DAY),
    History("dropoff_history", ("dropoff_zone",), trips_by_day, tuple(_trips("dropoff")), ttl=14 * DAY),
    History("pair_history", ("pickup_zone", "dropoff_zone"), trips_at_dropoff, tuple(_trips("pair")), ttl=365 * DAY),
)

ENTITIES = (entity("pickup_zone", "where a trip begins"), entity("dropoff_zone", "where a trip ends"))
VIEWS = tuple(feature_view(history, ENTITIES) for history in HISTORIES)
SERVICE = feature_service("quotes", VIEWS)
