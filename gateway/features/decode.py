"""Replies of Redis to columns: many rows at once where they are whole, one value at a time where they are not.

The quick way joins the same-typed fields of all rows and looks at the bytes as one strided numpy array. It holds only
if every field has its type's length and tag; any row for which that fails (a new card, a null, a broken value) is set
aside and read exactly, value by value, so that one bad row neither slows nor spoils the others. Whether numbers are
finite is judged once for the whole list, in `block.conclude`.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final, cast

import hiredis
import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.features.block import Draft
from gateway.features.feast_values import UNKNOWN, decode_integer, decode_stamp, decode_value
from gateway.features.layout import Layout, Run

Fields = list[bytes | None]
Reply = Fields | hiredis.ReplyError | None
"""Of one key: its fields, the server's refusal, or None when it did not come in time."""

_NUMPY: Final = {"double": "<f8", "float": "<f4"}
_DATA_AT_FAULT: Final = "WRONGTYPE"


def decode_group(layout: Layout, replies: Sequence[Reply], into: Draft) -> None:
    """Write one group's columns; `into` holds views of exactly these rows and columns, all marked fresh."""
    trusted = cast(Sequence[list[bytes]], replies)  # what is none raises TypeError, which `_whole` takes for a no
    if _whole(layout, trusted, into.values, into.stamps):
        return
    fit = [at for at, reply in enumerate(replies) if _may_be_whole(layout, reply)]
    if fit:
        values = np.empty((len(fit), layout.features))
        stamps = np.empty((len(fit), len(layout.views)))
        if _whole(layout, [trusted[at] for at in fit], values, stamps):
            into.values[fit], into.stamps[fit] = values, stamps
        else:
            fit = []
    odd = set(range(len(replies))).difference(fit)
    for at in odd:
        _one_row(layout, replies[at], into.values[at], into.statuses[at], into.stamps[at])


def _whole(
    layout: Layout, rows: Sequence[list[bytes]], values: NDArray[np.float64], stamps: NDArray[np.float64]
) -> bool:
    """True when every feature of every row was there and of its type; otherwise the arrays hold nothing of worth."""
    try:
        for run in layout.runs:
            fields = list(chain.from_iterable([row[run.start : run.stop] for row in rows]))
            if not (_fixed(run, len(rows), fields, values) if run.width else _varied(run, fields, values)):
                return False
        times = [decode_stamp(field) for row in rows for field in row[layout.features :]]
        stamps[:] = np.array(times).reshape(stamps.shape)
    except (TypeError, ValueError):
        return False
    return True


def _fixed(run: Run, rows: int, fields: list[bytes], values: NDArray[np.float64]) -> bool:
    # A longest field of `width` and a sum of n times `width` leave no other length.
    if max(map(len, fields)) != run.width:
        return False
    joined = b"".join(fields)
    columns = run.stop - run.start
    if len(joined) != rows * columns * run.width or joined[:: run.width] != run.tags * rows:
        return False
    values[:, run.columns] = np.ndarray(
        (rows, columns), _NUMPY[run.type], joined, offset=1, strides=(columns * run.width, run.width)
    )
    return True


def _varied(run: Run, fields: list[bytes], values: NDArray[np.float64]) -> bool:
    numbers = [decode_integer(run.type, field) for field in fields]
    values[:, run.columns] = np.array(numbers).reshape(len(values), -1)
    return True


def _may_be_whole(layout: Layout, reply: Reply) -> bool:
    """A cheap look: nothing absent, nothing null, and fixed types of their length."""
    if not isinstance(reply, list) or len(reply) != layout.fields:
        return False
    fields = [field for field in reply[: layout.features] if field]
    if len(fields) != layout.features:
        return False
    return all(not run.width or set(map(len, fields[run.start : run.stop])) == {run.width} for run in layout.runs)


def _one_row(
    layout: Layout, reply: Reply, values: NDArray[np.float64], statuses: NDArray[np.uint8], stamps: NDArray[np.float64]
) -> None:
    stamps[:] = UNKNOWN
    if not isinstance(reply, list) or len(reply) != layout.fields:
        statuses[:] = _status_without_fields(reply)
        return
    if reply == layout.absent:
        statuses[:] = FeatureStatus.MISSING
        return
    for run in layout.runs:
        for at in range(run.start, run.stop):
            column = layout.order[at]
            values[column], statuses[column] = decode_value(run.type, reply[at])
    stamps[:] = [decode_stamp(field) for field in reply[layout.features :]]


def _status_without_fields(reply: Reply) -> FeatureStatus:
    """Redis in trouble (loading, failing over, no permission) is late and no arm's fault; bad data is broken."""
    if reply is None:
        return FeatureStatus.LATE
    if isinstance(reply, hiredis.ReplyError) and not str(reply).startswith(_DATA_AT_FAULT):
        return FeatureStatus.LATE
    return FeatureStatus.BROKEN
