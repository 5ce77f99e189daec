"""Follows the rollouts in the control Redis: every worker serves their tables within a second, and what is away lapses.

Nothing here decides: `following` does, and what it says is applied as a reload is, by all workers or by none.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.deployment import DeploymentError
from gateway.lease import TERM
from gateway.served import Served
from gateway.supervisor.condemned import Condemned
from gateway.supervisor.following import TAKEN_OUT, follow, keeps_weight, uses_candidate
from gateway.supervisor.tables import Tables
from gateway.supervisor.turning import Turning
from monitoring.series import Gauge
from routing.control.errors import ControlError
from routing.control.store import Store
from routing.rollout import Rollout

log = logging.getLogger("sluice.rollouts")

# Seconds from one look at the control Redis to the next; those that a worker may take to load a candidate.
POLL, PATIENCE = 0.25, 120.0
# Seconds after which a table that was not served is tried again, and how often one with the candidate is tried in all:
# a worker may have died of something else.
AGAIN, TRIES = 1.0, 3
# Seconds without a leader after which that is said.
LEADERLESS = 10.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the table of that number is not served. It is `given_up` when it will not be tried again."""

    table: int
    reason: str
    given_up: bool = True
    tries: int = 1


class Follower:
    """Looks at every deployment that is served. `moved` is set whenever a canary's weight has to be taken back."""

    def __init__(self, store: Store, tables: Tables, turning: Turning, condemned: Condemned, heard: Gauge) -> None:
        self._store = store
        self._tables = tables
        self._turning = turning
        self._condemned = condemned
        self._heard = heard
        self._applying: dict[str, tuple[Served, asyncio.Task[None]]] = {}
        self._unjudged: frozenset[str] = frozenset()
        self._complained = False
        self._missed = float("inf")  # when it was first seen that nobody leads, on the event loop's clock
        self.rollouts: dict[str, Rollout] = {}
        """The last rollout of each deployment, as it was seen last."""
        self.troubles: dict[str, Trouble] = {}
        self.heard = float("-inf")
        """When a leader's word was heard last, on the event loop's clock."""
        self.moved = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                try:
                    await self.look()
                except ControlError as exc:
                    self._complain(str(exc))
                except Exception:  # supervised: a defect here must not end the gateway, nor the looking
                    log.exception("rollouts cannot be followed")
                await asyncio.sleep(max(0.0, began + POLL - loop.time()))
        finally:
            await self._stop(task for _, task in self._applying.values())

    async def look(self) -> None:
        """Look once. Raises `ControlError`."""
        leader = await self._store.leader()
        self._unjudged = await self._store.unjudged()
        for name in list(self._tables.current):
            await self._look_at(name)
        if leader:
            self.heard = asyncio.get_running_loop().time()
            self._heard.set(1.0)
            self._complained = False
        else:
            self._miss(asyncio.get_running_loop().time())

    async def _look_at(self, name: str) -> None:
        """Look at one deployment, whose troubles must not keep the others from being followed."""
        try:
            kept = await self._store.read(name)
            if kept.rollout is not None:
                self._follow(kept.rollout)
            else:
                self.rollouts.pop(name, None)
        except ControlError:
            raise
        except Exception:  # supervised: what nobody understands costs this deployment its rollout, whose weight lapses
            self.rollouts.pop(name, None)
            log.exception("a rollout cannot be followed", extra={"deployment": name})

    def leases(self) -> dict[str, float]:
        """Return for how many seconds each deployment's canary may keep its weight; not named: as before."""
        fresh = asyncio.get_running_loop().time() - self.heard <= 2 * POLL
        current, condemned = self._tables.current, self._condemned.digests
        out = {
            name
            for name, rollout in self.rollouts.items()
            if name in current and not keeps_weight(rollout, current[name], condemned)
        }
        kept = self.rollouts.keys() - out - self._unjudged
        return dict.fromkeys(out, 0.0) | dict.fromkeys(kept if fresh else (), TERM)

    def taken_out(self, name: str) -> str:
        """Return the deployment's rollout that was seen last, if its candidate was taken out here; else nothing."""
        rollout = self.rollouts.get(name)
        return rollout.name if rollout is not None and rollout.name in self._condemned.digests else ""

    def _follow(self, rollout: Rollout) -> None:
        name = rollout.deployment
        before, self.rollouts[name] = self.rollouts.get(name), rollout
        if rollout.state in TAKEN_OUT:
            self._condemned.add(rollout.name, rollout.digests["bundle"])
            if before is not None and before.weight:
                self.moved.set()
        current = self._tables.current[name]
        try:
            following = follow(rollout, current, self._condemned.digests)
        except DeploymentError as exc:
            self._trouble(name, Trouble(rollout.table, str(exc)))
            return
        if following.trouble:
            self._trouble(name, Trouble(rollout.table, following.trouble))
        elif following.served is not None:
            self._apply(rollout, following.served, current)
        else:
            self.troubles.pop(name, None)

    def _apply(self, rollout: Rollout, served: Served, current: Served) -> None:
        """Begin to apply a table, in place of one that is only being loaded."""
        name = served.name
        applying = self._applying.get(name)
        if applying is not None and not applying[1].done():
            if applying[0] == served:
                return
            applying[1].cancel()
        tried = self._tried(name, rollout.table)
        if tried is not None and tried.given_up:
            return  # the leader hears of it, and takes the candidate back
        tries = 0 if tried is None else tried.tries
        # Nobody takes back what is over: a promoted bundle is tried until it is served, as the way back is.
        last = uses_candidate(rollout, served.table) and not rollout.over and tries + 1 >= TRIES
        former = [] if applying is None else [applying[1]]
        apply = self._do(served, current, tries, last, former)
        self._applying[name] = served, asyncio.get_running_loop().create_task(apply, name=f"follow {name}")

    async def _do(
        self, served: Served, current: Served, tries: int, last: bool, former: list[asyncio.Task[None]]
    ) -> None:
        await self._stop(former)
        await asyncio.sleep(AGAIN if tries else 0.0)
        reason = await self._turning.apply(served, current, PATIENCE, log.info)
        if reason:
            self._trouble(served.name, Trouble(served.table.number, reason, last, tries + 1))
        else:
            self.troubles.pop(served.name, None)
            log.info("follows a rollout", extra={"deployment": served.name, "table": served.table.number})

    def _tried(self, name: str, table: int) -> Trouble | None:
        trouble = self.troubles.get(name)
        return trouble if trouble is not None and trouble.table == table else None

    def _trouble(self, name: str, trouble: Trouble) -> None:
        if self.troubles.get(name) != trouble:
            fields = {"deployment": name, "table": trouble.table, "reason": trouble.reason}
            log.error("a rollout's table is not served", extra=fields)
        self.troubles[name] = trouble

    def _miss(self, now: float) -> None:
        """Nobody leads. One who starts, or takes over, needs a moment: only when it lasts is it said."""
        self._heard.set(0.0)
        self._missed = min(self._missed, now)
        if now - max(self._missed, self.heard) >= LEADERLESS:
            self._complain("no `sluice control` leads: canaries lose their weight until one does")

    def _complain(self, reason: str) -> None:
        self._heard.set(0.0)
        if not self._complained:
            log.error("rollouts are not steered", extra={"reason": reason})
        self._complained = True

    async def _stop(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
            await asyncio.wait([task])
