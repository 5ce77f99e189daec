"""What a reader carries from one list to the next where views tolerate something: replies, and how long reads take."""

from collections.abc import Callable, Sequence

from gateway.features.block import FeatureBlock
from gateway.features.decode import Reply
from gateway.features.memory import Memory, MemoryLimits
from gateway.features.plan import Plan
from gateway.features.read_time import ReadTime
from gateway.features.tolerance import Tolerance
from gateway.features.tolerant_read import TolerantRead


class Recollection:
    """Begins and ends such reads; in between the reader asks for what is wanted. `clock` is the worker's own."""

    def __init__(self, limits: MemoryLimits, clock: Callable[[], float]) -> None:
        self.read_time = ReadTime()
        self._memory = Memory(limits)
        self._clock = clock

    def begin(
        self, plan: Plan, keys: Sequence[tuple[bytes, ...]], tolerance: Tolerance, timeout: float
    ) -> TolerantRead:
        """Return what is to be asked for."""
        now = self._clock()
        return TolerantRead(plan, keys, tolerance, self._memory, now, timeout < self.read_time.expect(now))

    def end(self, read: TolerantRead, replies: Sequence[Reply], event_now: float) -> FeatureBlock:
        """Return what came of it, and learn from it."""
        now = self._clock()
        if len(replies) < read.owed:
            self.read_time.exceeded(now - read.began, now)
        elif read.owed:
            self.read_time.observe(now - read.began, now)
        return read.conclude(replies, event_now, now)
