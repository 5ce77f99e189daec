"""One list's read without its socket: the commands for its distinct keys, and the replies back to its rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.call import FeatureStatus
from gateway.features.block import Draft, FeatureBlock, conclude, empty_draft
from gateway.features.decode import Reply, decode_group
from gateway.features.plan import Group, Plan


class ListRead:
    """What to send for a list of rows (`commands`, `owed` replies) and what to make of the answer."""

    __slots__ = ("_parts", "_plan", "_rows", "commands", "owed")

    def __init__(self, plan: Plan, keys: Sequence[tuple[bytes, ...]]) -> None:
        self._plan = plan
        self._rows = len(keys)
        self._parts = list(map(_Part, plan.groups, zip(*keys, strict=True)))
        self.commands = b"".join([part.group.layout.command(key) for part in self._parts for key in part.keys])
        self.owed = sum([len(part.keys) for part in self._parts])

    def conclude(self, replies: list[Reply], event_now: float) -> FeatureBlock:
        """The block, from replies in the order of the commands; those missing at the end are late."""
        status = FeatureStatus.FRESH if replies else FeatureStatus.LATE
        found = empty_draft(self._rows, len(self._plan.stored), len(self._plan.views), status)
        if not replies:
            return conclude(self._plan, found, event_now)
        start = 0
        for part, (columns, views) in zip(self._parts, self._plan.spans, strict=True):
            stop = start + len(part.keys)
            into = Draft(found.values[:, columns], found.statuses[:, columns], found.stamps[:, views])
            part.decode(replies[start:stop], into)
            start = stop
        return conclude(self._plan, found, event_now)


class _Part:
    """One group's distinct keys, and which row wants which."""

    __slots__ = ("group", "keys", "wanted_by")

    def __init__(self, group: Group, keys: Sequence[bytes]) -> None:
        self.group = group
        self.keys: Sequence[bytes] = keys
        self.wanted_by: NDArray[np.intp] | None = None
        distinct = dict.fromkeys(keys)
        if len(distinct) < len(keys):
            self.keys = list(distinct)
            places = {key: at for at, key in enumerate(self.keys)}
            self.wanted_by = np.array([places[key] for key in keys], np.intp)

    def decode(self, replies: list[Reply], into: Draft) -> None:
        replies.extend([None] * (len(self.keys) - len(replies)))
        layout = self.group.layout
        if self.wanted_by is None:
            decode_group(layout, replies, into)
            return
        once = empty_draft(len(self.keys), layout.features, len(layout.views))
        decode_group(layout, replies, once)
        into.values[:] = once.values[self.wanted_by]
        into.statuses[:] = once.statuses[self.wanted_by]
        into.stamps[:] = once.stamps[self.wanted_by]
