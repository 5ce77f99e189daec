"""Owns fraud's stored features: what is remembered of cards and stores, declared once for Feast and for training."""

from datetime import timedelta

from models.feature_view import entity, feature_service, feature_view
from models.fraud.events import labels, payments
from models.history import Aggregate, History

DAY = timedelta(days=1)
WINDOWS = {"1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


def _spending(of: str) -> tuple[Aggregate, ...]:
    counts = (Aggregate(f"{of}_count_{name}", "count", window=window) for name, window in WINDOWS.items())
    sums = (Aggregate(f"{of}_amount_{name}", "sum", "amount", window) for name, window in WINDOWS.items())
    last = (Aggregate(f"{of}_last_amount", "last", "amount"), Aggregate(f"{of}_last_seen", "last", "seen"))
    return (*counts, *sums, *last)


def _verdicts(of: str) -> tuple[Aggregate, ...]:
    return (
        Aggregate(f"{of}_label_count", "count"),
        Aggregate(f"{of}_fraud_count", "sum", "fraud"),
        Aggregate(f"{of}_fraud_amount", "sum", "fraud_amount"),
    )


# A quiet card's habits fade after 90 days; that it was once used for fraud does not.
HISTORIES = (
    History("card_history", ("card_id",), payments, _spending("card"), ttl=90 * DAY),
    History("store_history", ("store_id",), payments, _spending("store"), ttl=90 * DAY),
    History("card_frauds", ("card_id",), labels, _verdicts("card")),
    History("store_frauds", ("store_id",), labels, _verdicts("store")),
)

ENTITIES = (entity("card_id", "a payment card"), entity("store_id", "a store that takes cards"))
VIEWS = tuple(feature_view(history, ENTITIES) for history in HISTORIES)
SERVICE = feature_service("fraud", VIEWS)
