"""What every scenario is played on: a filled Redis of its own, a gateway beside it, and mixed callers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from loadtests.cases import Case
from loadtests.dialect import Target, dialect, requests
from loadtests.faults.callers import Callers, Phase, callers
from loadtests.faults.companion import Companion
from loadtests.faults.house import HardBundle, House, build_house
from loadtests.faults.plan import Plan
from loadtests.faults.redis_process import RedisProcess
from loadtests.faults.script import Deed, Script
from loadtests.faults.served import Served, Wanted, serve
from loadtests.faults.traffic import Run, Traffic, offer
from loadtests.generator import Load, generate

MIX = {"grpc": 0.4, "grpc-critical": 0.15, "grpc-sheddable": 0.05, "json-h2": 0.3, "json-h1": 0.1}
"""The callers of a fault run by name, each with its share."""
PLAIN_MIX = {"grpc": 0.5, "grpc-critical": 0.2, "grpc-sheddable": 0.1, "json-h1": 0.2}
"""The same for a front whose HTTP is HTTP/1.1 only."""
GRPCIO = "grpcio"
"""The callers that speak through the grpcio package, in a process of their own."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The plan, the calls, the capacity of a worker, and where to tell how far one is."""

    plan: Plan
    cases: Sequence[Case]
    capacity: float
    say: Callable[[str], None]

    @property
    def rate(self) -> float:
        """Calls a second while something breaks."""
        return min(self.plan.load * self.capacity, self.plan.most_rate)

    def redis(self, name: str, *settings: str) -> RedisProcess:
        """Start a filled Redis, to be used as a context."""
        plan = self.plan
        return RedisProcess(plan.out / "redis" / name, plan.filled, plan.seats.redis, *settings)

    def house(self, name: str, deployment: str = "fraud", *hard: HardBundle) -> House:
        """Build models and bundles to be changed."""
        return build_house(self.plan.out / "houses" / name, self.plan.models, self.plan.bundles, deployment, hard)

    @contextmanager
    def both(
        self, name: str, front: str = "h2corn", workers: int = 1, house: House | None = None, pinned: bool = True
    ) -> Iterator[tuple[RedisProcess, Served]]:
        """Start a filled Redis and a gateway beside it."""
        with self.redis(name) as redis:
            wanted = Wanted(name, redis.url, front, workers, house, pinned)
            with serve(self.plan, wanted) as served:
                yield redis, served

    def target(self, served: Served, dialect_name: str, priority: str = "") -> Target:
        """Return the deployment at the gateway's address for a dialect."""
        plan, where = self.plan, served.grpc if dialect_name == "grpc" else served.http
        return Target(*where, "fraud", plan.deadline_ms, plan.contract, priority)

    def callers(self, served: Served, cases: Sequence[Case] | None = None, prefix: str = "") -> list[Callers]:
        """Return the mixed callers of a gateway, asking these cases."""
        chosen = list(self.cases if cases is None else cases)
        kinds = [("grpc", "grpc", "", 4), ("grpc-critical", "grpc", "critical", 2)]
        kinds += [("grpc-sheddable", "grpc", "sheddable", 2), ("json-h1", "http", "", 32)]
        if served.front == "h2corn":
            kinds.insert(3, ("json-h2", "http2", "", 4))
        made = []
        for name, spoken, priority, connections in kinds:
            target = self.target(served, spoken, priority)
            calls = requests(dialect(spoken, target), chosen)
            made.append(callers(prefix + name, spoken, target, calls, connections))
        return made

    def mix(self, served: Served, prefix: str = "") -> Mapping[str, float]:
        """Return the shares of the mixed callers."""
        shares = MIX if served.front == "h2corn" else PLAIN_MIX
        return {prefix + name: share for name, share in shares.items()}

    def steady(
        self, served: Served, seconds: float, deeds: Sequence[Deed] = (), grpcio: float = 0.0, share: float = 1.0
    ) -> Run:
        """Keep the gateway busy while the deeds are done; `grpcio` calls a second come through the real client.

        `share` is of the usual rate.
        """
        phase = Phase(seconds, share * self.rate, self.mix(served))
        traffic = Traffic(self.callers(served), [phase], self.plan.deadline, seed=self.plan.seed)
        return self.offer(served, traffic, deeds, grpcio)

    def offer(self, served: Served, traffic: Traffic, deeds: Sequence[Deed] = (), grpcio: float = 0.0) -> Run:
        """Offer a traffic while the deeds are done."""
        told = ", ".join(f"{one.name} at {one.at:g} s" for one in deeds[:4])
        self.say(f"{traffic.seconds:.0f} s of calls" + (f": {told}" if told else ""))
        if not grpcio:
            return offer(traffic, Script(deeds))
        with Companion(self.plan, served.grpc, grpcio, traffic.seconds) as companion:
            run = offer(traffic, Script([Deed(0.0, "grpcio begins", companion.begin), *deeds]))
            number = len(traffic.callers)
            companion.note_in(run.journal, number)
        return replace(run, groups=run.groups | {GRPCIO: number})

    def capacity_of(self, served: Served, connections: int, cases: Sequence[Case] | None = None) -> float:
        """Return the good calls a second of a closed loop, all connections busy."""
        target = self.target(served, "grpc")
        spoken = dialect("grpc", target)
        load = Load(connections, 1, 1.0, self.plan.span(2.0, 6.0))
        calls = requests(spoken, list(self.cases if cases is None else cases))
        report = generate(load, spoken, served.grpc, calls)
        return report.tally.good / report.seconds


def poisoned(cases: Sequence[Case]) -> list[Case]:
    """Return the calls with half a cent more: real amounts are whole cents, and hard bundles look for the half."""
    return [
        Case(case.entities, case.features | {"amount": int(case.features["amount"]) + 0.5}, case.unit) for case in cases
    ]
