"""A store in memory, for tests and for a single process: the same promises, nothing outlives it."""

from collections import defaultdict
from collections.abc import Callable, Collection

from routing.control.errors import Fenced, Stale
from routing.control.event import Event, decode, encode
from routing.control.store import Kept


class MemoryStore:
    """`clock` gives the seconds by which a lease ends."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._events: dict[str, list[bytes]] = defaultdict(list)
        self._fence = 0
        self._leader = ""
        self._unjudged: frozenset[str] = frozenset()
        self._until = float("-inf")

    async def read(self, deployment: str) -> Kept:
        """As `Store.read`."""
        return self._kept.get(deployment, Kept(None, 0))

    async def write(self, kept: Kept, event: Event, fence: int) -> Kept:
        """As `Store.write`."""
        deployment = event.rollout.deployment
        if fence and fence < self._fence:
            raise Fenced(f"leader {self._leader} has come with fence {self._fence}")
        version = self._kept.get(deployment, Kept(None, 0)).version
        if version != kept.version:
            raise Stale(f"{deployment}: version {kept.version} was read, and it is {version} now")
        new = self._kept[deployment] = Kept(event.rollout, version + 1)
        self._events[deployment].append(encode(event))
        return new

    async def history(self, deployment: str, count: int) -> list[Event]:
        """As `Store.history`."""
        return [decode(data) for data in self._events[deployment][-count:]]

    async def lead(self, name: str, seconds: float, unjudged: Collection[str] = ()) -> int:
        """As `Lease.lead`."""
        now = self._clock()
        if name != self._leader or now >= self._until:
            if now < self._until:
                return 0
            self._leader, self._fence = name, self._fence + 1
        self._until, self._unjudged = now + seconds, frozenset(unjudged)
        return self._fence

    async def leader(self) -> str:
        """As `Lease.leader`."""
        return self._leader if self._clock() < self._until else ""

    async def unjudged(self) -> frozenset[str]:
        """As `Lease.unjudged`."""
        return self._unjudged if self._clock() < self._until else frozenset()

    async def resign(self, name: str) -> None:
        """As `Lease.resign`."""
        if name == self._leader:
            self._leader, self._until = "", float("-inf")
