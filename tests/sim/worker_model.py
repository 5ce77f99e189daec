"""A worker in virtual time: the real entrances and the real admission, before lines that only cost what lines cost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from gateway.admission import LIST_ROWS, Admission
from gateway.call import Answer, Call
from gateway.deployment import Deployment, UnitRule
from gateway.entrance import Entrance
from gateway.errors import DeadlineExceeded, GatewayError
from gateway.expiry import Expiry
from gateway.intake import Intake, Row
from gateway.line import Line
from gateway.loop_lag import LoopLag
from gateway.policy import Policy, Thresholds
from routing.table import Table
from tests.sim.virtual_loop import VirtualLoop

BUDGET = 0.1
LONG = 100e-6
"""Seconds a row from which on runs have a thread of their own, and..."""
TURN = 500e-6
"""...how long that one and the loop's take turns on their one processor."""


@dataclass(slots=True)
class Costs:
    """Seconds. All but `store`, which is waited for, are of the worker's one processor; measured values, rounded."""

    arrive: float = 35e-6
    """A request read and decoded, whether it is then refused or not."""
    refuse: float = 10e-6
    gone: float = 10e-6
    """A request whose caller had left, over HTTP/2, before it was read."""
    row: float = 60e-6
    """A row answered."""
    list: float = 400e-6
    run: float = 50e-6
    run_row: float = 10e-6
    store: float = 300e-6

    @property
    def capacity(self) -> float:
        """Calls a second when every list is full."""
        return 1.0 / (self.arrive + self.row + self.run_row + (self.list + self.run) / LIST_ROWS)


HEAVY = {"run_row": 1e-3}
"""A deployment whose run costs a millisecond a call."""


class ModelLine:
    """Costs what a line costs, and answers with nothing in particular."""

    def __init__(self, loop: VirtualLoop, deployment: Deployment, admission: Admission, costs: Costs) -> None:
        self.deployment = deployment
        self._loop = loop
        self._admission = admission
        self._costs = costs
        self._thread = asyncio.Lock()

    gathers = True

    @property
    def takes_turns(self) -> bool:
        return self._costs.run_row >= LONG

    async def serve(self, rows: list[Row]) -> None:
        expiry = Expiry(rows, self._loop.time, self.refuse)
        try:
            costs = self._costs
            self._loop.spend(costs.list)
            await asyncio.sleep(min(costs.store, BUDGET / 2))
            await self._run(costs.run + costs.run_row * len(rows), len(rows))
            ended = self._loop.time()
            for row in rows:
                if row.call.deadline < ended:
                    self.refuse(row, DeadlineExceeded("late"))
                else:
                    self._loop.spend(costs.row)
                    row.settle(Answer({}, "", "champion", "1", "1"))
        finally:
            expiry.cancel()

    async def _run(self, seconds: float, rows: int) -> None:
        """Short runs hold the loop; long ones have a thread of their own, which takes turns with it."""
        if self._costs.run_row < LONG:
            self._loop.spend(seconds)
            self._admission.took(rows, seconds, blocking=True)
            return
        async with self._thread:
            await self._run_beside(seconds, rows)

    async def _run_beside(self, seconds: float, rows: int) -> None:
        began = self._loop.time()
        while seconds > 0.0:
            self._loop.spend(min(seconds, TURN))
            seconds -= TURN
            await asyncio.sleep(0)
        self._admission.took(rows, self._loop.time() - began, blocking=False)

    def refuse(self, row: Row, error: GatewayError) -> None:
        if not row.settled:
            row.settle(error)

    async def settled(self) -> None:
        """Nothing is put aside."""

    def count_refusal(self, error: GatewayError) -> None:
        self._loop.spend(self._costs.refuse)


class ModelIntake:
    """Takes every call as it is."""

    def read(self, call: Call) -> Row:
        return Row(call, call.unit, (), [], None)


class Worker:
    """One processor, some deployments, each with its costs and its share."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.lag = LoopLag()
        self.lag.start()
        self.entrances: dict[str, Entrance] = {}
        self.costs: dict[str, Costs] = {}

    def deploy(self, name: str, costs: Costs, share: float = 1.0, lists: int = 2) -> None:
        policy = Policy("1", 0.0, 1.0, Thresholds((), ("yes",)))
        table = Table(name, 1, "1", b"salt")
        deployment = Deployment(name, UnitRule("request", "u"), "wall", BUDGET, policy, table)
        admission = Admission(BUDGET, share)
        line = ModelLine(self.loop, deployment, admission, costs)
        self.costs[name] = costs
        self.entrances[name] = Entrance(
            cast(Line, line),
            cast(Intake, ModelIntake()),
            admission,
            self.loop.time,
            lists=lists,
            waiting_limit=2048,
            lag=self.lag,
        )

    def submit(self, call: Call) -> None:
        self.loop.spend(self.costs[call.deployment].arrive)
        call.received = self.loop.time()
        call.deadline += call.received
        self.entrances[call.deployment].take(call)


def simulate(scenario: Callable[[Worker], Any]) -> None:
    """Run `scenario`, a coroutine function, in a worker of its own and in virtual time."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_run(loop, scenario))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _run(loop: VirtualLoop, scenario: Callable[[Worker], Any]) -> None:
    await scenario(Worker(loop))
