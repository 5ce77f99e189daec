"""One list's read without its socket: the commands for its distinct keys, and the replies back to its rows."""

from collections.abc import Sequence

from gateway.call import FeatureStatus
from gateway.features.block import FeatureBlock, conclude, empty_draft
from gateway.features.decode import Reply, decode_rows
from gateway.features.layout import Layout
from gateway.features.plan import Group, Plan


class ListRead:
    """What to send for a list of rows (`commands`, `owed` replies) and what to make of the answer."""

    __slots__ = ("_parts", "_plan", "_rows", "commands", "owed")

    def __init__(self, plan: Plan, keys: Sequence[tuple[bytes, ...]]) -> None:
        self._plan = plan
        self._rows = len(keys)
        self._parts = list(map(Part, plan.groups, zip(*keys, strict=True)))
        self.commands = b"".join([part.layout.commands(part.keys) for part in self._parts])
        self.owed = sum([len(part.keys) for part in self._parts])

    @property
    def asked(self) -> list[tuple[Layout, Sequence[bytes]]]:
        """The same as `commands`, for a store that needs no bytes."""
        return [(part.layout, part.keys) for part in self._parts]

    def conclude(self, replies: list[Reply], event_now: float) -> FeatureBlock:
        """The block, from replies in the order of the commands; those missing at the end are late."""
        plan = self._plan
        if not replies:
            found = empty_draft(self._rows, len(plan.stored), len(plan.views), FeatureStatus.LATE)
            return conclude(plan, found, event_now)
        if len(replies) < self.owed:
            replies = replies + [None] * (self.owed - len(replies))
        by_group, start = [], 0
        for part in self._parts:
            stop = start + len(part.keys)
            by_group.append(part.by_row(replies[start:stop]))
            start = stop
        return conclude(plan, decode_rows(plan, list(zip(*by_group, strict=True))), event_now)


class Part:
    """One group's distinct keys, and which row wants which."""

    __slots__ = ("_wanted_by", "keys", "layout")

    def __init__(self, group: Group, keys: Sequence[bytes]) -> None:
        self.layout = group.layout
        self.keys: Sequence[bytes] = keys
        self._wanted_by: list[int] | None = None
        distinct = dict.fromkeys(keys)
        if len(distinct) < len(keys):
            self.keys = list(distinct)
            places = {key: at for at, key in enumerate(self.keys)}
            self._wanted_by = [places[key] for key in keys]

    def by_row(self, replies: list[Reply]) -> list[Reply]:
        """From one reply per key to one per row."""
        return replies if self._wanted_by is None else [replies[at] for at in self._wanted_by]

    def place_of(self, row: int) -> int:
        """Which of the keys a row wants."""
        return row if self._wanted_by is None else self._wanted_by[row]
