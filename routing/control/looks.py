"""What people may see of rollouts: how they stand, what was decided, why, and what other rules would have said."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from protos.sluice.v1 import rollouts_pb2 as pb
from routing.control.approval import approver
from routing.control.errors import UNREADABLE, NotFound, Refused
from routing.control.event import Event
from routing.control.explain import explain
from routing.control.feed import live
from routing.control.frozen import frozen
from routing.control.halts import Halt
from routing.control.messages import event_of, gateways_of, ruling_of, state_of
from routing.control.order import Order
from routing.control.plane import Plane
from routing.control.replay import replay
from routing.control.rules_text import read_rules
from routing.control.signed import NotAllowed
from routing.control.view import NOBODY, Board
from routing.rollout import Rollout

log = logging.getLogger("sluice.control")

LOOK_EVERY = 0.5
"""Seconds from one look of `watch` to the next."""
SAY_EVERY = 1.0
"""Seconds after which `watch` says again what has not changed."""
_USUAL_EVENTS = 50
_MOST_EVENTS = 10_000

Pause = Callable[[float], Awaitable[object]]


class _Look(NamedTuple):
    """What holds for all deployments while they are looked at once."""

    board: Board
    halts: list[Halt]
    now: float
    entities: bool


class Looks:
    """`pause` lets `watch` wait."""

    def __init__(self, plane: Plane, pause: Pause = asyncio.sleep) -> None:
        self._plane = plane
        self._pause = pause
        self._replaying = asyncio.Semaphore(1)
        self._closed = False

    def close(self) -> None:
        """End every watch at its next look."""
        self._closed = True

    async def state(self, rollout: Rollout) -> pb.RolloutState:
        """Return all that is known of a rollout."""
        return await self._state(rollout, await self.board())

    async def board(self) -> Board:
        """Return what whoever leads shows, or `NOBODY` where that cannot be read: the way back does not need it."""
        try:
            return await self._plane.notes.board()
        except UNREADABLE:
            log.exception("what the leader shows cannot be read")
            return NOBODY

    async def list_all(self, order: Order) -> pb.Overview:
        """Return how every deployment stands, or the one that is named."""
        return await self.overview(order.asked.deployment, order.asked.entities)

    async def overview(self, deployment: str = "", entities: bool = False) -> pb.Overview:
        """Return how every deployment stands, or the one of that name. Raises `NotFound`.

        With `entities` also whose the rows were on which both bundles differ most.
        """
        known, now = self._plane.known(), self._plane.clock()
        if deployment:
            known.of(deployment)
        look = _Look(await self.board(), await self._plane.notes.halts(), now, entities)
        if deployment:
            found = [await self._deployment(deployment, look)]
        else:
            found = [await self._shown(name, look) for name in sorted(known.declared)]
        return pb.Overview(deployments=found, leader=look.board.leader, at=now)

    async def watch(self, order: Order) -> AsyncIterator[pb.Overview]:
        """Yield it whenever it has changed, and every second, as long as who asks may."""
        said, said_at = b"", float("-inf")
        while not self._closed:
            if self._plane.known().principals.get(order.by) != order.principal:
                raise NotAllowed(f"the key of {order.by} is in principals.yaml no longer")
            overview = await self.overview(order.asked.deployment, order.asked.entities)
            whole = _without_times(overview)
            if whole != said or overview.at - said_at >= SAY_EVERY:
                said, said_at = whole, overview.at
                yield overview
            await self._pause(LOOK_EVERY)

    async def history(self, order: Order) -> pb.Events:
        """Return the last events of a deployment, the newest last."""
        asked = order.asked
        self._plane.known().of(asked.deployment)
        events = await self._plane.store.history(asked.deployment, asked.count or _USUAL_EVENTS)
        return pb.Events(events=[event_of(event) for event in events])

    async def explain(self, order: Order) -> pb.Note:
        """Return one rollout's history as a note."""
        return pb.Note(markdown=explain(await self._events(order)))

    async def replay(self, order: Order) -> AsyncIterator[pb.Ruling]:
        """Yield what a rollout's judge says by the declared rules or others. One at a time: a judge takes memory."""
        declared = self._plane.known().of(order.asked.deployment)
        rules = await asyncio.to_thread(read_rules, order.asked.rules) if order.asked.rules else declared.rules
        if self._replaying.locked():
            raise Refused("another rollout is being replayed here: try again when that has ended")
        async with self._replaying:
            async for ruling in replay(self._plane.feed, await self._events(order), rules):
                yield ruling_of(ruling)

    async def _events(self, order: Order) -> list[Event]:
        asked = order.asked
        self._plane.known().of(asked.deployment)
        events = await self._plane.store.history(asked.deployment, _MOST_EVENTS)
        if not events:
            raise NotFound(f"{asked.deployment} has had no rollout yet")
        name = asked.rollout or events[-1].rollout.name
        found = [event for event in events if event.rollout.name == name]
        if not found:
            raise NotFound(f"{asked.deployment} has had no rollout {name}; the last one is {events[-1].rollout.name}")
        return found

    async def _shown(self, name: str, look: _Look) -> pb.DeploymentState:
        """Return how one of many stands, or that this cannot be said: the others are shown all the same."""
        try:
            return await self._deployment(name, look)
        except UNREADABLE:
            log.exception("a deployment cannot be shown", extra={"deployment": name})
            return pb.DeploymentState(deployment=name, trouble="it cannot be shown: the control plane's log says why")

    async def _deployment(self, name: str, look: _Look) -> pb.DeploymentState:
        kept = await self._plane.store.read(name)
        standings = await self._plane.feed.standings(name)
        running = None if kept.rollout is None or kept.rollout.over else kept.rollout
        why = frozen(self._plane.known(), look.halts, name, running, look.now)
        state = None if kept.rollout is None else await self._state(kept.rollout, look.board, look.entities)
        return pb.DeploymentState(
            deployment=name, rollout=state, gateways=gateways_of(live(standings, look.now)), frozen=why
        )

    async def _state(self, rollout: Rollout, board: Board, entities: bool = False) -> pb.RolloutState:
        approved = ""
        if not rollout.over:
            approvals = await self._plane.notes.approvals(rollout.name)
            approved = approver(approvals, self._plane.known().principals, rollout, self._plane.clock())
        return state_of(rollout, board.views.get(rollout.deployment), approved, entities)


def _without_times(overview: pb.Overview) -> bytes:
    """Return what of an overview is news when it differs."""
    copy = pb.Overview()
    copy.CopyFrom(overview)
    copy.at = 0.0
    for deployment in copy.deployments:
        for gateway in deployment.gateways:
            gateway.at = 0.0
    return copy.SerializeToString(deterministic=True)
