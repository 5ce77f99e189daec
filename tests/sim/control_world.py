"""A control plane that can stop anywhere: leaders that sleep between any two words to Redis, a Redis that forgets."""

from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway.lease import TERM, Lease
from gateway.served import Served
from gateway.supervisor.following import TAKEN_OUT, follow, keeps_weight, uses_candidate
from routing.control.event import Event
from routing.control.feed import Standing
from routing.control.memory_store import MemoryStore
from routing.control.store import Kept
from routing.control.window_bytes import decode_window, encode_window
from routing.order import Settled
from routing.rollout import Rollout
from routing.split import BUCKETS
from routing.window import Pair, Window
from tests.unit.followed_rollouts import CURRENT

FAULT = 1
CALLS = 20
GATEWAYS = ("x", "y")
T = TypeVar("T")


class Pause:
    """Where a process may sleep for as long as it likes, or die."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to its end what makes nobody wait."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a replica has."""

    kept: dict[str, Kept]
    events: dict[str, list[bytes]]
    lease: tuple[int, str, float]
    windows: dict[str, list[tuple[int, bytes]]]
    standings: dict[str, Standing]


class ControlRedis(MemoryStore):
    """The shipped store in memory, and a feed whose places grow with time as Redis's do; it can grow younger."""

    def __init__(self, world: "Clock") -> None:
        super().__init__(lambda: world.now)
        self.generation = 0
        """Grows with every failover."""
        self.acknowledged: list[Event] = []
        """Events whose writing was acknowledged, and is remembered."""
        self.writers: dict[tuple[int, int], str] = {}
        """Who wrote a version, by generation and version."""
        self.snapshots: list[Snapshot] = []
        self._stream: dict[str, list[tuple[int, bytes]]] = {}
        self._said: dict[str, Standing] = {}
        self._place = 0

    async def write(self, kept: Kept, event: Event, fence: int) -> Kept:
        """As `Store.write`, remembering what was."""
        self.snapshots.append(self._snapshot())
        new = await super().write(kept, event, fence)
        self.acknowledged.append(event)
        key = self.generation, new.version
        assert key not in self.writers, "a version is written once"
        self.writers[key] = event.by
        return new

    async def send(self, rollout: str, window: Window) -> None:
        """As `Feed.send`."""
        self._place += 1
        self._stream.setdefault(rollout, []).append((self._place, encode_window(window)))

    async def after(self, rollout: str, place: str, most: int) -> list[tuple[str, Window]]:
        """As `Feed.after`."""
        found = [one for one in self._stream.get(rollout, []) if one[0] > int(place or 0)]
        return [(str(number), decode_window(data)) for number, data in found[:most]]

    async def report(self, deployment: str, gateway: str, standing: Standing) -> None:
        """As `Feed.report`."""
        self._said[gateway] = standing

    async def standings(self, deployment: str) -> dict[str, Standing]:
        """As `Feed.standings`."""
        return dict(self._said)

    def fail_over(self, back: int) -> None:
        """Go on with a replica that has not got the last so many changes of rollouts, nor what came since."""
        if not self.snapshots:
            return
        old = self.snapshots[-min(back, len(self.snapshots))]
        del self.snapshots[-min(back, len(self.snapshots)) :]
        self.generation += 1
        self._kept, self._said = dict(old.kept), dict(old.standings)
        self._events.clear()
        self._events.update({name: list(events) for name, events in old.events.items()})
        self._fence, self._leader, self._until = old.lease
        self._stream = {name: list(stream) for name, stream in old.windows.items()}
        del self.acknowledged[sum(map(len, old.events.values())) :]

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            dict(self._kept),
            {name: list(events) for name, events in self._events.items()},
            (self._fence, self._leader, self._until),
            {name: list(stream) for name, stream in self._stream.items()},
            dict(self._said),
        )


class Sleepy:
    """The control Redis as a leader sees it, who may sleep before and after every word."""

    def __init__(self, redis: ControlRedis) -> None:
        self._redis = redis

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._redis, name)

        async def slowly(*arguments: Any) -> Any:
            await Pause()
            answer = await method(*arguments)
            await Pause()
            return answer

        return slowly


@dataclass
class Clock:
    """The time of the world, in unix seconds."""

    now: float = 1_000.0


@dataclass
class Gateway:
    """What a gateway does of itself, by its real decision; `current` and `condemned` outlive it."""

    name: str
    clock: Clock
    redis: ControlRedis
    current: Served = CURRENT
    condemned: dict[str, str] = field(default_factory=dict)
    lease: Lease = field(default_factory=Lease)
    loading: tuple[Served, Served] | None = None
    """What is being loaded, and in place of what."""
    seen: Rollout | None = None
    life: int = 0
    sequence: int = 0
    unit: int = 0
    """The number of the last unit that it has seen: none is another gateway's too."""
    cannot_load: bool = False
    refused: tuple[int, str] = (0, "")
    outbox: list[tuple[str, Window]] = field(default_factory=list)
    """Windows that were made and not sent yet."""
    sent: list[tuple[str, Window]] = field(default_factory=list)

    def restart(self) -> None:
        """Die, and come again with what is on disk."""
        self.lease, self.loading, self.seen, self.refused = Lease(), None, None, (0, "")
        self.life, self.sequence = self.life + 1, 0
        self.outbox.clear()
        self.sent.clear()

    def look(self) -> None:
        """Look at the control Redis once, as the follower does, and renew the lease, as the teller does."""
        self.seen = done(self.redis.read("fraud")).rollout
        if self.seen is None:
            return
        self._follow(self.seen)
        if not keeps_weight(self.seen, self.current, self.condemned):
            self.lease.renew(0.0, self.clock.now)
        elif done(self.redis.leader()):
            self.lease.renew(TERM, self.clock.now)

    def load(self) -> None:
        """End the loading that was begun."""
        if self.loading is None:
            return
        (served, instead_of), self.loading = self.loading, None
        rollout = self.seen
        if self.cannot_load and rollout is not None and uses_candidate(rollout, served.table):
            self.refused = (0 if rollout.over else served.table.number), "no such bundle"
        elif self.current == instead_of:
            self.current = served

    def report(self) -> None:
        """Say how it stands."""
        table, part = self.current.table, self.current.part
        number, trouble = self.refused
        rollout = part.rollout if part else ""
        out = self.seen.name if self.seen is not None and self.seen.name in self.condemned else ""
        standing = Standing(
            table.number, self.clock.now, number, trouble, rollout=rollout, champion=table.champion, taken_out=out
        )
        done(self.redis.report("fraud", self.name, standing))

    def watch(self, bad: int) -> None:
        """Note twenty calls, so many of the canary's being bad, and pairs in a shadow; they are in the outbox then."""
        part = self.current.part
        if part is None or part.over:
            return
        weight = self.canary_weight
        canaries = CALLS * weight // BUCKETS
        calls = tuple(
            self._call(number < canaries, FAULT * (number < min(bad, canaries)), weight)
            for number in range(CALLS if weight else 0)
        )
        pairs = () if part.weight else (Pair(0, 0),) * 5
        self.sequence += 1
        now, worker = self.clock.now, f"{self.name}.{self.life}"
        window = Window(worker, self.sequence, now, now, part.step, calls, pairs=pairs)
        self.outbox.append((part.rollout, window))

    def send(self, count: int) -> None:
        """Send the oldest windows of the outbox."""
        for rollout, window in self.outbox[:count]:
            done(self.redis.send(rollout, window))
        self.sent = [*self.sent, *self.outbox[:count]][-9:]
        del self.outbox[:count]

    def send_again(self) -> None:
        """Send once more what was sent."""
        for rollout, window in self.sent:
            done(self.redis.send(rollout, window))

    @property
    def canary_weight(self) -> int:
        """The canary's, of 10,000 units, as it is given now."""
        canary = self.current.table.canary
        return canary.weight if canary is not None and self.lease.holds(self.clock.now) else 0

    def _follow(self, rollout: Rollout) -> None:
        if rollout.state in TAKEN_OUT:
            self.condemned.setdefault(rollout.name, rollout.digests["bundle"])
        following = follow(rollout, self.current, self.condemned)
        if following.trouble:
            self.refused = rollout.table, following.trouble
        elif following.served is None:
            self.refused = 0, ""
        elif rollout.table != self.refused[0] and (self.loading is None or self.loading[0] != following.served):
            self.loading = following.served, self.current

    def _call(self, canary: bool, signs: int, weight: int) -> Settled:
        part = self.current.part
        assert part is not None
        self.unit += len(GATEWAYS)
        return Settled(self.clock.now - 0.1, self.unit, canary, part.step, weight, signs, part.epoch)
