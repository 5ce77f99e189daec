"""The leader: hears every gateway, judges every rollout that runs, and moves it on or back.

Whoever holds the lease leads. Everybody else stands by, and hears every window too, from the first one on: so nothing
of what was known is lost with the one who led before, and whoever comes after it is not deaf for as long as it takes to
hear a day. Without the lease nobody can change anything.
"""

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
from routing.control.hearing import Hearing, Led
from routing.control.metric_sources import unasked
from routing.control.plane import Known, Plane
from routing.control.store import Kept
from routing.control.view import Board, view_of
from routing.rollout import Facts, Rollout, State, abort, above, draw_anew, outlived, outnumbered, remembered
from routing.sources import Sources
from routing.verdict import Verdict, cannot_tell

log = logging.getLogger("sluice.control")

LEASE = 5.0
"""Seconds for which a leader that says nothing still leads."""
PATIENCE = 180.0
"""Seconds that every gateway may take to serve a table."""
SALT_BYTES = 16
# Seconds after which the lease is renewed while one deployment after the other is looked at.
_RENEW = 1.0

Outside = Callable[[Rollout, Sources, Verdict], Verdict]
"""Says what holds of the judge's verdict, with what sources outside say; it makes nobody wait for them."""


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
        self._hearing = Hearing(plane.feed, plane.clock)
        self._unjudged: set[str] = set()

    async def tick(self) -> bool:
        """Look at every rollout once; return whether it led. Raises `ControlError` when Redis cannot be reached."""
        fence = await self._store.lead(self._name, LEASE, self._unjudged)
        if not fence:
            await self._stand_by()
            return False
        now = _Round(self._plane.known(), await self._plane.notes.halts(), fence, self._clock())
        self._unjudged &= now.known.declared.keys()
        try:
            await self._look_at_all(now)
        except Fenced:
            log.warning("somebody else leads by now", extra={"leader": self._name})
            self._hearing.forget_verdicts()
            return False
        views = {deployment: led.view for deployment, led in self._hearing.led.items() if led.view is not None}
        await self._plane.notes.show(Board(self._name, now.now, views))
        return True

    async def resign(self) -> None:
        """Lead no longer, so that another one can at once."""
        self._hearing.forget_all()
        await self._store.resign(self._name)

    def verdicts(self) -> dict[str, Verdict]:
        """Return what the judge said last, by deployment, of the rollouts that run."""
        return {name: led.verdict for name, led in self._hearing.led.items() if led.verdict is not None}

    async def _stand_by(self) -> None:
        """Hear what the leader hears, so as to know as much when it is gone; say nothing."""
        self._hearing.forget_verdicts()
        known = self._plane.known()
        for deployment in known.declared:
            try:
                rollout = (await self._store.read(deployment)).rollout
                if rollout is None or rollout.over:
                    self._hearing.forget(deployment)
                else:
                    await self._hearing.hear(self._hearing.of(rollout, known))
            except ControlError:
                raise
            except Exception:  # supervised: whoever leads says what is wrong with it
                self._hearing.forget(deployment)

    async def _look_at_all(self, now: _Round) -> None:
        renewed = now.now
        for deployment in now.known.declared:
            await self._look_alone(deployment, now)
            if self._clock() - renewed >= _RENEW:
                renewed = self._clock()
                if await self._store.lead(self._name, LEASE, self._unjudged) != now.fence:
                    raise Fenced("another leader has come")

    async def _look_alone(self, deployment: str, now: _Round) -> None:
        """Look at a deployment whose troubles must not keep the others from being judged."""
        try:
            await self._look(deployment, now)
        except ControlError:
            raise
        except Exception:  # supervised: a defect, or data that nobody understands, costs this deployment its judge
            self._hearing.forget(deployment)
            self._unjudged.add(deployment)
            log.exception("a rollout cannot be judged", extra={"deployment": deployment})

    async def _look(self, deployment: str, now: _Round) -> None:
        kept = await self._store.read(deployment)
        rollout = kept.rollout
        if rollout is None or (rollout.over and rollout.state is not State.DONE):
            self._hearing.forget(deployment)
            self._unjudged.discard(deployment)
            return
        gateways = live(await self._plane.feed.standings(deployment), self._clock())
        try:
            overruled, by = self._overruled(rollout, gateways, now)
            if overruled is not rollout:
                view = led.view if (led := self._hearing.led.get(deployment)) is not None else None
                self._say(await change(self._store, kept, overruled, by, self._clock(), now.fence, view=view))
            elif rollout.over:
                self._hearing.forget(deployment)
                self._unjudged.discard(deployment)
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
        led = self._hearing.of(rollout, now.known)
        judged = await self._judged(led, rollout)
        moment = self._clock()
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

    async def _judged(self, led: Led, rollout: Rollout) -> Verdict:
        """Return what its judge says, once it has heard all that has come. What goes back is judged no more."""
        if rollout.state is State.ROLLING_BACK:
            return led.verdict or cannot_tell("it goes back: nothing is judged any more")
        if not await self._hearing.hear(led):
            self._unjudged.add(rollout.deployment)
            return cannot_tell("what was found out so far is still being heard")
        self._unjudged.discard(rollout.deployment)
        return led.judge.verdict(rollout.at, rollout.step, rollout.entered, self._clock())

    def _say(self, kept: Kept) -> None:
        if (rollout := kept.rollout) is not None:
            extra = {"deployment": rollout.deployment, "rollout": rollout.name, "reason": rollout.reason}
            wrong = rollout.state is State.ROLLING_BACK
            log.log(logging.WARNING if wrong else logging.INFO, f"rollout is {rollout.state}", extra=extra)


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
