"""Owns what credit's two data files say: monthly statements, credit limits, and the examples to learn from.

Sex, age and marriage are protected and are not read. Education is not read either: it stands in for class and origin
much as they do, its codes 0, 5 and 6 mean nothing that anybody wrote down, and the statements already say how a client
pays. Reports on fairness join these columns by client, the features never.
"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from models.errors import DataError
from models.history import EVENT_TIMESTAMP, VISIBLE_AT
from models.recipe import LABEL, LABEL_VISIBLE_AT, Cleaned

CLIENTS = "credit_default_uci.parquet"
STATEMENTS = "credit_default_uci_monthly.parquet"
CLIENT_COLUMNS = ["ID", "LIMIT_BAL", "default_next_month"]

LATE = 2  # months: 1 occurs almost only in September, and so says which month it is
KNOWN_FROM = pd.Timestamp("2005-04-01", tz="UTC")  # limits stood before the first statement
ASKED_AT = pd.Timestamp("2005-09-30 23:59", tz="UTC")
DEFAULT_KNOWN_AT = pd.Timestamp("2005-10-31", tz="UTC")
TARGET = "target"
DEFAULTS, RUNS_LATE = 0.0, 1.0  # the target of an example: default next month, or a late statement next month


def read_events(data: Path) -> Cleaned:
    """One row per client and statement, with the client's limit, default and next statement beside it."""
    clients = pd.read_parquet(data / CLIENTS, columns=CLIENT_COLUMNS)
    statements = pd.read_parquet(data / STATEMENTS)
    if clients["ID"].duplicated().any() or statements[["ID", "statement_ts"]].duplicated().any():
        raise DataError(f"{CLIENTS}, {STATEMENTS}: a client or a statement stands there twice")
    joined = statements.merge(clients, on="ID", validate="many_to_one")
    if len(joined) != len(statements):
        raise DataError(f"{STATEMENTS}: {len(statements) - len(joined):,} statements of clients nobody knows")
    note = f"{len(clients):,} clients with {len(statements):,} statements read, 0 dropped"
    return Cleaned(events=_statements(joined), last_call=ASKED_AT, notes=(note,))


def _statements(joined: pd.DataFrame) -> pd.DataFrame:
    ordered = joined.sort_values(["statement_ts", "ID"], ignore_index=True)
    events = pd.DataFrame(
        {
            "client_id": ordered["ID"].astype(np.int64),
            "statement_at": ordered["statement_ts"].dt.tz_localize("UTC").astype("datetime64[us, UTC]"),
            "status": ordered["pay_status"].astype(np.float64),
            "late": (ordered["pay_status"] >= LATE).astype(np.float64),
            "bill": ordered["bill_amt"].astype(np.float64),
            "paid": ordered["pay_amt"].astype(np.float64),
            "limit": ordered["LIMIT_BAL"].astype(np.float64),
            "default": ordered["default_next_month"].astype(np.float64),
        }
    )
    client = events.groupby("client_id", sort=False)
    return events.assign(
        previous_bill=client["bill"].shift(1).fillna(0.0),
        next_late=client["late"].shift(-1),
        next_statement_at=client["statement_at"].shift(-1),
    )


def statements(events: pd.DataFrame) -> pd.DataFrame:
    """Statements, known when they are made."""
    return events.assign(**{VISIBLE_AT: events["statement_at"]})


def accounts(events: pd.DataFrame) -> pd.DataFrame:
    """Each client once, with what stood before the first statement."""
    return events.drop_duplicates("client_id").assign(**{VISIBLE_AT: KNOWN_FROM})


def examples(events: pd.DataFrame) -> pd.DataFrame:
    """Default after September for every client, and a late next statement after each month from the third on.

    The file has one prediction date, so only the second target has a past and a future to part by time.
    """
    september = events["statement_at"] == ASKED_AT.floor("D")
    rolling = ~september & (events["statement_at"] >= pd.Timestamp("2005-06-30", tz="UTC"))
    asked = pd.concat(
        [
            _examples(events[september], DEFAULTS, "default", DEFAULT_KNOWN_AT),
            _examples(events[rolling], RUNS_LATE, "next_late", events.loc[rolling, "next_statement_at"]),
        ],
        ignore_index=True,
    )
    return asked.assign(example=np.arange(len(asked)))


def _examples(
    asked: pd.DataFrame, target: float, label: str, visible_at: "pd.Timestamp | pd.Series[pd.Timestamp]"
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            EVENT_TIMESTAMP: asked["statement_at"] + timedelta(hours=23, minutes=59),
            "client_id": asked["client_id"],
            TARGET: target,
            LABEL: asked[label],
            LABEL_VISIBLE_AT: visible_at,
        }
    )
