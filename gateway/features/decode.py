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
from gateway.features.block import Draft, empty_draft
from gateway.features.feast_values import decode_integer, decode_value
from gateway.features.layout import Layout, Run
from gateway.features.plan import Plan

Fields = list[bytes | None]
Reply = Fields | hiredis.ReplyError | None
"""Of one key: its fields, the server's refusal, or None when it did not come in time."""
Row = tuple[Reply, ...]
"""The replies of one row, one a group."""

_NUMPY: Final = {"double": "<f8", "float": "<f4"}
_DATA_AT_FAULT: Final = "WRONGTYPE"


def decode_rows(plan: Plan, rows: Sequence[Row]) -> Draft:
    """Decode one reply per row and group."""
    trusted = cast(Sequence[tuple[list[bytes], ...]], rows)  # what is not raises TypeError, and `_whole` says no
    return _whole(plan, trusted) or _mended(plan, rows)


def _whole(plan: Plan, rows: Sequence[tuple[list[bytes], ...]]) -> Draft | None:
    """All columns, if every feature of every row is there and of its type."""
    values = np.empty((len(rows), len(plan.stored)))
    try:
        for run in plan.runs:
            fields = list(chain.from_iterable([row[group][at:to] for row in rows for group, at, to in run.pieces]))
            if not (_fixed(run, len(rows), fields, values) if run.width else _varied(run, fields, values)):
                return None
        tails = [reply[at:] for row in rows for reply, at in zip(row, plan.stamps_at, strict=True)]
    except (TypeError, ValueError):
        return None
    stamps: list[bytes | None] = list(chain.from_iterable(tails))
    return Draft(values, None, stamps) if len(stamps) == len(rows) * len(plan.views) else None


def _fixed(run: Run, rows: int, fields: list[bytes], values: NDArray[np.float64]) -> bool:
    # A longest field of `width` and a sum of n times `width` leave no other length.
    if max(map(len, fields)) != run.width:
        return False
    joined = b"".join(fields)
    columns = len(run.tags)
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


def _mended(plan: Plan, rows: Sequence[Row]) -> Draft:
    """The quick way with stand-ins for what is not whole, then those places one by one."""
    layouts = [group.layout for group in plan.groups]
    odd = [
        (row, group)
        for row, replies in enumerate(rows)
        for group, layout in enumerate(layouts)
        if not _may_be_whole(layout, replies[group])
    ]
    mended = [list(cast(tuple[list[bytes], ...], replies)) for replies in rows]
    for row, group in odd:
        mended[row][group] = layouts[group].stand_in
    found = _whole(plan, [tuple(replies) for replies in mended])
    if found is None:  # something of the right length is of another type: rare enough to take all of it one by one
        odd = [(row, group) for row in range(len(rows)) for group in range(len(layouts))]
        found = empty_draft(len(rows), len(plan.stored), len(plan.views), FeatureStatus.FRESH)
    statuses = np.full(found.values.shape, FeatureStatus.FRESH, np.uint8)
    for row, group in odd:
        columns, views = plan.spans[group]
        place = found.values[row, columns], statuses[row, columns]
        found.put_stamps(row, views, _one_by_one(layouts[group], rows[row][group], *place))
    return found._replace(statuses=statuses)


def _may_be_whole(layout: Layout, reply: Reply) -> bool:
    """A cheap look: nothing absent, nothing null, and fixed types of their length."""
    if not isinstance(reply, list) or len(reply) != layout.fields or reply == layout.absent:
        return False
    try:
        lengths = [0 if field is None else len(field) for field in reply[: layout.features]]
    except TypeError:  # no HMGET answers with numbers
        return False
    if lengths == layout.widths:
        return True
    return all(found and found == (width or found) for found, width in zip(lengths, layout.widths, strict=True))


def _one_by_one(
    layout: Layout, reply: Reply, values: NDArray[np.float64], statuses: NDArray[np.uint8]
) -> list[bytes | None]:
    """Read one key's fields into their places; return its stamps."""
    unknown: list[bytes | None] = [None] * (layout.fields - layout.features)
    if not isinstance(reply, list) or len(reply) != layout.fields or not all(map(_is_field, reply)):
        statuses[:] = FeatureStatus.LATE if is_late(reply) else FeatureStatus.BROKEN
        return unknown
    if reply == layout.absent:
        statuses[:] = FeatureStatus.MISSING
        return unknown
    for kind, column, field in zip(layout.types, layout.order, reply, strict=False):
        values[column], statuses[column] = decode_value(kind, field)
    return reply[layout.features :]


def _is_field(field: object) -> bool:
    return field is None or type(field) is bytes


def is_late(reply: Reply) -> bool:
    """Whether Redis did not answer in time, or is in trouble (loading, failing over, no permission): no arm's fault."""
    return reply is None or (isinstance(reply, hiredis.ReplyError) and not str(reply).startswith(_DATA_AT_FAULT))
