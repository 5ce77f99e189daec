"""Owns credit's stored features: what an account allows and how it was paid, once for Feast and for training."""

from datetime import timedelta

from models.credit.events import accounts, statements
from models.feature_view import entity, feature_service, feature_view
from models.history import Aggregate, History

DAY = timedelta(days=1)
# Statements come at month ends: three of them span at most 62 days and four at least 89, six at most 153, seven 181.
THREE, SIX = 80 * DAY, 170 * DAY

STATEMENTS = (
    Aggregate("status_last", "last", "status"),
    Aggregate("status_worst_3m", "max", "status", THREE),
    Aggregate("status_worst_6m", "max", "status", SIX),
    Aggregate("late_months_3m", "sum", "late", THREE),
    Aggregate("late_months_6m", "sum", "late", SIX),
    Aggregate("statement_count_6m", "count", window=SIX),
    Aggregate("bill_last", "last", "bill"),
    Aggregate("bill_previous", "last", "previous_bill"),
    Aggregate("bill_mean_3m", "mean", "bill", THREE),
    Aggregate("bill_mean_6m", "mean", "bill", SIX),
    Aggregate("bill_highest_6m", "max", "bill", SIX),
    Aggregate("paid_last", "last", "paid"),
    Aggregate("paid_mean_3m", "mean", "paid", THREE),
    Aggregate("paid_mean_6m", "mean", "paid", SIX),
)
HISTORIES = (
    History("client_account", ("client_id",), accounts, (Aggregate("credit_limit", "last", "limit"),)),
    History("client_statements", ("client_id",), statements, STATEMENTS, ttl=45 * DAY),
)

ENTITIES = (entity("client_id", "a credit card client"),)
VIEWS = tuple(feature_view(history, ENTITIES) for history in HISTORIES)
SERVICE = feature_service("credit", VIEWS)
