"""A control plane in memory with one scripted gateway, in which a rollout goes its way tick by tick."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from routing.control.commands import start
from routing.control.feed import Standing
from routing.control.leader import Leader
from routing.control.memory_feed import MemoryFeed
from routing.control.memory_notes import MemoryNotes
from routing.control.memory_store import MemoryStore
from routing.control.plane import Known, Plane
from routing.control.principals import Principal, Role
from routing.control.signed import Asked, sign
from routing.declared import Declared, read_rollout
from routing.order import Settled
from routing.rollout import Rollout, State
from routing.sources import Sources, combined
from routing.verdict import Verdict
from routing.window import Health, Pair, Window

DECLARED = read_rollout(
    {
        "shadow": {"pairs": 10, "minutes": 0.01},
        "steps": [{"weight": 0.1, "units": 20, "minutes": 0.05}, {"weight": 0.5, "units": 20, "approval": True}],
        "held_back": [{"share": 0.1, "minutes": 0.05}],
        "guards": {"row_faults": {}, "slower": {}},
        "promote": {"ceiling": 0.2},
    }
)
FAULT = 1
KEY = Ed25519PrivateKey.generate()
GRACE = Principal("grace", KEY.public_key(), frozenset({Role.APPROVE}))


@dataclass
class House:
    """A store, a feed, one gateway with one worker, and leaders by name."""

    now: float = 1_000.0
    bad: float = 0.0
    """The share of the canary's units that are bad."""
    shared: bool = False
    """Whether every seventh unit is bad, whosesoever."""
    serves: bool = True
    approved: bool = False
    """Whether grace approves whatever step is next."""
    declared: Declared = DECLARED
    principals: dict[str, Principal] = field(default_factory=lambda: {"grace": GRACE})
    store: MemoryStore = field(init=False)
    notes: MemoryNotes = field(init=False)
    feed: MemoryFeed = field(default_factory=MemoryFeed)
    leaders: dict[str, Leader] = field(default_factory=dict)
    unit: int = 0
    sequence: int = 0
    health: Health = field(default_factory=Health)
    outside: list[Verdict] = field(default_factory=list)
    """What sources outside say."""

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: self.now)
        self.notes = MemoryNotes(lambda: self.now)

    def plane(self) -> Plane:
        known = Known(self.principals, {"fraud": self.declared})
        return Plane(self.store, self.feed, self.notes, lambda: known, lambda: self.now)

    def leader(self, name: str) -> Leader:
        if name not in self.leaders:
            self.leaders[name] = Leader(name, self.plane(), self.weigh)
        return self.leaders[name]

    def weigh(self, rollout: Rollout, sources: Sources, judged: Verdict) -> Verdict:
        return combined(judged, self.outside, exposed=rollout.weight > 0)

    async def begin(self) -> None:
        wanted = Rollout(
            f"r{self.now:.0f}",
            "fraud",
            "1",
            "2",
            DECLARED.schedule,
            b"salt",
            "ada",
            1,
            self.now,
            self.now,
            guards=tuple(guard.name for guard in DECLARED.rules.guards),
        )
        await start(self.store, wanted, "ada", self.now)

    async def rollout(self) -> Rollout:
        rollout = (await self.store.read("fraud")).rollout
        assert rollout is not None
        return rollout

    async def serve(self) -> None:
        """Half a second of a gateway: the table that is kept, its calls, a window."""
        self.now += 0.5
        rollout = await self.rollout()
        if self.serves:
            await self.feed.report("fraud", "gw", Standing(rollout.table, self.now, rollout=rollout.name))
        if self.approved:
            asked = Asked(
                "approve", "fraud", rollout.name, self.now, self.now + 9.0, step=rollout.at + 1, digests=rollout.digests
            )
            await self.notes.approve(rollout.name, sign("grace", KEY, asked))
        calls = [self.call(rollout, number) for number in range(100)] if rollout.weight else []
        pairs = (Pair(0, 0),) * 5 if not rollout.weight else ()
        self.sequence += 1
        window = Window(
            "gw.0", self.sequence, self.now, self.now, rollout.at, tuple(calls), 0, pairs, self.health
        )  # fmt: skip
        await self.feed.send(rollout.name, window)

    def call(self, rollout: Rollout, number: int) -> Settled:
        self.unit += 1
        canary = number * 100 < rollout.weight
        bad = (canary and number < 10 * self.bad) or (self.shared and self.unit % 7 == 0)
        return Settled(self.now - 0.1, self.unit, canary, rollout.at, rollout.weight, FAULT * bad)

    async def go(self, rounds: int, *names: str) -> list[State]:
        """Return the states that the rollout went through, while each of the leaders ticks in turn."""
        seen: list[State] = []
        for number in range(rounds):
            await self.serve()
            await self.leader(names[number % len(names)]).tick()
            state = (await self.rollout()).state
            if not seen or seen[-1] is not state:
                seen.append(state)
        return seen
