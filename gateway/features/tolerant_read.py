"""One list's read where views tolerate something: keys read a moment ago are not asked for, nor what may be left out
and would not come in time, and what does not come is what was last known.

A value that stands in is `LAST_KNOWN`, whatever its view's limit leaves of it: one that is over that limit is stale, as
always. What was null or missing when it was read says nothing now, and is late.
"""

from collections.abc import Sequence
from itertools import islice

from gateway.call import FeatureStatus
from gateway.features.block import Draft, FeatureBlock, KeyOutcomes, conclude, empty_draft
from gateway.features.decode import Reply, decode_rows, is_late
from gateway.features.layout import Layout
from gateway.features.list_read import Part
from gateway.features.memory import Memory
from gateway.features.plan import Group, Plan
from gateway.features.tolerance import GroupTolerance, Tolerance

_STANDING_IN = bytes.maketrans(
    bytes([FeatureStatus.FRESH, FeatureStatus.NULL, FeatureStatus.MISSING]),
    bytes([FeatureStatus.LAST_KNOWN, FeatureStatus.LATE, FeatureStatus.LATE]),
)
"""From the status of a remembered value to that of a value which stands in."""


class TolerantRead:
    """As ListRead. `hurried` says that the list's time would not suffice for a read; it begins at `began`."""

    __slots__ = ("_asking", "_memory", "_parts", "_plan", "_rows", "began", "commands", "owed")

    def __init__(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        tolerance: Tolerance,
        memory: Memory,
        began: float,
        hurried: bool,
    ) -> None:
        self._plan, self._rows, self._memory, self.began = plan, len(keys), memory, began
        self._parts = [
            TolerantPart(group, own, tolerated, memory, began, hurried)
            for group, own, tolerated in zip(plan.groups, zip(*keys, strict=True), tolerance, strict=False)
        ]
        # What may be left out comes last: if not all comes in time, it is what is missing.
        self._asking = sorted(self._parts, key=lambda part: part.tolerated.optional)
        self.commands = b"".join([layout.commands(keys) for layout, keys in self.asked])
        self.owed = sum([len(part.wanted) for part in self._parts])

    @property
    def asked(self) -> list[tuple[Layout, Sequence[bytes]]]:
        """What the commands ask for, in their order."""
        return [(part.layout, part.wanted_keys()) for part in self._asking if part.wanted]

    def conclude(self, replies: Sequence[Reply], event_now: float, now: float) -> FeatureBlock:
        """The block, from replies in the order of the commands; those missing at the end are late."""
        left = iter(replies)
        for part in self._asking:
            part.take(list(islice(left, len(part.wanted))), now)
        found = self._decode()
        block = conclude(self._plan, found, event_now)
        for part, (columns, views) in zip(self._parts, self._plan.spans, strict=False):
            part.remember(block, columns)
            if part.ages:
                for row in range(self._rows):
                    part.stand_in(block, found, row, views)
        outcomes = [part.outcomes() for part in self._parts]
        summed = KeyOutcomes(*map(sum, zip(*outcomes, strict=True))) if outcomes else None
        return FeatureBlock(block.plan, block.values, block.stamps, block.event_now, block.odd, summed)

    def _decode(self) -> Draft:
        plan = self._plan
        if not any(reply is not None for part in self._parts for reply in part.replies):
            return empty_draft(self._rows, len(plan.stored), len(plan.views), FeatureStatus.LATE)
        by_group = [part.by_row(part.replies) for part in self._parts]
        return decode_rows(plan, list(zip(*by_group, strict=True)))


class TolerantPart(Part):
    """One group's distinct keys with what is known of each: from memory, from the store, or not at all."""

    __slots__ = ("_began", "_memory", "_missing", "_skipped", "_unknown", "ages", "replies", "tolerated", "wanted")

    def __init__(
        self,
        group: Group,
        keys: Sequence[bytes],
        tolerated: GroupTolerance,
        memory: Memory,
        began: float,
        hurried: bool,
    ) -> None:
        super().__init__(group, keys)
        self.tolerated, self._memory, self._began = tolerated, memory, began
        self.replies: list[Reply] = [None] * len(self.keys)
        self.ages: dict[int, float] = {}
        """How old each of the replies is that stands in for one that did not come, by place."""
        if tolerated.cache:
            self._recall_young()
        self._unknown = [place for place, reply in enumerate(self.replies) if reply is None]
        self._missing: set[int] = set()
        self._skipped = hurried and tolerated.optional
        self.wanted = [] if self._skipped else self._unknown
        """Which keys to ask for, by place."""

    def wanted_keys(self) -> Sequence[bytes]:
        """Return the keys to ask for."""
        return self.keys if len(self.wanted) == len(self.keys) else [self.keys[place] for place in self.wanted]

    def take(self, replies: Sequence[Reply], now: float) -> None:
        """Take the replies to the wanted keys; where one is missing, the last known reply if it is tolerated."""
        for place, reply in zip(self.wanted, replies, strict=False):
            self.replies[place] = reply
        # Nearly all replies are lists, and to see that costs less than a call.
        found = self.replies
        self._missing = {at for at in self._unknown if type(found[at]) is not list and is_late(found[at])}
        longest = max(self.tolerated.last_known)
        for place in self._missing if longest else ():
            known = self._memory.recall(self.layout, self.keys[place])
            if known is not None and now - known.read_at <= longest:
                self.replies[place] = known.fields()
                self.ages[place] = now - known.read_at

    def remember(self, block: FeatureBlock, columns: slice) -> None:
        """Keep what was read; forget what was known of a key that is now broken, or gone."""
        if not (self.tolerated.remembers and self.wanted):
            return
        layout, memory, missing = self.layout, self._memory, self._missing
        broken = {self.place_of(row) for row, status in block.odd.items() if _BROKEN in status.codes[columns]}
        useless = None if self.tolerated.cache else layout.absent
        for place in self.wanted:
            if place in missing:
                continue
            reply, key = self.replies[place], self.keys[place]
            if isinstance(reply, list) and place not in broken and reply != useless:
                memory.keep(layout, key, reply, self._began)
            else:
                memory.forget(layout, key)

    def stand_in(self, block: FeatureBlock, found: Draft, row: int, views: slice) -> None:
        """Say of a row that its values stand in; those of views that do not tolerate their age are late instead."""
        age = self.ages.get(self.place_of(row))
        if age is None:
            return
        plan, odd = block.plan, block.odd.get(row)
        codes = bytearray(bytes([FeatureStatus.FRESH]) * len(plan.stored) if odd is None else odd.codes)
        for view, longest in zip(range(views.start, views.stop), self.tolerated.last_known, strict=True):
            columns = plan.view_columns[view]
            if age <= longest:
                codes[columns] = codes[columns].translate(_STANDING_IN)
            else:
                codes[columns] = bytes([FeatureStatus.LATE]) * len(codes[columns])
                found.values[row, columns] = plan.defaults[columns]
                found.put_stamps(row, slice(view, view + 1), [None])
        block.odd[row] = plan.row_statuses.of(bytes(codes))

    def outcomes(self) -> KeyOutcomes:
        """Count the keys by what became of them."""
        known, unknown = len(self.ages), len(self._missing) - len(self.ages)
        return KeyOutcomes(
            hit=len(self.keys) - len(self._unknown),
            read=len(self._unknown) - len(self._missing),
            last_known=known,
            late=0 if self._skipped else unknown,
            skipped=unknown if self._skipped else 0,
        )

    def _recall_young(self) -> None:
        for place, key in enumerate(self.keys):
            known = self._memory.recall(self.layout, key)
            if known is not None and self._began - known.read_at < self.tolerated.cache:
                self.replies[place] = known.fields()


_BROKEN = int(FeatureStatus.BROKEN)
