"""The leader: hears every gateway, judges every rollout that runs, and moves it on or back.

Whoever holds the lease leads. Everybody else stands by, and hears every window too, from the first one on: so nothing
of what was known is lost with the one who led before, and whoever comes after it is not deaf for as long as it takes to
hear a day. Without the lease nobody can change anything.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from routing.control.approval import approver
from routing.control.change import JUDGE, change, look
from routing.control.errors import ControlError, Fenced, Stale
from routing.control.feed import Standing, live
from routing.control.frozen import frozen
from routing.control.halts import Halt, in_force
from routing.control.metric_sources import unasked
from routing.control.plane import Known, Plane
from routing.control.store import Kept
from routing.control.view import Board, View, view_of
from routing.judge import GONE, Judge
from routing.rollout import Facts, Rollout, State, abort, above, draw_anew, outlived, outnumbered, remembered
from routing.sources import Sources
from routing.verdict import Verdict

log = logging.getLogger("sluice.control")

LEASE = 5.0
"""Seconds for which a leader that says nothing still leads."""
FUTURE = 5.0
"""Seconds by which a window may be ahead of the leader's clock: gateways put theirs on the same one."""
PATIENCE = 180.0
"""Seconds that every gateway may take to serve a table."""
SALT_BYTES = 16
# Windows that are heard at a stretch, and seconds after which the lease is renewed meanwhile.
_MOST, _RENEW = 50, 1.0

Outside = Callable[[Rollout, Sources, Verdict], Verdict]
"""Says what holds of the judge's verdict, with what sources outside say; it makes nobody wait for them."""


@dataclass(slots=True)
class Led:
    """One rollout as its leader has it."""

    name: str
    judge: Judge
    heard: str = ""
    """The place of the last window that the judge heard."""
    verdict: Verdict | None = None
    """What it said last."""
    view: View | None = None
    """What everybody is shown of it."""


@dataclass(frozen=True, slots=True)
class _Round:
    """What holds for all deployments while they are looked at once."""

    known: Known
    halts: list[Halt]
    fence: int
    now: float


class Leader:
    """Call `tick` several times a second. Its `name` is its own among all that could lead."""

    def __init__(self, name: str, plane: Plane, outside: Outside = unasked) -> None:
        self._name = name
        self._plane = plane
        self._store = plane.store
        self._clock = plane.clock
        self._outside = outside
        self._led: dict[str, Led] = {}

    async def tick(self) -> bool:
        """Look at every rollout once; return whether it led. Raises `ControlError` when Redis cannot be reached."""
        fence = await self._store.lead(self._name, LEASE)
        if not fence:
            await self._stand_by()
            return False
        now = _Round(self._plane.known(), await self._plane.notes.halts(), fence, self._clock())
        try:
            for deployment in now.known.declared:
                await self._look_alone(deployment, now)
        except Fenced:
            log.warning("somebody else leads by now", extra={"leader": self._name})
            self._forget_verdicts()
            return False
        views = {deployment: led.view for deployment, led in self._led.items() if led.view is not None}
        await self._plane.notes.show(Board(self._name, now.now, views))
        return True

    async def resign(self) -> None:
        """Lead no longer, so that another one can at once."""
        self._led.clear()
        await self._store.resign(self._name)

    def verdicts(self) -> dict[str, Verdict]:
        """Return what the judge said last, by deployment, of the rollouts that run."""
        return {name: led.verdict for name, led in self._led.items() if led.verdict is not None}

    async def _stand_by(self) -> None:
        """Hear what the leader hears, so as to know as much when it is gone; say nothing."""
        self._forget_verdicts()
        known = self._plane.known()
        for deployment in known.declared:
            try:
                rollout = (await self._store.read(deployment)).rollout
                if rollout is None or rollout.over:
                    self._led.pop(deployment, None)
                else:
                    await self._hear(self._of(rollout, known))
            except ControlError:
                raise
            except Exception:  # supervised: whoever leads says what is wrong with it
                self._led.pop(deployment, None)

    def _forget_verdicts(self) -> None:
        for led in self._led.values():
            led.verdict = led.view = None

    async def _look_alone(self, deployment: str, now: _Round) -> None:
        """Look at a deployment whose troubles must not keep the others from being judged."""
        try:
            await self._look(deployment, now)
        except ControlError:
            raise
        except Exception:  # supervised: a defect, or data that nobody understands, costs this deployment its judge
            self._led.pop(deployment, None)
            log.exception("a rollout cannot be judged", extra={"deployment": deployment})

    async def _look(self, deployment: str, now: _Round) -> None:
        kept = await self._store.read(deployment)
        rollout = kept.rollout
        if rollout is None or (rollout.over and rollout.state is not State.DONE):
            self._led.pop(deployment, None)
            return
        gateways = live(await self._plane.feed.standings(deployment), self._clock())
        try:
            overruled, by = self._overruled(rollout, gateways, now)
            if overruled is not rollout:
                view = led.view if (led := self._led.get(deployment)) is not None else None
                self._say(await change(self._store, kept, overruled, by, self._clock(), now.fence, view=view))
            elif rollout.over:
                self._led.pop(deployment, None)
            else:
                await self._judge(kept, rollout, gateways, now)
        except Stale:
            log.info("a rollout was changed by somebody else", extra={"deployment": deployment})

    def _overruled(self, rollout: Rollout, gateways: Mapping[str, Standing], now: _Round) -> tuple[Rollout, str]:
        """Return what becomes of a rollout whatever its judge says, and by whom.

        Its memory was lost, somebody has stopped it, or units have kept their arms for long enough.
        """
        moment = self._clock()
        # What is over stands, whatever a later rollout that is forgotten has left behind: the next one begins above it.
        ahead = [
            one.table for one in gateways.values() if one.rollout and (one.rollout == rollout.name or not rollout.over)
        ]
        if (known := outnumbered(rollout, max(ahead, default=0), moment)) is not rollout:
            return known, JUDGE
        for name, one in gateways.items():
            if one.taken_out == rollout.name and (known := remembered(rollout, name, moment)) is not rollout:
                return known, JUDGE
        halt = in_force(now.halts, rollout.deployment, moment)
        if halt is not None and halt.takes_out and not rollout.over:
            return abort(rollout, halt.by, halt.what, moment), halt.by
        own = max((one.table for one in gateways.values() if not one.rollout), default=0)
        if (known := above(rollout, own)) is not rollout:
            return known, JUDGE
        if rollout.settled and outlived(rollout, now.known.of(rollout.deployment).sticky_for, moment):
            return draw_anew(rollout, secrets.token_bytes(SALT_BYTES), moment), JUDGE
        return rollout, JUDGE

    async def _judge(self, kept: Kept, rollout: Rollout, gateways: Mapping[str, Standing], now: _Round) -> None:
        led = self._of(rollout, now.known)
        await self._hear(led, now.fence)
        moment = self._clock()
        judged = led.judge.verdict(rollout.at, rollout.step, rollout.since, moment)
        led.verdict = self._outside(rollout, now.known.of(rollout.deployment).sources, judged)
        led.view = view_of(rollout, led.judge, led.verdict, moment)
        approvals = await self._plane.notes.approvals(rollout.name)
        facts = Facts(
            verdict=led.verdict,
            acknowledged=bool(gateways) and all(_serves(one, rollout) for one in gateways.values()),
            approved=approver(approvals, now.known.principals, rollout, moment),
            frozen=frozen(now.known, now.halts, rollout.deployment, rollout, moment),
            overdue=_overdue(gateways, rollout, moment),
        )
        after = await look(self._store, kept, facts, self._clock(), now.fence, led.view)
        if after is not kept:
            self._say(after)

    def _say(self, kept: Kept) -> None:
        if (rollout := kept.rollout) is not None:
            extra = {"deployment": rollout.deployment, "rollout": rollout.name, "reason": rollout.reason}
            log.warning(f"rollout is {rollout.state}", extra=extra)

    def _of(self, rollout: Rollout, known: Known) -> Led:
        deployment = rollout.deployment
        led = self._led.get(deployment)
        if led is None or led.name != rollout.name:
            rules = known.of(deployment).rules
            led = self._led[deployment] = Led(rollout.name, Judge(rules, rollout.begun))
        return led

    async def _hear(self, led: Led, fence: int = 0) -> None:
        """Hear what has come. Whoever leads, and has much to hear, must not lose the lease over it: its `fence`."""
        renewed, missed = self._clock(), led.judge.missed
        while windows := await self._plane.feed.after(led.name, led.heard, _MOST):
            for place, window in windows:
                led.heard = place
                if window.at <= self._clock() + FUTURE:
                    led.judge.take(window)
                else:  # it would have everybody else's taken for late
                    log.error("a window is of the future", extra={"rollout": led.name, "worker": window.worker})
            await asyncio.sleep(0)
            if fence and self._clock() - renewed >= _RENEW:
                renewed = self._clock()
                if await self._store.lead(self._name, LEASE) != fence:
                    raise Fenced("another leader has come")
        if led.judge.missed > missed:
            log.warning("windows never came", extra={"rollout": led.name, "missed": led.judge.missed})
        for worker in led.judge.forget_silent(self._clock() - GONE):
            log.warning("a worker has ended without a word", extra={"rollout": led.name, "worker": worker})


def _serves(standing: Standing, rollout: Rollout) -> bool:
    return (standing.table, standing.rollout) == (rollout.table, rollout.name)


def _overdue(gateways: Mapping[str, Standing], rollout: Rollout, now: float) -> str:
    for name, one in gateways.items():
        if one.refused == rollout.table:
            return f"gateway {name} cannot serve it: {one.trouble}"
    late = [name for name, one in gateways.items() if not _serves(one, rollout)]
    if late and now - max(rollout.since, rollout.drawn) > PATIENCE:
        return f"gateway {late[0]} has not served it within {PATIENCE:.0f} s"
    return ""
