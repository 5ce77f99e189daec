"""Owns what an entity's past amounts to: rolling aggregates over its events, as of its last visible event.

Every event carries `visible_at`, the instant from which a prediction may know it. A history row is written at each such
instant and holds, for each window, what was visible in (visible_at - window, visible_at]: both training and the online
store therefore see windows as of the last event, never as of the call. Events that share an instant make one row.

Sums run over float64 cumulative sums, so columns must hold whole numbers (cents, seconds, flags): then they are exact
in any order, and a row never depends on what other entities did.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

VISIBLE_AT = "visible_at"
EVENT_TIMESTAMP = "event_timestamp"
CREATED = "created"
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One feature: an aggregate of `column` over `window` (None: the whole past), divided by `unit`."""

    name: str
    kind: Literal["count", "sum", "mean", "max", "last"]
    column: str = ""
    window: timedelta | None = None
    unit: float = 1.0


@dataclass(frozen=True, slots=True)
class History:
    """One feature view: the aggregates of the events that share the keys, forgotten after `ttl` (zero: never)."""

    view: str
    keys: tuple[str, ...]
    events: Callable[[pd.DataFrame], pd.DataFrame]  # the deployment's events as this view sees them, with `visible_at`
    aggregates: tuple[Aggregate, ...]
    ttl: timedelta = timedelta(0)

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(aggregate.name for aggregate in self.aggregates)


@dataclass(frozen=True, slots=True)
class _Timeline:
    """The events of all entities in one order: by entity, then by instant."""

    instants: NDArray[np.int64]  # entity number * span + microseconds: one sorted axis for all entities
    first: NDArray[np.int64]  # per row: index of its entity's first event
    last: NDArray[np.int64]  # per row: index of the last event it may see

    def starts(self, window: timedelta | None) -> NDArray[np.int64]:
        """Per row, the index of the first event inside the window."""
        if window is None:
            return self.first
        width = window // MICROSECOND
        inside = np.searchsorted(self.instants, self.instants[self.last] - width, side="right")
        return np.maximum(inside, self.first)


def history_table(history: History, deployment_events: pd.DataFrame) -> pd.DataFrame:
    """The rows of one feature view, stamped with the instant from which each may be read."""
    events = history.events(deployment_events)
    order, timeline = _timeline(events, history.keys)
    ordered = events.iloc[order]
    rows = ordered.iloc[timeline.last]
    table = pd.DataFrame({key: rows[key].to_numpy(np.int64) for key in history.keys})
    table[EVENT_TIMESTAMP] = table[CREATED] = rows[VISIBLE_AT].reset_index(drop=True)
    columns = {name: ordered[name].to_numpy(np.float64) for name in _columns(history.aggregates)}
    for aggregate in history.aggregates:
        table[aggregate.name] = _aggregate(aggregate, columns, timeline)
    return table


def _columns(aggregates: Iterable[Aggregate]) -> set[str]:
    return {aggregate.column for aggregate in aggregates if aggregate.column}


def _timeline(events: pd.DataFrame, keys: Sequence[str]) -> tuple[NDArray[np.int64], _Timeline]:
    entity = events.groupby(list(keys), sort=True).ngroup().to_numpy(np.int64)
    instant = microseconds(events[VISIBLE_AT])
    instant -= instant.min()
    order = np.lexsort((instant, entity))  # stable: ties keep the order of the events
    span = int(instant.max()) + 1
    entity, axis = entity[order], (entity * span + instant)[order]
    last = np.flatnonzero(np.append(axis[1:] != axis[:-1], True))
    first = np.searchsorted(axis, entity[last] * span, side="left")
    return order, _Timeline(instants=axis, first=first, last=last)


def _aggregate(aggregate: Aggregate, columns: dict[str, NDArray[np.float64]], line: _Timeline) -> NDArray[np.float64]:
    if aggregate.kind == "last":
        return columns[aggregate.column][line.last] / aggregate.unit
    start, stop = line.starts(aggregate.window), line.last + 1
    count = (stop - start).astype(np.float64)
    if aggregate.kind == "count":
        return count
    values = columns[aggregate.column]
    if aggregate.kind == "max":
        return _window_maximum(values, start, stop) / aggregate.unit
    total = np.concatenate(([0.0], np.cumsum(values)))
    window = total[stop] - total[start]
    return window / (count * aggregate.unit) if aggregate.kind == "mean" else window / aggregate.unit


def _window_maximum(
    values: NDArray[np.float64], start: NDArray[np.int64], stop: NDArray[np.int64]
) -> NDArray[np.float64]:
    edges = np.column_stack((start, stop)).ravel()
    padded = np.append(values, -np.inf)  # reduceat wants every edge, the last `stop` too, to be an index
    maxima: NDArray[np.float64] = np.maximum.reduceat(padded, edges)[::2]
    return maxima


def microseconds(instants: "pd.Series[pd.Timestamp]") -> NDArray[np.int64]:
    """Instants as microseconds since 1970, a fresh array."""
    return np.array(instants.astype("datetime64[us, UTC]").astype(np.int64), dtype=np.int64)
